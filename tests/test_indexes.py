"""recommend_indexes on real rows: what is advised was built and measured, what does not pay is struck."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.errors import ConfigError, NotFound, Refused
from mcp_server.operations.indexes import recommend_indexes
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.applying import open_live
from tests.opened import copy_history

pytestmark = pytest.mark.anyio

AUTHORS = """
create table authors (id int primary key, name varchar(100) not null, born int);
insert into authors select g, 'name ' || g, 1500 + g % 500 from generate_series(1, 40000) g;
create table alembic_version (version_num varchar(32) primary key);
insert into alembic_version values ('b2');
analyze;
"""
BY_NAME = "select id, born from authors where name = $1"


@pytest.fixture
async def library(tmp_path: Path, sandboxes: Sandboxes, database: Sandbox) -> Workspace:
    """A project with an Alembic history whose live database holds rows."""
    connection = await connect(database.url)
    await connection.execute(AUTHORS)
    await connection.close()
    return open_live(copy_history(tmp_path), sandboxes, database)


async def test_an_index_that_pays_is_measured_and_comes_with_its_migration(library: Workspace) -> None:
    answer = await recommend_indexes(library, (BY_NAME,), seconds=20)
    assert answer.text.startswith("1 new index of ")
    assert ", measured (" in answer.text
    assert "postgresql_concurrently=True" in next(iter(answer.reports.values()))
    assert 'model: Index("ix_authors_name' in answer.text
    assert "\nRehearsed: " in answer.text
    assert not list((library.settings.root / "migrations/versions").glob("*ind*"))
    assert isinstance(answer.data, dict)
    (statement,) = answer.data["statements"]
    assert statement["before"] > 5 * statement["after"]


async def test_the_database_in_use_is_left_as_it_was(library: Workspace, database: Sandbox) -> None:
    connection = await connect(database.url)
    look = "select (select count(*) from pg_class), (select count(*) from authors), pg_current_xact_id_if_assigned()"
    before = await connection.fetchrow(look)
    await recommend_indexes(library, (BY_NAME,), seconds=10, prove=False)
    await recommend_indexes(library, (BY_NAME,), seconds=10)
    assert await connection.fetchrow(look) == before
    await connection.close()


async def test_what_was_not_measured_is_called_estimated(library: Workspace) -> None:
    answer = await recommend_indexes(library, (BY_NAME,), prove=False)
    assert ", estimated (" in answer.text
    assert "measured" not in answer.text.splitlines()[0]
    assert "call it with prove=true" in answer.text


async def test_the_migration_is_written_when_asked_for(library: Workspace) -> None:
    answer = await recommend_indexes(library, (BY_NAME,), seconds=10, write=True)
    (written,) = set((library.settings.root / "migrations/versions").glob("*.py")) - {
        library.settings.root / f"migrations/versions/{name}.py" for name in ("a1_authors", "b2_born")
    }
    assert "postgresql_concurrently=True" in written.read_text()
    assert "apply_migration" in answer.text


async def test_an_index_that_is_there_is_not_advised_again(library: Workspace, database: Sandbox) -> None:
    connection = await connect(database.url)
    await connection.execute("create index on authors (name)")
    await connection.close()
    answer = await recommend_indexes(library, (BY_NAME,), seconds=10)
    assert answer.text.startswith("No new index pays (measured).")


async def test_a_statement_that_reads_nearly_every_row_gets_no_index(library: Workspace) -> None:
    answer = await recommend_indexes(library, ("select id, name, born from authors where born > 1510",), seconds=10)
    assert answer.text.startswith("No new index pays (measured).")


async def test_a_statement_that_cannot_be_planned_is_named(library: Workspace) -> None:
    answer = await recommend_indexes(library, (BY_NAME, "select * from nowhere"), prove=False)
    assert 'q2 cannot be planned on the copy: relation "nowhere" does not exist' in answer.text


async def test_statements_come_from_a_file_of_the_project(library: Workspace) -> None:
    root = library.settings.root
    (root / "slow.sql").write_text(f"{BY_NAME}; select count(*) from authors where born = 1600;")
    answer = await recommend_indexes(library, ("file:slow.sql",), prove=False)
    assert "Workload: 2 statements of the file slow.sql" in answer.text
    with pytest.raises(NotFound):
        await recommend_indexes(library, ("file:../other.sql",), prove=False)


async def test_a_server_that_counts_no_statements_says_what_to_give(library: Workspace) -> None:
    with pytest.raises(ConfigError, match="no pg_stat_statements"):
        await recommend_indexes(library)


async def test_limits_are_stated(library: Workspace) -> None:
    with pytest.raises(Refused):
        await recommend_indexes(library, (BY_NAME,), seconds=0)
    with pytest.raises(Refused):
        await recommend_indexes(library, (BY_NAME,), budget_mb=-1)
    with pytest.raises(Refused, match="no query"):
        await recommend_indexes(library, ("create table x (a int)",))
