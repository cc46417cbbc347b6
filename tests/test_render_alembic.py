"""A rendered revision does through Alembic what the plan does by itself, and reads like one that a person wrote."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import AsyncIterator
from datetime import datetime

import asyncpg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from ruff.__main__ import find_ruff_bin
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from mcp_server.model.change import Added, Changes, Renamed, describe, diff
from mcp_server.model.plan import Plan, Residue, Step
from mcp_server.model.schema import Column, Enum, Schema, Table
from mcp_server.planning import plan
from mcp_server.planning.alike import rename_step
from mcp_server.render import alembic
from mcp_server.render.alembic_sql import execute
from mcp_server.render.alembic_types import Types
from mcp_server.render.python_source import call, flat, formatted, string
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from tests.carrying_out import run_on, run_revision
from tests.ddl_changes import BASE, CHANGES, Change
from tests.markdown_cases import Case, read_cases

Connection = "asyncpg.Connection[asyncpg.Record]"
SQL_TEXT = st.text(alphabet=list(":%\\'\"a1_${}() \n[]|="), max_size=30)


def rendered(made: Plan, *known: Schema) -> str:
    """The revision file of a plan."""
    created = datetime(2026, 1, 31, 12, 30)
    return alembic.render(
        made, revision="b2", down_revision="a1", message="a change", created=created, sqlalchemy=(2, 1), known=known
    )


def planned(before: Schema, after: Schema, changes: Changes | None = None) -> str:
    """The revision file that leads from one Schema to the other."""
    return rendered(plan(before, after, diff(before, after) if changes is None else changes), before, after)


def told(before: Schema, after: Schema) -> list[str]:
    """The differences, as people read them."""
    return [describe(change) for change in diff(before, after)]


def check_style(code: str) -> None:
    """Formatters leave the file as it is, and nothing in it is unused or undefined."""
    for arguments in (("format", "--check"), ("check", "--select", "F,E7,E9,W")):
        run = subprocess.run(
            [find_ruff_bin(), *arguments, "--isolated", "--quiet", "-"],
            input=code,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr + code


@pytest.fixture(scope="module")
async def base(sandboxes: Sandboxes) -> AsyncIterator[AsyncConnection]:
    """A SQLAlchemy connection, by asyncpg, to a database that holds BASE, for tests that roll back what they do."""
    async with sandboxes.lend() as sandbox:
        engine = create_async_engine(
            sandbox.url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool
        )
        async with engine.connect() as opened:
            await (await driver(opened)).execute(BASE)
            yield opened
        await engine.dispose()


async def driver(connection: AsyncConnection) -> Connection:
    """asyncpg's own connection, on which the reader reads inside of SQLAlchemy's transaction."""
    raw = await connection.get_raw_connection()
    assert isinstance(raw.driver_connection, asyncpg.Connection)
    return raw.driver_connection


@pytest.fixture(scope="module")
async def before(base: AsyncConnection) -> Schema:
    """What the reader says of BASE."""
    return await read_schema(await driver(base))


@pytest.mark.anyio
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
async def test_a_single_change_goes_forth_and_back_through_alembic(
    base: AsyncConnection, before: Schema, change: Change
) -> None:
    connection = await driver(base)
    async with base.begin() as transaction:
        await base.execute(sa.text("select"))
        await connection.execute(change.sql)
        after = await read_schema(connection)
        await transaction.rollback()
    made = plan(before, after, diff(before, after))
    if made.residue:
        pytest.skip("has no recipe")
    code = rendered(made, before, after)
    async with base.begin() as transaction:
        await base.run_sync(run_on, code, "upgrade")
        assert told(await read_schema(connection), after) == []
        await base.run_sync(run_on, code, "downgrade")
        assert told(await read_schema(connection), before) == []
        await transaction.rollback()


@pytest.mark.anyio
@pytest.mark.parametrize("case", read_cases("plans"), ids=str)
async def test_a_case_goes_forth_and_back_through_alembic(sandboxes: Sandboxes, case: Case) -> None:
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(case.after)
        after = await read_schema(connection)
        await transaction.rollback()
        await connection.execute(case.before)
        start = await read_schema(connection)
        made = plan(start, after, diff(start, after))
        code = rendered(made, start, after)
        check_style(code)
        if not made.residue:
            run_revision(sandbox.url, code, "upgrade")
            assert told(await read_schema(connection), after) == []
            run_revision(sandbox.url, code, "downgrade")
            assert told(await read_schema(connection), start) == []
        await connection.close()


def test_a_table_is_made_by_alembics_own_operation() -> None:
    table = Table("app", "task", comment="what is to be done")
    objects = (
        table,
        Column("app.task", "id", "bigint", nullable=False, identity_kind="always", position=1),
        Column("app.task", "title", "character varying(50)", nullable=False, default="'it''s'::text", position=2),
        Column("app.task", "mood", "app.mood", comment="how", position=3),
        Enum("app", "mood", ("sad", "ok")),
    )
    code = planned(Schema.of(()), Schema.of(objects))
    check_style(code)
    assert (
        """
    op.create_table(
        "task",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "title",
            sa.String(length=50),
            server_default=sa.text("'it''s'::text"),
            nullable=False,
        ),
        sa.Column(
            "mood",
            postgresql.ENUM("sad", "ok", name="mood", schema="app", create_type=False),
            nullable=True,
            comment="how",
        ),
        schema="app",
        comment="what is to be done",
    )
