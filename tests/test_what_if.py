"""The planner asked on a copy without rows answers as it does where the rows and the indexes are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import mixed_workload
from mcp_server.model.candidate import Candidate
from mcp_server.model.schema import Table
from mcp_server.planning.index_size import index_bytes
from mcp_server.planning.whole import making
from mcp_server.world.catalog import read_schema
from mcp_server.world.data_copy import Ground, ground_of, wanted_part
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.shelf import Shelf
from mcp_server.world.table_statistics import Known, read_statistics
from mcp_server.world.what_if import Trial, pretend_indexes, pretend_tables
from mcp_server.world.workspace import Settings, Workspace

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio
CANDIDATES = (
    Candidate("public.message", ("ticket_id",), ("ticket_id",)),
    Candidate("public.ticket", ("org_id", "priority", "opened_at"), ("org_id", "priority", "opened_at")),
    Candidate("public.ticket", ("status",), ("status",), where="status = 'escalated'"),
    Candidate("public.worklog", ("member_id",), ("member_id",), ("minutes",)),
    Candidate("public.visit", ("seen_at",), ("seen_at",)),
    Candidate("public.ticket", ("extra jsonb_path_ops",), ("extra",), method="gin"),
)


async def fill(sandbox: Sandbox) -> None:
    connection = await connect(sandbox.url)
    await connection.execute(mixed_workload.SCHEMA)
    for statement in mixed_workload.ROWS:
        await connection.execute(statement.replace("$1", "6000"))
    await connection.execute("vacuum (analyze)")
    await connection.close(timeout=5)


@pytest.fixture
async def desk(sandboxes: Sandboxes) -> AsyncIterator[Connection]:
    """A connection to a help desk with rows."""
    async with sandboxes.lend(await sandboxes.template("what if " + "".join(mixed_workload.ROWS), fill)) as sandbox:
        connection = await connect(sandbox.url)
        yield connection
        await connection.close(timeout=5)


async def costs(connection: Connection) -> dict[str, float]:
    """The planner's cost of each statement that has no parameter."""
    return {
        name: json.loads(await connection.fetchval(f"explain (format json) {sql}"))[0]["Plan"]["Total Cost"]
        for name, sql in mixed_workload.QUERIES.items()
        if "$1" not in sql
    }


async def prepared(ground: Ground, known: Known) -> Trial:
    trial = Trial(ground)
    await pretend_tables(ground, known)
    sizes = {one: index_bytes(one, known.tables[one.table]) for one in CANDIDATES}
    sizes[CANDIDATES[2]] = index_bytes(CANDIDATES[2], known.tables["public.ticket"], 0.0025)
    await pretend_indexes(trial, known, CANDIDATES, sizes, {CANDIDATES[2]: 0.0025})
    return trial


async def test_costs_are_those_of_the_database_with_rows(
    desk: Connection, sandboxes: Sandboxes, tmp_path: Path
) -> None:
    schema = await read_schema(desk)
    tables = tuple(sorted(one.identity for one in schema.all(Table)))
    known = await read_statistics(desk, tables)
    workspace = Workspace(Settings(root=tmp_path, cache=tmp_path), None, Shelf(sandboxes={18: sandboxes}))
    part = wanted_part(schema, tables)
    async with ground_of(workspace, part, tables, making(part)) as ground:
        trial = await prepared(ground, known)
        await trial.show(frozenset())
        bare, bare_there = await costs(ground.theirs), await costs(desk)
        await trial.show(frozenset(CANDIDATES))
        served = await costs(ground.theirs)
    assert trial.refused == {}
    for number, one in enumerate(CANDIDATES):
        await desk.execute(one.statement(f"made_{number}"))
    served_there = await costs(desk)
    near = [name for name in bare if bare[name] == pytest.approx(bare_there[name], rel=0.1)]
    assert len(near) >= 0.95 * len(bare)
    near = [name for name in served if served[name] == pytest.approx(served_there[name], rel=0.25)]
    assert len(near) >= 0.9 * len(served)
    assert served["foreign key"] < 0.2 * bare["foreign key"]
    assert served["jsonb contains"] < 0.2 * bare["jsonb contains"]


async def test_the_files_take_no_room_and_are_gone_with_the_copy(
    desk: Connection, sandboxes: Sandboxes, tmp_path: Path
) -> None:
    schema = await read_schema(desk)
    tables = ("public.visit",)
    known = await read_statistics(desk, tables)
    workspace = Workspace(Settings(root=tmp_path, cache=tmp_path), None, Shelf(sandboxes={18: sandboxes}))
    part = wanted_part(schema, tables)
    where = "select current_setting('data_directory') || '/' || pg_relation_filepath('visit')"
    async with ground_of(workspace, part, tables, making(part)) as ground:
        await pretend_tables(ground, known)
        path = Path(await ground.ours.fetchval(where))
        assert path.stat().st_size == known.sizes["public.visit"]
        assert path.stat().st_blocks * 512 < known.sizes["public.visit"] / 10
        assert await ground.theirs.fetchval("select count(*) from visit") == 0
    assert not path.exists() or path.stat().st_size == 0
