"""recommend_indexes where tables are partitioned: the index is the parent's, and is measured on all of its partitions."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.model.answer import Answer
from mcp_server.operations.indexes import recommend_indexes
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.applying import open_live
from tests.opened import copy_history

pytestmark = pytest.mark.anyio

MEASURES = """
create table measure (device_id int not null, taken date not null, value int not null) partition by range (taken);
create table measure_early partition of measure for values from ('2024-01-01') to ('2024-02-01');
create table measure_late partition of measure for values from ('2024-02-01') to ('2025-01-01') partition by hash (device_id);
create table measure_late_0 partition of measure_late for values with (modulus 2, remainder 0);
create table measure_late_1 partition of measure_late for values with (modulus 2, remainder 1);
insert into measure select g % 900, date '2024-01-01' + g % 300, g from generate_series(1, 60000) g;
analyze;
"""
OF_ONE = "select taken, value from measure where device_id = $1 order by taken desc limit 5"


@pytest.fixture
async def project(tmp_path: Path, sandboxes: Sandboxes, database: Sandbox) -> Workspace:
    connection = await connect(database.url)
    await connection.execute(MEASURES)
    await connection.close()
    return open_live(copy_history(tmp_path), sandboxes, database)


async def advised(workspace: Workspace, sql: str, *, prove: bool) -> Answer:
    try:
        return await recommend_indexes(workspace, (sql,), seconds=10, prove=prove)
    finally:
        await (await workspace.live()).close(timeout=5)


@pytest.mark.parametrize("prove", [True, False])
async def test_a_partitioned_table_gets_one_index_on_the_parent(project: Workspace, prove: bool) -> None:
    answer = await advised(project, OF_ONE, prove=prove)
    assert isinstance(answer.data, dict)
    (index,) = answer.data["indexes"]
    assert " ON public.measure USING btree (device_id" in index["statement"]
    (statement,) = answer.data["statements"]
    assert statement["before"] > 3 * statement["after"]
    assert index["bytes"] > 300_000


async def test_a_statement_that_reads_one_partition_alone_speaks_of_the_parent_too(project: Workspace) -> None:
    answer = await advised(
        project, "select value from measure where taken = '2024-01-09' and device_id = 7", prove=True
    )
    assert isinstance(answer.data, dict)
    assert all(" ON public.measure USING" in one["statement"] for one in answer.data["indexes"])
    assert answer.data["indexes"]


REVISION = """
from alembic import op
revision, down_revision = "c3", "b2"
branch_labels = depends_on = None
def upgrade():
    for statement in {statements!r}:
        op.execute(statement)
def downgrade():
    op.execute("drop table measure")
"""


async def test_where_no_migration_can_be_made_the_statements_are_those_that_postgres_takes(
    project: Workspace, database: Sandbox
) -> None:
    answer = await advised(project, OF_ONE, prove=True)
    assert "No migration was made" in answer.text
    lines = [line.strip() for line in answer.text.splitlines() if line.startswith(("  CREATE", "  ALTER"))]
    connection = await connect(database.url)
    for line in lines:
        await connection.execute(line)
    assert await connection.fetchval(
        "select bool_and(indisvalid) and count(*) = 5 from pg_index where indrelid::regclass::text like 'measure%'"
    )
    await connection.close()


async def test_the_migration_makes_it_partition_by_partition(project: Workspace, database: Sandbox) -> None:
    statements = [one.strip() for one in MEASURES.split(";") if one.strip().startswith("create")]
    versions = project.settings.root / "migrations/versions"
    (versions / "c3_measure.py").write_text(REVISION.format(statements=statements))
    connection = await connect(database.url)
    await connection.execute(
        "create table authors (id int primary key, name varchar(100) not null, born int);"
        "create table alembic_version (version_num varchar(32) primary key); insert into alembic_version values ('c3')"
    )
    await connection.close()
    answer = await advised(project, OF_ONE, prove=True)
    assert "Rehearsed: " in answer.text
    text = next(iter(answer.reports.values()))
    assert "ON ONLY public.measure" in text
    assert "ATTACH PARTITION" in text
