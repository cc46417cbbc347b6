"""Every plan reaches its target, leads back, and leaves nothing for a second plan; or it names what it cannot do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from mcp_server.model.change import Altered, describe, diff
from mcp_server.model.plan import Plan
from mcp_server.model.schema import Column, Enum, Schema
from mcp_server.planning import plan
from mcp_server.render import ddl
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from tests.carrying_out import carry_out
from tests.ddl_changes import BASE, CHANGES, Change
from tests.markdown_cases import Case, read_cases

pytestmark = pytest.mark.anyio
Connection = "asyncpg.Connection[asyncpg.Record]"
# Kinds that the reader only names, and what Postgres cannot do: a declared column does not become an inherited one.
NAMED = {"operator_add", "cast_add", "collation_add", "table_rename", "table_inherit"}
ROWS = "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"


@pytest.fixture(scope="module")
async def base(sandboxes: Sandboxes) -> AsyncIterator[Connection]:
    """A connection to a database that holds BASE, for tests that roll back what they do."""
    async with sandboxes.lend() as sandbox:
        opened = await connect(sandbox.url)
        await opened.execute(BASE)
        yield opened
        await opened.close()


@pytest.fixture(scope="module")
async def before(base: Connection) -> Schema:
    """What the reader says of BASE."""
    return await read_schema(base)


@asynccontextmanager
async def rolled_back(connection: Connection) -> AsyncIterator[None]:
    """A transaction that leaves nothing."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


async def schema_after(connection: Connection, sql: str) -> Schema:
    """What the database would be after some SQL."""
    async with rolled_back(connection):
        await connection.execute(sql)
        return await read_schema(connection)


def told(before: Schema, after: Schema) -> list[str]:
    """The differences, as people read them."""
    return [describe(change) for change in diff(before, after)]


@pytest.mark.every_postgres
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
async def test_a_single_change_is_planned_forth_and_back(
    base: Connection, before: Schema, postgres: str, change: Change
) -> None:
    if int(postgres) < change.since:
        pytest.skip(f"since {change.since}")
    after = await schema_after(base, change.sql)
    made = plan(before, after, diff(before, after))
    assert bool(made.residue) == (change.name in NAMED), [describe(one.change) for one in made.residue]
    if change.name not in NAMED:
        async with rolled_back(base):
            await carry_out(base, made.upgrade)
            assert told(await read_schema(base), after) == []
            await carry_out(base, made.downgrade)
            assert told(await read_schema(base), before) == []


@pytest.mark.every_postgres
@pytest.mark.parametrize("case", read_cases("plans"), ids=str)
async def test_a_case_is_planned_forth_and_back(sandboxes: Sandboxes, postgres: str, case: Case) -> None:
    if int(postgres) < case.since:
        pytest.skip(f"since {case.since}")
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        after = await schema_after(connection, case.after)
        await connection.execute(case.before)
        start = await read_schema(connection)
        made = plan(start, after, diff(start, after))
        check_expectations(case, made)
        if not made.residue:
            await walk(connection, case, made, start, after)
        await connection.close()


def check_expectations(case: Case, made: Plan) -> None:
    """The residue that the case names, and the statements, white space aside."""
    residue = [describe(one.change) for one in made.residue]
    wanted = case.lines("residue")
    assert len(residue) == len(wanted), residue
    assert all(one.startswith(line) for one, line in zip(residue, wanted, strict=True)), residue
    if "plan" in case.blocks:
        steps = [" ".join(step.sql.split()) for step in made.upgrade]
        lines = [re.escape(" ".join(line.split())).replace(r"\*", ".*") for line in case.lines("plan")]
        assert len(steps) == len(lines), steps
        assert all(re.fullmatch(line, sql) for line, sql in zip(lines, steps, strict=True)), steps


async def walk(connection: Connection, case: Case, made: Plan, start: Schema, after: Schema) -> None:
    """Up, with what has to hold there, and down."""
    await connection.execute(case.blocks.get("sql rows", "select"))
    rows = await row_counts(connection)
    await carry_out(connection, made.upgrade)
    reached = await read_schema(connection)
    assert told(reached, after) == []
    assert plan(reached, after, diff(reached, after)).upgrade == ()
    assert await connection.fetchval(case.blocks.get("sql check", "select true")) is True
    survivors = await row_counts(connection)
    assert {name: rows[name] for name in survivors if name in rows}.items() <= survivors.items()
    await carry_out(connection, made.downgrade)
    assert told(await read_schema(connection), start) == []


async def row_counts(connection: Connection) -> dict[str, int]:
    """How many rows each table holds."""
    return {name: await connection.fetchval(f"select count(*) from {name}") for (name,) in await connection.fetch(ROWS)}


@pytest.mark.every_postgres
async def test_ddl_of_a_whole_database_replays_to_an_equal_schema(sandboxes: Sandboxes, before: Schema) -> None:
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        empty = await read_schema(connection)
        made = plan(empty, before, diff(empty, before))
        await connection.execute(ddl.render(made.upgrade))
        assert made.residue == ()
        assert told(await read_schema(connection), before) == []
        await connection.execute(ddl.render(made.downgrade))
        assert told(await read_schema(connection), empty) == []
        await connection.close()


def test_equal_schemas_need_no_plan() -> None:
    empty = Schema.of([])
    assert plan(empty, empty, ()).upgrade == plan(empty, empty, ()).downgrade == ()


async def test_changes_that_are_left_out_stay_as_they_are(base: Connection, before: Schema) -> None:
    after = await schema_after(base, "drop view app.titles; alter table app.item add column extra text")
    wanted = tuple(change for change in diff(before, after) if change.item.word == "column")
    made = plan(before, after, wanted)
    assert [step.sql for step in made.upgrade] == ["ALTER TABLE app.item ADD COLUMN extra text"]
    assert [step.sql for step in made.downgrade] == ["ALTER TABLE app.item DROP COLUMN extra"]


async def test_the_same_changes_give_the_same_plan_and_hash(base: Connection, before: Schema) -> None:
    after = await schema_after(base, "alter table app.item alter column note type varchar(9), add column extra text")
    first, second = (plan(before, after, diff(before, after)) for _ in range(2))
    assert first == second
    assert first.hash == second.hash
    assert first.hash != plan(after, before, diff(after, before)).hash


async def test_a_step_that_loses_values_says_so(base: Connection, before: Schema) -> None:
    after = await schema_after(base, "alter table app.item drop column note; drop table app.loose")
    made = plan(before, after, diff(before, after))
    assert [step.sql for step in made.destructive] == [
        "ALTER TABLE app.item DROP COLUMN note",
        "DROP TABLE app.loose",
    ]
    assert all("lost" in step.why for step in made.destructive)


async def test_a_new_enum_value_is_committed_only_when_it_is_used_at_once(before: Schema) -> None:
    enum = before.get(Enum, "app.mood")
    assert enum is not None
    longer = Enum(enum.schema, enum.name, (*enum.values, "angry"))
    added = Altered(enum, longer, ("values",))
    assert [step.transactional for step in plan(before, before, (added,)).upgrade] == [True]
    column = next(one for one in before.on("app.item", Column) if one.name == "mood")
    used = Altered(column, replace(column, default="'angry'::app.mood"), ("default",))
    assert [(step.sql, step.transactional) for step in plan(before, before, (added, used)).upgrade] == [
        ("ALTER TYPE app.mood ADD VALUE 'angry'", False),
        ("ALTER TABLE app.item ALTER COLUMN mood SET DEFAULT 'angry'::app.mood", True),
    ]
