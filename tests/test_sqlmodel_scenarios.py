"""No change of SQLModel classes is missed, written wrongly, or written so that it fails: up, down and up again, against create_all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from mcp_server.model.change import describe, diff
from mcp_server.model.migration import Draft
from mcp_server.model.orm import History
from mcp_server.model.schema import Schema
from mcp_server.operations.drafting import Start, aside_of, draft
from mcp_server.planning import plan
from mcp_server.render import alembic
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.guest import ddl
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.carrying_out import run_revision
from tests.opened import open_project
from tests.sqlmodel_scenarios import silent_drift
from tests.sqlmodel_scenarios.language import Scenario, metadata_of

pytestmark = pytest.mark.anyio
SCENARIOS = (*silent_drift.SCENARIOS,)


@pytest.fixture(scope="module")
def workspace(sandboxes: Sandboxes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace that lends this session's sandboxes."""
    yield open_project(tmp_path_factory.mktemp("scenarios"), sandboxes)


def create_all(sandbox: Sandbox, metadata: sa.MetaData) -> None:
    """What the models make of a database, by SQLAlchemy itself."""
    engine = sa.create_engine(sandbox.url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
    with engine.begin() as connection:
        for schema in ddl.schemas([metadata]):
            connection.exec_driver_sql(f'create schema if not exists "{schema}"')
        metadata.create_all(connection)
    engine.dispose()


async def read(sandbox: Sandbox, *statements: str) -> Schema:
    """The Schema of a database after some statements."""
    connection = await connect(sandbox.url)
    try:
        for sql in statements:
            await connection.execute(sql)
        schema = await read_schema(connection)
        list(schema)
        return schema
    finally:
        await connection.close()


async def holds(sandbox: Sandbox, query: str) -> bool:
    """What a query of one value says."""
    connection = await connect(sandbox.url)
    try:
        return bool(await connection.fetchval(query))
    finally:
        await connection.close()


def told(found: Schema, wanted: Schema) -> list[str]:
    """The differences, as people read them."""
    return [describe(change) for change in diff(found, wanted)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_a_change_of_models_leads_to_what_they_say_and_back(
    scenario: Scenario, sandboxes: Sandboxes, workspace: Workspace
) -> None:
    async with sandboxes.lend() as sandbox:
        create_all(sandbox, metadata_of(scenario.after))
        goal = await read(sandbox)

    async def fill(sandbox: Sandbox) -> None:
        create_all(sandbox, metadata_of(scenario.before))
        await read(sandbox, scenario.beside or "select")

    template = await sandboxes.template(f"scenario {scenario.name}", fill)
    async with sandboxes.lend(template) as sandbox:
        whole = await read(sandbox, scenario.rows)
        start = Start("migrations", template, True, whole, aside_of(workspace, whole, History()))
        made = await draft(workspace, start, goal, "models", scenario.renames)
        check_words(scenario, made)
        if not scenario.residue:
            await walk(scenario, made, sandbox, whole, goal)


def check_words(scenario: Scenario, made: Draft) -> None:
    """What the draft says: residue, likely renames, warnings."""
    residue = "\n".join(f"{describe(one.change)}: {one.reason}" for one in made.plan.residue)
    assert bool(residue) == bool(scenario.residue), residue
    assert scenario.residue in residue
    assert dict(made.likely) == scenario.likely
    words = "\n".join((*made.losses, *made.warnings, *(step.why for step in made.plan.upgrade)))
    assert scenario.warns in words
    assert len(made.plan.upgrade) <= scenario.steps, [step.sql for step in made.plan.upgrade]


async def walk(scenario: Scenario, made: Draft, sandbox: Sandbox, whole: Schema, goal: Schema) -> None:
    """The revision up, down and up again; then there is nothing left to do."""
    revision = alembic.render(
        made.plan, revision="b", down_revision="a", message="m", created=datetime(2026, 1, 1), known=(whole, goal)
    )
    await asyncio.to_thread(run_revision, sandbox.url, revision, "upgrade")
    reached = await read(sandbox)
    assert told(reached.without(*made.aside), made.after) == []
    assert scenario.kept or told(reached, goal) == []
    assert await holds(sandbox, scenario.check)
    assert plan(reached, reached, diff(reached, await read(sandbox))).upgrade == ()
    await asyncio.to_thread(run_revision, sandbox.url, revision, "downgrade")
    assert told(await read(sandbox), whole) == []
    assert await holds(sandbox, scenario.back)
    await asyncio.to_thread(run_revision, sandbox.url, revision, "upgrade")
    assert told(await read(sandbox), reached) == []
