"""recommend_indexes on real rows: what is advised was built and measured, what does not pay is struck."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_server.errors import ConfigError, NotFound, Refused
from mcp_server.model.answer import Answer
from mcp_server.operations.indexes import recommend_indexes
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes, open_sandboxes
from mcp_server.world.shelf import Shelf
from mcp_server.world.workspace import Settings, Workspace
from tests.applying import open_live
from tests.conftest import SYSTEM
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


async def advised(workspace: Workspace, *given: Any, **options: Any) -> Answer:
    """What the tool answers; the connection to the live database is closed, the sandboxes stay open for others."""
    try:
        return await recommend_indexes(workspace, *given, **options)
    finally:
        await (await workspace.live()).close(timeout=5)


async def test_an_index_that_pays_is_measured_and_comes_with_its_migration(library: Workspace) -> None:
    answer = await advised(library, (BY_NAME,), seconds=20)
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
    await advised(library, (BY_NAME,), seconds=10, prove=False)
    await advised(library, (BY_NAME,), seconds=10)
    assert await connection.fetchrow(look) == before
    await connection.close()


async def test_what_was_not_measured_is_called_estimated(library: Workspace) -> None:
    answer = await advised(library, (BY_NAME,), prove=False)
    assert ", estimated (" in answer.text
    assert "measured" not in answer.text.splitlines()[0]
    assert "call it with prove=true" in answer.text


async def test_the_migration_is_written_when_asked_for(library: Workspace) -> None:
    answer = await advised(library, (BY_NAME,), seconds=10, write=True)
    (written,) = set((library.settings.root / "migrations/versions").glob("*.py")) - {
        library.settings.root / f"migrations/versions/{name}.py" for name in ("a1_authors", "b2_born")
    }
    assert "postgresql_concurrently=True" in written.read_text()
    assert "apply_migration" in answer.text


async def test_a_strategy_that_is_written_is_suggested_as_a_decision_at_the_end(library: Workspace) -> None:
    answer = await advised(library, ("select id, born from authors where lower(name) = $1",), seconds=10, write=True)
    assert "lower(name)" in answer.text
    assert answer.text.splitlines()[-1] == (
        "📋 Architectural decision detected: an index strategy for authors. Document? Run /sp.adr indexes on authors."
    )


async def test_an_index_that_is_there_is_not_advised_again(library: Workspace, database: Sandbox) -> None:
    connection = await connect(database.url)
    await connection.execute("create index on authors (name)")
    await connection.close()
    answer = await advised(library, (BY_NAME,), seconds=10)
    assert answer.text.startswith("No new index pays (measured).")


async def test_a_statement_that_reads_nearly_every_row_gets_no_index(library: Workspace) -> None:
    answer = await advised(library, ("select id, name, born from authors where born > 1510",), seconds=10)
    assert answer.text.startswith("No new index pays (measured).")


async def test_a_statement_that_cannot_be_planned_is_named(library: Workspace) -> None:
    answer = await advised(library, (BY_NAME, "select * from nowhere"), prove=False)
    assert 'q2 (select * from nowhere) cannot be planned on the copy: relation "nowhere" does not exist' in answer.text


async def test_statements_come_from_a_file_of_the_project(library: Workspace) -> None:
    root = library.settings.root
    (root / "slow.sql").write_text(f"{BY_NAME}; select count(*) from authors where born = 1600;")
    answer = await advised(library, ("file:slow.sql",), prove=False)
    assert "Workload: 2 statements of the file slow.sql" in answer.text
    with pytest.raises(NotFound):
        await advised(library, ("file:../other.sql",), prove=False)


async def test_a_server_that_counts_no_statements_says_what_to_give(library: Workspace) -> None:
    with pytest.raises(ConfigError, match="no pg_stat_statements"):
        await advised(library)


async def test_limits_are_stated(library: Workspace) -> None:
    with pytest.raises(Refused):
        await advised(library, (BY_NAME,), seconds=0)
    with pytest.raises(Refused):
        await advised(library, (BY_NAME,), budget_mb=-1)
    with pytest.raises(Refused, match="no query"):
        await advised(library, ("create table x (a int)",))


TRIGRAMS = """
create extension pg_trgm;
create table page (id int primary key, title text not null, kind text not null, tags text);
insert into page select g, md5(g::text) || ' ' || md5('x' || g), 'k' || g % 900, md5(g::text) from generate_series(1, 30000) g;
create index page_tags on page using gin (tags gin_trgm_ops);
analyze;
"""
ASKED = ("select id from page where title ilike '%ab12cd%'", "select id, title from page where kind = 'k7'")


@pytest.mark.skipif("15" not in SYSTEM, reason="needs a Postgres with pg_trgm")
async def test_patterns_get_trigrams_where_the_sandbox_has_them_and_are_left_out_where_not(
    tmp_path: Path, place: Path, sandboxes: Sandboxes
) -> None:
    async with (
        await open_sandboxes(cache=place, near_version=150000, binaries=SYSTEM["15"]) as older,
        older.lend() as live,
    ):
        connection = await connect(live.url)
        await connection.execute(TRIGRAMS)
        await connection.close()
        (tmp_path / "with").mkdir()
        served = await advised(open_live(tmp_path / "with", older, live), ASKED, seconds=15)
        assert "page using gin (title gin_trgm_ops)" in served.text
        (tmp_path / "without").mkdir()
        shelf = Shelf(sandboxes={15: sandboxes, 18: sandboxes})
        settings = Settings(root=tmp_path / "without", database_url=live.url, cache=tmp_path / "cache")
        other = await advised(Workspace(settings, None, shelf), ASKED, seconds=15)
        assert "page(kind)" in other.text
        assert "gin_trgm_ops" not in other.text
        assert "Not on the copy, for its server lacks what they need: public.page_tags." in other.text
        assert "CREATE INDEX CONCURRENTLY ix_page_kind ON public.page" in other.text


async def test_a_server_of_the_users_own_serves_as_sandbox(
    library: Workspace, sandboxes: Sandboxes, tmp_path: Path
) -> None:
    settings = replace(library.settings, sandbox_url=sandboxes.server.url(), cache=tmp_path / "own")
    workspace = Workspace(settings)
    try:
        answer = await recommend_indexes(workspace, (BY_NAME,), seconds=10)
        assert answer.text.startswith("1 new index of ")
        with pytest.raises(Refused, match="Estimates need the embedded Postgres"):
            await recommend_indexes(workspace, (BY_NAME,), prove=False)
    finally:
        await workspace.close()


LOANS = """
create table loans (id bigint primary key, author int not null references authors on delete cascade, state text, day int);
insert into loans select g, 1 + g % 40000, case when g % 500 = 0 then 'late' else 'back' end, g % 365 from generate_series(1, 200000) g;
analyze;
"""


@pytest.fixture
async def lending(library: Workspace, database: Sandbox) -> Workspace:
    """The same with a second table of many rows that refer to the first."""
    connection = await connect(database.url)
    await connection.execute(LOANS)
    await connection.close()
    return library


async def test_the_rows_that_an_update_looks_for_get_their_index_and_nothing_is_written(
    lending: Workspace, database: Sandbox
) -> None:
    update = "update loans set state = 'back' where author = $1"
    answer = await advised(lending, (update,), seconds=15)
    assert "\n1. loans(author)\n   for q1; " in answer.text, answer.text
    assert "- What writes is weighed by its reading (q1): " in answer.text
    assert ": (its reading) update loans set state" in answer.text
    connection = await connect(database.url)
    assert await connection.fetchval("select count(*) from loans where state = 'late'") == 400
    await connection.close()


async def test_a_delete_counts_what_foreign_keys_look_for(lending: Workspace) -> None:
    answer = await advised(lending, ("delete from authors where id = $1",), seconds=15)
    assert "\n1. loans(author)\n   for q1; " in answer.text, answer.text
    assert isinstance(answer.data, dict)
    (statement,) = answer.data["statements"]
    assert statement["before"] > 5 * statement["after"]


async def test_a_statement_that_fails_when_it_runs_is_named_and_the_others_are_measured(lending: Workspace) -> None:
    answer = await advised(lending, ("select 1 / (id - id) from loans where author = 7", BY_NAME), seconds=15)
    assert "q1 fails on the copy, so that it was not measured: division by zero" in answer.text
    assert "\n1. authors(name)" in answer.text
    with pytest.raises(Refused, match=r"No statement of the workload could be measured\."):
        await advised(lending, ("select 1 / (id - id) from loans where author = 7",), seconds=15)
