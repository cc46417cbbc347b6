"""A plan reaches its target and comes back, for every kind of single change; what has no recipe is named."""

from __future__ import annotations

import pytest

from mcp_server.model.change import describe, diff
from mcp_server.model.plan import Step
from mcp_server.model.schema import Schema
from mcp_server.planning import plan
from mcp_server.render import ddl
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.ddl_changes import BASE, CHANGES, Change

pytestmark = pytest.mark.anyio
Connection = "asyncpg.Connection[asyncpg.Record]"
# What Postgres has no statement for, or what is of a kind that is only named: the plan says so.
NAMED = {"table_rename", "table_inherit", "operator_add", "cast_add", "collation_add"}


@pytest.fixture(scope="module")
async def base(sandboxes: Sandboxes) -> str:
    """A template that holds BASE."""

    async def fill(sandbox: Sandbox) -> None:
        connection = await connect(sandbox.url)
        await connection.execute(BASE)
        await connection.close()

    return await sandboxes.template(BASE, fill)


async def run(connection: Connection, steps: tuple[Step, ...]) -> Schema:
    """Carry out the steps one by one, and read."""
    for step in steps:
        await connection.execute(step.sql)
    return await read_schema(connection)


@pytest.mark.parametrize("change", [each for each in CHANGES if each.since <= 18], ids=lambda change: change.name)
async def test_a_change_is_planned_there_and_back(sandboxes: Sandboxes, base: str, change: Change) -> None:
    async with sandboxes.lend(base) as wanted, sandboxes.lend(base) as walked:
        there, here = await connect(wanted.url), await connect(walked.url)
        before = await read_schema(here)
        await there.execute(change.sql)
        after = await read_schema(there)
        planned = plan(before, after, diff(before, after))
        if change.name in NAMED:
            assert planned.residue, "what cannot be planned must be named"
        else:
            assert planned.residue == ()
            reached = await run(here, planned.upgrade)
            assert [describe(one) for one in diff(reached, after)] == []
            assert plan(reached, after, diff(reached, after)).upgrade == ()
            returned = await run(here, planned.downgrade)
            assert [describe(one) for one in diff(returned, before)] == []
        await there.close()
        await here.close()


@pytest.mark.every_postgres
async def test_the_ddl_of_a_database_makes_an_equal_one(sandboxes: Sandboxes) -> None:
    async with sandboxes.lend() as first, sandboxes.lend() as second:
        here, there = await connect(first.url), await connect(second.url)
        empty = await read_schema(there)
        await here.execute(BASE)
        whole = await read_schema(here)
        planned = plan(empty, whole, diff(empty, whole))
        await there.execute(ddl.render(planned.upgrade))
        assert [describe(one) for one in diff(await read_schema(there), whole)] == []
        await here.close()
        await there.close()


def test_equal_schemas_need_no_plan() -> None:
    empty = Schema.of([])
    assert plan(empty, empty, ()).upgrade == plan(empty, empty, ()).downgrade == ()
