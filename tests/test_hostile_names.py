"""Functions, operators and types of others, in front of pg_catalog's: none of them runs when dbarch asks about a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.operations.apply import apply_migration
from mcp_server.operations.explain import explain_query
from mcp_server.operations.inspect import inspect_schema
from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.operations.review import review_migration
from mcp_server.world.database import connect, read_only
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.applying import AT_B2, AtB2, applied, open_live, run
from tests.opened import copy_history

pytestmark = pytest.mark.anyio

OPERATORS = {
    "=": ("oid", '"char"', "name", "int4", "int8", "text", "bool", "int2"),
    "<>": ("oid", '"char"', "name", "int4", "text"),
    ">": ("int2", "int4", "oid"),
    "<": ("int2", "int4", "oid"),
    "||": ("text",),
    "+": ("int4", "int8"),
}
FUNCTIONS = (
    "current_setting(text)", "current_setting(text, boolean)", "set_config(text, text, boolean)", "now()", "to_regclass(text)",
    "pg_backend_pid()", "pg_try_advisory_lock(int, int)", "pg_advisory_unlock_all()", "format_type(oid, int)", "version()",
    "array_agg(oid)", "unnest(oid[])", "unnest(text[])", "pg_table_size(regclass)", "quote_ident(text)", "left(text, int)",
)  # fmt: skip
ASKED_WHILE_APPLYING = (
    "current_setting(text)", "current_setting(text, boolean)", "set_config(text, text, boolean)", "now()", "to_regclass(text)",
    "pg_try_advisory_lock(int, int)", "pg_try_advisory_lock_shared(int, int)", "left(text, int)", "unnest(text[])",
)  # fmt: skip
TYPES = "create type public.mood as enum ('ok'); create type public.pair as (a int, m mood); create domain public.plus as int;"


def made(type: str, name: str, signature: str) -> str:
    """SQL of a function that raises."""
    raised = f"it ran: {name}".replace("'", "")
    return (
        f"create function {signature} returns {type} language plpgsql as $$ begin raise exception '{raised}'; end $$;"
    )


def hostile() -> str:
    """SQL of everything that raises when it is run."""
    parts = [TYPES, *(made("text", name, f"public.{name}") for name in FUNCTIONS)]
    for number, (sign, types) in enumerate(OPERATORS.items()):
        for type in types:
            name = f"hostile_{number}_{type.strip(chr(34))}"
            parts.append(made(type if sign in "||+" else "boolean", name, f"public.{name}({type}, {type})"))
            parts.append(
                f"create operator public.{sign} (leftarg = {type}, rightarg = {type}, function = public.{name});"
            )
    parts += [f"create domain public.{name} as pg_catalog.bytea;" for name in ("oid", "regtype", "regclass", "name")]
    return "".join(parts)


@pytest.fixture
async def live(database: Sandbox) -> Sandbox:
    """A database at b2 in which whoever looks up a name finds those of others first."""
    await run(database, *AT_B2, hostile(), f'alter database "{database.name}" set search_path = public, pg_catalog')
    return database


@pytest.mark.every_postgres
async def test_types_are_looked_up_by_the_driver_without_running_anything(live: Sandbox) -> None:
    connection = await connect(live.url, read_only=True)
    async with read_only(connection) as reader:
        row = await reader.fetchrow(
            "select 'ok'::mood, array['ok'::mood], row(1, 'ok')::pair, 5::plus, $1::pair", (2, "ok")
        )
        path = await reader.fetchval("show search_path")
    assert row is not None
    assert row[0] == "ok"
    assert path == await connection.fetchval("show search_path") == "public, pg_catalog"
    await connection.close()


async def test_reading_tools_run_none_of_it(live: Sandbox, sandboxes: Sandboxes, tmp_path: Path) -> None:
    workspace = open_live(copy_history(tmp_path), sandboxes, live)

    await inspect_schema(workspace, "live", detail="everything")
    await inspect_schema(workspace, "live", objects=("authors",))
    await explain_query(workspace, "select name from authors where born is null", analyze=True)
    await explain_query(workspace, "select $1::pair from authors")
    await review_migration(workspace, "b2")
    await apply_migration(workspace)
    await autogenerate_migration(workspace, "anything", write=False)
    await workspace.close()


async def test_applying_runs_none_of_it(database: Sandbox, sandboxes: Sandboxes, tmp_path: Path) -> None:
    """But for what the user's own driver asks: operators and types of others would already stop Alembic by itself."""
    functions = [made("text", name, f"public.{name}") for name in ASKED_WHILE_APPLYING]
    await run(database, *AT_B2, *functions, f'alter database "{database.name}" set search_path = public, pg_catalog')
    project = AtB2(open_live(copy_history(tmp_path), sandboxes, database), database, sandboxes)
    project._ran += functions
    await project.add("c3", "b2", "alter table authors add died date")

    answer = await applied(project.workspace)

    assert answer.findings == 0, answer.text
