"""Any schema can be planned into any other and back, by the plan's own SQL and through Alembic.

DBARCH_PAIRS=2000 tries as many pairs, others each time; --hypothesis-seed=7 the same ones again.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import asyncpg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, note, settings
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from mcp_server.model.change import describe, diff
from mcp_server.model.phase import is_transactional
from mcp_server.model.plan import Step
from mcp_server.model.schema import Schema
from mcp_server.planning import plan
from mcp_server.planning.phases import phases
from mcp_server.render import alembic
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from tests.carrying_out import carry_out, run_on
from tests.few_rows import insert_rows, of_one_type, surviving, values_of
from tests.schema_pairs import DrawnSchema, schemas

pytestmark = pytest.mark.anyio
PAIRS = os.environ.get("DBARCH_PAIRS", "")


@pytest.fixture(scope="module")
async def empty(sandboxes: Sandboxes) -> AsyncIterator[AsyncConnection]:
    """A SQLAlchemy connection, by asyncpg, to an empty database."""
    async with sandboxes.lend() as sandbox:
        url = sandbox.url.replace("postgresql://", "postgresql+asyncpg://", 1)
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.connect() as opened:
            yield opened
        await engine.dispose()


def pairs(usually: int = 60) -> settings:
    """How many pairs are tried: the same ones each time, or as many others as DBARCH_PAIRS says."""
    return settings(
        max_examples=int(PAIRS or usually),
        deadline=None,
        derandomize=not PAIRS,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def told(before: Schema, after: Schema) -> list[str]:
    """The differences, as people read them."""
    return [describe(change) for change in diff(before, after)]


@given(first=schemas(), second=schemas())
@pairs()
@pytest.mark.timeout(0)
async def test_any_schema_is_planned_into_any_other_and_back(
    empty: AsyncConnection, first: DrawnSchema, second: DrawnSchema
) -> None:
    after = await schema_of(empty, second)
    async with empty.begin() as transaction:
        connection = await begun(empty)
        await connection.execute(first.ddl)
        before = await read_schema(connection)
        made = plan(before, after, diff(before, after))
        assert [describe(one.change) for one in made.residue] == []
        note(first.ddl)
        note(second.ddl)
        note("\n".join(step.sql for step in made.upgrade))
        await carry_out(connection, made.upgrade)
        reached = await read_schema(connection)
        assert told(reached, after) == []
        assert plan(reached, after, diff(reached, after)).upgrade == ()
        await carry_out(connection, made.downgrade)
        assert told(await read_schema(connection), before) == []
        code = alembic.render(
            made, revision="b", down_revision=None, message="m", created=datetime(2026, 1, 1), known=(before, after)
        ).replace("with op.get_context().autocommit_block():", "if True:")  # all is rolled back
        await empty.run_sync(run_on, code, "upgrade")
        assert told(await read_schema(connection), after) == []
        await empty.run_sync(run_on, code, "downgrade")
        assert told(await read_schema(connection), before) == []
        await transaction.rollback()


@given(first=schemas(), second=schemas())
@pairs()
@pytest.mark.timeout(0)
async def test_any_schema_is_led_into_any_other_and_back_by_phases(
    empty: AsyncConnection, first: DrawnSchema, second: DrawnSchema
) -> None:
    after = await schema_of(empty, second)
    async with empty.begin() as transaction:
        connection = await begun(empty)
        await connection.execute(first.ddl)
        before = await read_schema(connection)
        made = phases(plan(before, after, diff(before, after)), before, after)
        note(first.ddl)
        note(second.ddl)
        note("\n".join(step.sql for phase in made for step in phase.upgrade))
        assert all(is_of_one_manner(phase.upgrade) and is_of_one_manner(phase.downgrade) for phase in made)
        for phase in made:
            await carry_out(connection, inside(phase.upgrade))
        assert told(await read_schema(connection), after) == []
        for phase in reversed(made):
            await carry_out(connection, inside(phase.downgrade))
        assert told(await read_schema(connection), before) == []
        await transaction.rollback()


def is_of_one_manner(steps: tuple[Step, ...]) -> bool:
    """Whether they are one transaction, or all outside of any."""
    return is_transactional(steps) or not any(step.transactional for step in steps)


def inside(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The same statements as far as they can run in a transaction that is rolled back."""
    return tuple(replace(step, sql=step.sql.replace(" CONCURRENTLY", "").replace("COMMIT;", "")) for step in steps)


@given(first=schemas(), second=schemas())
@pairs(8)
@pytest.mark.timeout(0)
async def test_values_that_no_step_calls_lost_survive_the_way_there_and_back(
    sandboxes: Sandboxes, first: DrawnSchema, second: DrawnSchema
) -> None:
    async with sandboxes.lend() as sandbox, sandboxes.lend() as other:
        connection, beside = await connect(sandbox.url), await connect(other.url)
        await beside.execute(second.ddl)
        await connection.execute(first.ddl)
        before, after = await read_schema(connection), await read_schema(beside)
        await insert_rows(connection, before)
        made = plan(before, after, diff(before, after))
        columns = surviving(before, after, made)
        same = of_one_type(columns, after)
        old, old_same = await values_of(connection, columns), await values_of(connection, same)
        try:
            await carry_out(connection, made.upgrade)
            assert await values_of(connection, same) == old_same
            await carry_out(connection, made.downgrade)
            assert await values_of(connection, columns) == old
        except asyncpg.PostgresError as error:
            if not (error.sqlstate or "").startswith(("22", "23")):  # the rows may not fit what is asked
                raise
        await connection.close()
        await beside.close()


async def schema_of(empty: AsyncConnection, drawn: DrawnSchema) -> Schema:
    """What the reader says of a drawn schema."""
    async with empty.begin() as transaction:
        connection = await begun(empty)
        await connection.execute(drawn.ddl)
        schema = await read_schema(connection)
        await transaction.rollback()
    return schema


async def begun(empty: AsyncConnection) -> asyncpg.Connection[asyncpg.Record]:
    """asyncpg's own connection inside of SQLAlchemy's transaction, which begins with its first statement."""
    await empty.execute(sa.text("select"))
    raw = await empty.get_raw_connection()
    assert isinstance(raw.driver_connection, asyncpg.Connection)
    return raw.driver_connection