"""
        in code
    )
    assert "COMMENT" not in code


def test_the_docstring_tells_risk_rollback_and_the_plan() -> None:
    table, column = Table("public", "task"), Column("public.task", "note", "text")
    before, after = Schema.of((table, column)), Schema.of((table,))
    made = plan(before, after, diff(before, after))
    code = rendered(made)
    docstring = ast.get_docstring(ast.parse(code)) or ""
    assert docstring.startswith("a change\n\nRevision ID: b2\nRevises: a1\nCreate Date: 2026-01-31 12:30:00\n")
    assert "Risk: DESTRUCTIVE: drop column public.task.note: the column's values are lost." in docstring
    assert "Rollback: downgrade() brings the structure back, but not what was lost by: drop" in docstring
    assert made.hash in docstring


def test_what_is_not_done_is_told_in_the_docstring() -> None:
    made = Plan("a", "b", (), (), (Residue(Added(Table("public", "task")), "it cannot be"),))
    code = rendered(made)
    check_style(code)
    assert "NOT DONE: add table public.task: it cannot be." in code
    assert code.count("    pass\n") == 2
    assert "import" not in code


@pytest.mark.parametrize("message", ['"quoted"', "back\\slash", 'three """ quotes', "two\nlines", "ends with \\"])
def test_any_message_makes_a_valid_docstring(message: str) -> None:
    created = datetime(2026, 1, 31)
    made = Plan("a", "b", (), ())
    code = alembic.render(made, revision="b2", down_revision=("a1", "a2"), message=message, created=created)
    tree = ast.parse(code)
    assert (ast.get_docstring(tree, clean=False) or "").startswith(f"{message}\n\nRevision ID: b2\nRevises: a1, a2\n")
    names = {node.targets[0].id: ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)}
    assert names == {"revision": "b2", "down_revision": ("a1", "a2"), "branch_labels": None, "depends_on": None}


def test_renames_are_alembics_own_where_it_has_them() -> None:
    table, column = Table("app", "task"), Column("app.task", "note", "text")
    renames = (
        Renamed(table, Table("app", "job")),
        Renamed(column, Column("app.task", "remark", "text")),
        Renamed(Enum("app", "mood", ("a",)), Enum("app", "feeling", ("a",))),
    )
    made = Plan("a", "b", tuple(rename_step(rename) for rename in renames), ())
    code = rendered(made)
    check_style(code)
    assert 'op.rename_table("task", "job", schema="app")' in code
    assert 'op.alter_column("task", "note", new_column_name="remark", schema="app")' in code
    assert 'op.execute("ALTER TYPE app.mood RENAME TO feeling")' in code


def test_steps_outside_of_a_transaction_stand_in_an_autocommit_block() -> None:
    enum = Enum("public", "mood", ("a",))
    inside = Step("select 1", Added(enum), fields=("values",))
    outside = Step("select 2", Added(enum), fields=("values",), transactional=False)
    code = rendered(Plan("a", "b", (inside, outside, outside, inside), ()))
    check_style(code)
    assert (
        """
    op.execute("select 1")
    with op.get_context().autocommit_block():
        op.execute("select 2")
        op.execute("select 2")
    op.execute("select 1")
"""
        in code
    )


@pytest.mark.parametrize(
    ("type_", "version", "spelled"),
    [
        ("uuid", (2, 0), "sa.Uuid()"),
        ("uuid", (1, 4), "postgresql.UUID(as_uuid=True)"),
        ("double precision", (1, 4), "sa.Float(precision=53)"),
        ("timestamp(3) with time zone", (2, 1), "postgresql.TIMESTAMP(timezone=True, precision=3)"),
        ("numeric(10,2)[]", (2, 1), "postgresql.ARRAY(sa.Numeric(precision=10, scale=2))"),
        ("tsquery", (1, 4), None),
        ("public.vector(3)", (2, 1), None),
        ("interval year to month", (2, 1), None),
    ],
)
def test_a_type_is_spelled_for_the_projects_sqlalchemy(
    type_: str, version: tuple[int, ...], spelled: str | None
) -> None:
    source = Types(version, ()).spell(type_)
    assert (flat(source) if source is not None else None) == spelled


@given(SQL_TEXT)
def test_any_sql_comes_out_of_sqlalchemy_as_it_went_in(sql: str) -> None:
    names = {"sa": sa, "op": type("op", (), {"execute": staticmethod(lambda statement: statement)})}
    statement = eval(flat(execute(sql)), names)
    construct = sa.text(statement) if isinstance(statement, str) else statement
    assert str(construct.compile(dialect=dialect())) == sql


@given(st.text(max_size=40))
def test_a_string_literal_means_the_string(text: str) -> None:
    assert ast.literal_eval(string(text)) == text


@pytest.mark.parametrize("length", [10, 60, 75, 76, 77, 78, 79, 85])
def test_calls_are_broken_as_formatters_do(length: int) -> None:
    name = string("x" * length)
    source = call("op.f", call("sa.text", name), name, call("op.g", name, name), call("op.h"))
    code = "\n".join(
        ("def upgrade() -> None:", formatted(source, 4), formatted(call("op.f", call("sa.text", name)), 4))
    )
    check_style(f"import op\nimport sa\n\n\n{code}\n")
