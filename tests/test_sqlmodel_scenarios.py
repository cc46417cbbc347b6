"""No change of SQLModel classes is missed, written wrongly, or written so that it fails: up, down and up again, against create_all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from mcp_server.model.change import describe, diff
from mcp_server.model.migration import Draft
from mcp_server.model.orm import History
from mcp_server.model.schema import Schema
from mcp_server.operations.drafting import Start, aside_of, draft
from mcp_server.planning.target import target_of
from mcp_server.render import alembic
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.guest import ddl
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.carrying_out import run_revision
from tests.opened import open_project
from tests.sqlmodel_scenarios import fails_downgrade, fails_upgrade, false_alarms, silent_drift, wrong_output
from tests.sqlmodel_scenarios.language import Scenario, metadata_of

pytestmark = pytest.mark.anyio
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
SCENARIOS = (
    *silent_drift.SCENARIOS,
    *wrong_output.SCENARIOS,
    *fails_upgrade.SCENARIOS,
    *fails_downgrade.SCENARIOS,
    *false_alarms.SCENARIOS,
)


def create_all(sandbox: Sandbox, metadata: sa.MetaData) -> None:
    """What the models make of a database, by SQLAlchemy itself."""
    engine = sa.create_engine(sandbox.url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for schema in ddl.schemas([metadata]):
            connection.exec_driver_sql(f'create schema if not exists "{schema}"')
        metadata.create_all(connection)
    engine.dispose()


@asynccontextmanager
async def opened(sandboxes: Sandboxes, template: str = "") -> AsyncIterator[tuple[Sandbox, Connection]]:
    """A copy of a template with a connection to it."""
    async with sandboxes.lend(template) as sandbox:
        connection = await connect(sandbox.url)
        yield sandbox, connection
        await connection.close()


async def read(connection: Connection) -> Schema:
    """The Schema, with all its objects at once."""
    schema = await read_schema(connection)
    list(schema)
    return schema


def told(found: Schema, wanted: Schema) -> list[str]:
    """The differences, as people read them."""
    return [describe(change) for change in diff(found, wanted)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_a_change_of_models_leads_to_what_they_say_and_back(
    scenario: Scenario, sandboxes: Sandboxes, tmp_path: Path
) -> None:
    workspace = open_project(tmp_path, sandboxes, external=scenario.others)
    async with opened(sandboxes) as (sandbox, connection):
        create_all(sandbox, metadata_of(scenario.after))
        goal = await read(connection)

    async def fill(sandbox: Sandbox) -> None:
        create_all(sandbox, metadata_of(scenario.before))
        connection = await connect(sandbox.url)
        await connection.execute(scenario.beside or "select")
        await connection.close()

    template = await sandboxes.template(f"scenario {scenario.name}", fill)
    async with opened(sandboxes, template) as (sandbox, connection):
        whole = await read(connection)
        await connection.execute(scenario.rows)
        start = Start("migrations", template, True, whole, aside_of(workspace, whole, History()))
        made = await draft(workspace, start, goal, "models", scenario.renames)
        check_words(scenario, made)
        if not scenario.residue:
            await walk(scenario, made, sandbox.url, connection, whole, goal)


def check_words(scenario: Scenario, made: Draft) -> None:
    """What the draft says: residue, likely renames, warnings."""
    residue = "\n".join(f"{describe(one.change)}: {one.reason}" for one in made.plan.residue)
    assert bool(residue) == bool(scenario.residue), residue
    assert scenario.residue in residue
    assert dict(made.likely) == scenario.likely
    words = "\n".join((*made.losses, *made.warnings, *(step.why for step in made.plan.upgrade)))
    assert scenario.warns in words
    assert len(made.plan.upgrade) <= scenario.steps, [step.sql for step in made.plan.upgrade]


async def walk(scenario: Scenario, made: Draft, url: str, connection: Connection, whole: Schema, goal: Schema) -> None:
    """The revision up, down and up again; then there is nothing left to do."""
    revision = alembic.render(
        made.plan, revision="b", down_revision="a", message="m", created=datetime(2026, 1, 1), known=(whole, goal)
    )
    await asyncio.to_thread(run_revision, url, revision, "upgrade")
    reached = await read(connection)
    assert told(reached.without(*made.aside), made.after) == []
    assert scenario.kept or told(reached, goal) == []
    assert await connection.fetchval(scenario.check) is True
    ours = reached.without(*made.aside)
    again = target_of(ours, goal, frozenset((one.word, one.identity) for one in made.held))
    assert told(ours, again.schema.without(*made.aside)) == []
    await asyncio.to_thread(run_revision, url, revision, "downgrade")
    assert told(await read(connection), whole) == []
    assert await connection.fetchval(scenario.back) is True
    await asyncio.to_thread(run_revision, url, revision, "upgrade")
    assert told(await read(connection), reached) == []
