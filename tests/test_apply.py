"""apply_migration runs exactly what was rehearsed, or says why not and leaves the database as it was."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mcp_server.errors import ConfigError, MigrationError, Refused
from mcp_server.operations.apply import apply_migration
from mcp_server.operations.dev import development_database
from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.world.database import connect
from mcp_server.world.rehearsals import find, remember
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.seal import read_key
from mcp_server.world.workspace import Workspace
from tests.applying import AT_B2, AtB2, applied, ask, open_live, planned, record, run
from tests.opened import PROJECTS, copy_history

pytestmark = pytest.mark.anyio

VERSION = "select version_num from alembic_version"
TABLES = "select count(*) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"


@pytest.mark.every_postgres
async def test_pending_revisions_are_applied_once_they_were_rehearsed_and_seen(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_live(copy_history(tmp_path), sandboxes, database)
    await record(workspace, "a1", "b2")

    text, digest = await planned(workspace)

    assert await ask(database, TABLES) == 0
    assert "from base (no revision applied) to b2. Nothing was run." in text

    answer = await apply_migration(workspace, plan_hash=digest)

    assert answer.text.startswith("Applied a1, b2 to live (")
    assert "its schema is the one that the rehearsal ended with" in answer.text
    assert answer.findings == 0
    assert answer.carried_out["revisions"] == 2
    assert await ask(database, VERSION) == "b2"
    assert (await apply_migration(workspace)).text.startswith("Nothing to apply: live (")


async def test_what_autogenerate_wrote_is_on_record_and_can_be_applied(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    root = copy_history(tmp_path)
    workspace = open_live(root, sandboxes, database)
    await record(workspace, "a1", "b2")
    await applied(workspace)
    models = root / "models.py"
    models.write_text(models.read_text() + "    died = Column(Integer)\n")
    written = await autogenerate_migration(workspace, "when authors died")
    (path,) = set((root / "migrations/versions").glob("*.py")) - {
        root / "migrations/versions/a1_authors.py",
        root / "migrations/versions/b2_born.py",
    }
    revision = path.name.partition("_")[0]

    text, digest = await planned(workspace)

    assert "Wrote " in written.text
    assert "AccessExclusive on public.authors (stops reads and writes)" in text
    answer = await apply_migration(workspace, plan_hash=digest)
    assert answer.text.startswith(f"Applied {revision} to live (")
    kept = find(root, revision)
    assert kept is not None
    assert (kept.parents, kept.is_transaction, kept.server_version // 10_000) == (("b2",), True, 18)
    await workspace.close()


async def test_a_new_project_is_led_from_nothing_to_its_tables(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    root = tmp_path / "project"
    shutil.copytree(PROJECTS / "todo_chatbot", root, ignore=shutil.ignore_patterns("__pycache__"))
    workspace = open_live(root, sandboxes, database)
    await autogenerate_migration(workspace, "first tables")

    answer = await applied(workspace)

    assert answer.findings == 0, answer.text
    assert await ask(database, TABLES) == 7
    await workspace.close()


@pytest.mark.parametrize("postgres", ["16"], indirect=True, scope="session")
async def test_what_is_written_was_rehearsed_on_a_server_like_the_live_one(
    tmp_path: Path, cache: Path, database: Sandbox
) -> None:
    root = tmp_path / "project"
    shutil.copytree(PROJECTS / "todo_chatbot", root, ignore=shutil.ignore_patterns("__pycache__"))
    async with (
        Workspace.open(root) as opened,
        opened.configured(database_url=database.url, cache=cache).call() as workspace,
    ):
        written = await autogenerate_migration(workspace, "first tables")

    assert "PostgreSQL 16" in written.text
    (kept,) = (root / ".dbarch" / "rehearsals").glob("*.json")
    assert json.loads(kept.read_text())["server_version"] // 10_000 == 16
    await workspace.close()


@pytest.fixture
async def at_b2(tmp_path: Path, sandboxes: Sandboxes, database: Sandbox) -> AtB2:
    """A project whose live database is at b2, its last revision."""
    await run(database, *AT_B2)
    return AtB2(open_live(copy_history(tmp_path), sandboxes, database), database, sandboxes)


async def test_a_revision_without_a_record_is_refused_by_name(at_b2: AtB2, database: Sandbox) -> None:
    await at_b2.add("c3", "b2", "alter table authors add died date", recorded=False)

    with pytest.raises(Refused, match=r"(?s)c3 \(migrations/versions/c3.py\): no rehearsal.*review_migration") as told:
        await apply_migration(at_b2.workspace)

    assert "nothing was run" in told.value.message
    assert await ask(database, VERSION) == "b2"


async def test_a_file_that_changed_since_is_refused(at_b2: AtB2, database: Sandbox) -> None:
    path = await at_b2.add("c3", "b2", "alter table authors add died date")
    _, digest = await planned(at_b2.workspace)
    path.write_text(path.read_text().replace("died", "gone"))

    for words in ({}, {"plan_hash": digest}):
        with pytest.raises(Refused, match="its file was changed since it was rehearsed at 2"):
            await apply_migration(at_b2.workspace, **words)

    assert await ask(database, VERSION) == "b2"


async def test_an_environment_that_changed_since_is_refused(at_b2: AtB2) -> None:
    root = at_b2.root
    await at_b2.add("c3", "b2", "alter table authors add died date")
    env = root / "migrations" / "env.py"
    env.write_text(env.read_text() + "\n# another line\n")

    with pytest.raises(Refused, match=r"env\.py, or what else it runs with, was changed"):
        await apply_migration(at_b2.workspace)


async def test_a_database_that_drifted_is_refused_and_what_differs_is_said(at_b2: AtB2, database: Sandbox) -> None:
    await at_b2.add("c3", "b2", "alter table authors add died date")
    await run(database, "alter table authors add by_hand int", "create index by_hand on authors (name)")

    with pytest.raises(Refused, match=r"(?s)add column public.authors.by_hand.*add index public.by_hand"):
        await apply_migration(at_b2.workspace)


async def test_what_belongs_to_the_surroundings_is_no_drift(at_b2: AtB2, database: Sandbox) -> None:
    await at_b2.add("c3", "b2", "alter table authors add died date")
    await run(database, "create publication everything for all tables", "grant select on authors to pg_monitor")

    assert (await applied(at_b2.workspace)).findings == 0


async def test_what_a_destructive_revision_takes_must_be_named(at_b2: AtB2, database: Sandbox) -> None:
    await at_b2.add("c3", "b2", "alter table authors drop born")
    text, digest = await planned(at_b2.workspace)

    assert "DESTROYS: public.authors.born" in text
    assert f'plan_hash="{digest}", confirm=["public.authors.born"]' in text
    with pytest.raises(Refused, match=r"destroys what was not named: public\.authors\.born"):
        await apply_migration(at_b2.workspace, plan_hash=digest, confirm=("authors.name",))
    assert await ask(database, VERSION) == "b2"
    assert (await apply_migration(at_b2.workspace, plan_hash=digest, confirm=("authors.born",))).findings == 0


async def test_only_the_plan_that_was_shown_is_carried_out(at_b2: AtB2, database: Sandbox) -> None:
    await at_b2.add("c3", "b2", "alter table authors add died date")
    _, digest = await planned(at_b2.workspace)
    await at_b2.add("d4", "c3", "alter table authors add sex text")

    with pytest.raises(Refused, match="call it without plan_hash"):
        await apply_migration(at_b2.workspace, plan_hash=digest)
    assert (await apply_migration(at_b2.workspace, revision="c3", plan_hash=digest)).findings == 0
    assert await ask(database, VERSION) == "c3"


async def test_a_target_or_revision_that_is_unknown_says_what_there_is(at_b2: AtB2, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no target 'staging'") as told:
        await apply_migration(at_b2.workspace, target="staging")
    assert told.value.hint == "Targets are: live, sandbox, branch, branch:<name>."
    with pytest.raises(MigrationError, match="There is no revision zz"):
        await apply_migration(at_b2.workspace, revision="zz")
    with pytest.raises(ConfigError, match="No database is configured"):
        await apply_migration(at_b2.workspace.configured(database_url=""))
    with pytest.raises(Refused, match="Going back is not done here"):
        await apply_migration(at_b2.workspace, revision="base")


async def test_several_heads_are_refused(at_b2: AtB2) -> None:
    await at_b2.add("c3", "b2", "alter table authors add died date")
    await at_b2.add("c4", "b2", "alter table authors add sex text")

    with pytest.raises(MigrationError, match=r"The history has 2 heads: c3 .*, c4"):
        await apply_migration(at_b2.workspace)


async def test_a_database_of_another_history_is_refused(at_b2: AtB2, database: Sandbox) -> None:
    await run(database, "update alembic_version set version_num = 'zz'")

    with pytest.raises(Refused, match="at revision zz, which the project's history does not have"):
        await apply_migration(at_b2.workspace)


async def test_a_record_of_another_server_version_is_refused(at_b2: AtB2) -> None:
    await at_b2.add("c3", "b2", "alter table authors add died date")
    kept = find(at_b2.root, "c3")
    assert kept is not None
    key = read_key(at_b2.workspace.cache)
    remember(at_b2.workspace.ledger, replace(kept, server_version=170_004), at_b2.workspace.redactor, key)

    with pytest.raises(Refused, match="rehearsed on PostgreSQL 17, the target is 18") as told:
        await apply_migration(at_b2.workspace)
    assert "DBARCH_SANDBOX_URL" in told.value.hint


async def test_a_failure_stops_the_apply_and_says_where_the_database_is(at_b2: AtB2, database: Sandbox) -> None:
    await at_b2.add("c3", "b2", "alter table authors add died date")
    await at_b2.add("d4", "c3", "alter table authors add sex text", "alter table authors add unique (name)")
    await at_b2.add("e5", "d4", "alter table authors add age int")
    await run(database, "insert into authors (id, name) values (1, 'same'), (2, 'same')")

    answer = await applied(at_b2.workspace)

    assert answer.findings == 1
    assert answer.text.startswith("STOPPED at d4 on live (")
    assert "could not create unique index" in answer.text
    assert "Applied: c3. Not applied: d4, e5." in answer.text
    assert "The database is at c3; nothing of d4 remains." in answer.text
    assert "same" not in answer.text
    assert await ask(database, VERSION) == "c3"
    assert answer.carried_out["revisions"] == 1


async def test_the_development_database_is_a_target_too(
    tmp_path: Path, place: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_live(copy_history(tmp_path), sandboxes, database).configured(cache=place)
    await record(workspace, "a1")

    answer = await applied(workspace, revision="a1", target="sandbox")

    assert answer.text.startswith("Applied a1 to sandbox (postgres@127.0.0.1:"), answer.text
    assert await ask(database, TABLES) == 0
    async with development_database(workspace) as running:
        connection = await connect(running.url)
        assert await connection.fetchval(VERSION) == "a1"
        await connection.close()
