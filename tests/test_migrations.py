"""Alembic histories, replayed by their own env.py on sandboxes and nowhere else."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest

from mcp_server.errors import ConfigError, MigrationError
from mcp_server.model.orm import History, Revision
from mcp_server.world.alembic_config import find_config
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.migrations import downgrade, find_history, replay, resolve, stamp, upgrade
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.settings import Settings
from tests.opened import PROJECTS, copy_history, open_project

pytestmark = pytest.mark.anyio


async def columns(sandbox: Sandbox, table: str = "authors") -> list[str]:
    connection = await connect(sandbox.url)
    try:
        rows = await connection.fetch(
            "select attname from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
            table,
        )
    finally:
        await connection.close()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    "env",
    [
        "sync_template",
        "async_template",
        "hard_coded_url",
        "settings_object",
        "environment_variable",
        "own_connect",
        "address_in_environment",
    ],
)
async def test_every_way_of_env_py_to_its_database_leads_to_the_sandbox(
    env: str, tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_project(copy_history(tmp_path, env), sandboxes)

    walk = await upgrade(workspace, database)

    assert walk.done == ("a1", "b2")
    assert walk.heads == ("b2",)
    assert await columns(database) == ["id", "name", "born"]


@pytest.mark.parametrize(
    ("env", "line", "target"),
    [
        ("elsewhere_by_psycopg", 6, "app on 127.0.0.1:5432"),
        ("elsewhere_by_asyncpg", 11, "app on 127.0.0.1:5432"),
        ("elsewhere_by_psql", 7, "whatever `psql` connects to"),
        ("elsewhere_by_a_child", 8, "whatever `python"),
    ],
)
async def test_a_replay_that_would_connect_elsewhere_is_refused(
    env: str, line: int, target: str, tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_project(copy_history(tmp_path, env), sandboxes)

    with pytest.raises(MigrationError, match="Refused: the replay would have connected to") as caught:
        await upgrade(workspace, database)

    assert target in caught.value.message
    assert (caught.value.file, caught.value.line) == ("migrations/env.py", line)
    assert await columns(database) == []


async def test_a_walk_goes_up_and_down_and_knows_where_it_stands(sandboxes: Sandboxes, database: Sandbox) -> None:
    workspace = open_project("history", sandboxes)

    assert (await upgrade(workspace, database, "a1")).heads == ("a1",)
    assert (await upgrade(workspace, database, "+1")).done == ("b2",)
    assert (await downgrade(workspace, database, "-1")).heads == ("a1",)
    assert (await downgrade(workspace, database, "base")).heads == ()
    assert (await stamp(workspace, database, "head")).heads == ("b2",)
    assert await columns(database) == []


async def test_revisions_of_another_folder_can_be_tried_out(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_project("history", sandboxes)
    shutil.copy(PROJECTS / "revisions/names_roles.py", tmp_path)

    walk = await upgrade(workspace, database, extra=[tmp_path])

    assert walk.done == ("a1", "b2", "c3")


async def test_the_history_is_told_parents_first_with_its_heads_and_labels() -> None:
    history = await find_history(open_project("every_kind"))

    assert history.config == "db/alembic.ini#history"
    assert [(item.id, item.parents, item.labels) for item in history.revisions] == [
        ("0001", (), ()),
        ("0002", ("0001",), ("rows",)),
    ]
    assert history.revisions[1].file == "db/migrations/versions/0002_rows.py"
    assert history.heads == ("0002",)
    assert history.version_table_identity == "ops.schema_version"
    assert dict(history.options)["transaction_per_migration"] is True
    assert history.folder == str(PROJECTS / "every_kind")


async def test_a_project_without_alembic_has_an_empty_history(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(tmp_path, sandboxes)

    assert await find_history(workspace) == History()
    async with sandboxes.lend(await replay(workspace)) as sandbox:
        connection = await connect(sandbox.url)
        schema = await read_schema(connection)
        await connection.close()
    assert schema.groups == ("schema", "extension") or {item.word for item in schema} <= {"schema", "extension"}


async def test_a_history_that_pyproject_configures_is_found(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    root = copy_history(tmp_path)
    (root / "alembic.ini").unlink()
    (root / "pyproject.toml").write_text(
        '[tool.alembic]\nscript_location = "%(here)s/migrations"\nprepend_sys_path = ["."]\n'
    )
    env = (root / "migrations/env.py").read_text()
    (root / "migrations/env.py").write_text(
        env.replace("config.get_section(config.config_ini_section, {})", '{"sqlalchemy.url": "postgresql://x"}')
    )

    assert (await upgrade(open_project(root, sandboxes), database)).heads == ("b2",)


async def test_two_version_locations_make_one_history(tmp_path: Path, sandboxes: Sandboxes, database: Sandbox) -> None:
    root = copy_history(tmp_path)
    (root / "more").mkdir()
    shutil.copy(PROJECTS / "revisions/names_roles.py", root / "more")
    with (root / "alembic.ini").open("a") as ini:
        ini.write("version_locations = %(here)s/migrations/versions %(here)s/more\nversion_path_separator = space\n")

    assert (await upgrade(open_project(root, sandboxes), database, "head")).heads == ("c3",)


def expect(case: Sequence[str]) -> str:
    return "\n".join(case)


@pytest.mark.parametrize(
    ("revision", "place", "words"),
    [
        (
            "refused_statement",
            "migrations/versions/refused_statement.py:13",
            "cannot be cast automatically to type uuid (42804)",
        ),
        (
            "swallowed_error",
            "migrations/versions/swallowed_error.py:14",
            'column "name" of relation "authors" already exists',
        ),
        ("raises", "migrations/versions/raises.py:13", "RuntimeError: run the script by hand first"),
        ("missing_extension", "migrations/versions/missing_extension.py:13", 'extension "uuid-ossp" is not available'),
        (
            "missing_parent",
            "migrations/versions/missing_parent.py:7",
            "revision c3 follows zz, and no file holds a revision zz",
        ),
        ("same_id", "migrations/versions/same_id.py", "revision b2 exists twice"),
    ],
)
async def test_a_history_that_fails_is_told_with_its_own_file_and_line(
    revision: str, place: str, words: str, tmp_path: Path, sandboxes: Sandboxes
) -> None:
    workspace = open_project(copy_history(tmp_path, "async_template", revision), sandboxes)

    with pytest.raises(MigrationError) as caught:
        await replay(workspace)

    error = caught.value
    assert words in error.message
    assert (f"{error.file}:{error.line}" if error.line else error.file) == place


async def test_a_refused_statement_is_shown_with_how_far_the_replay_came(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(copy_history(tmp_path, "", "refused_statement"), sandboxes)

    with pytest.raises(MigrationError) as caught:
        await replay(workspace)

    assert "ALTER TABLE authors ALTER COLUMN name TYPE UUID" in caught.value.message
    assert "Revision c3, after 2 that ran, the last of them b2." in caught.value.message


async def test_a_refused_row_is_not_shown(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(copy_history(tmp_path, "", "duplicate_row"), sandboxes)

    with pytest.raises(MigrationError, match="duplicate key value violates unique constraint") as caught:
        await replay(workspace)

    assert "seed-value" not in str(caught.value)


async def test_a_circle_of_revisions_is_named(tmp_path: Path) -> None:
    root = copy_history(tmp_path)
    shutil.copy(PROJECTS / "revisions/follows_circle.py", root / "migrations/versions/a1_authors.py")

    with pytest.raises(MigrationError, match="the revisions a1, b2 follow each other in a circle"):
        await find_history(open_project(root))


async def test_several_heads_are_named_and_replayed_together(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_project(copy_history(tmp_path, "", "second_head"), sandboxes)

    assert (await find_history(workspace)).heads == ("b2", "c3")
    with pytest.raises(MigrationError, match=r"2 heads: b2 \(migrations/versions/b2_born.py\), c3") as caught:
        await upgrade(workspace, database, "head")
    assert caught.value.hint == 'Merge them: alembic merge -m "merge heads" b2 c3'
    assert (await upgrade(workspace, database, "heads")).heads == ("b2", "c3")
    assert await columns(database) == ["id", "name", "born", "email"] or set(await columns(database)) == {
        "id",
        "name",
        "born",
        "email",
    }


async def test_an_env_py_that_does_not_commit_is_found_out(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_project(copy_history(tmp_path, "not_committed"), sandboxes)

    with pytest.raises(MigrationError, match=r"env\.py ran 2 revisions and committed nothing"):
        await upgrade(workspace, database)


async def test_roles_that_a_revision_names_are_made_on_the_embedded_server(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    workspace = open_project(copy_history(tmp_path, "", "names_roles"), sandboxes)

    await upgrade(workspace, database)

    roles = await connection.fetch(
        "select rolname, rolcanlogin from pg_roles where rolname in ('reporting', 'App User') order by 1"
    )
    assert [tuple(row) for row in roles] == [("App User", False), ("reporting", False)]


async def test_the_same_history_is_replayed_once_and_again_when_what_it_reads_changes(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = copy_history(tmp_path, "", "reads_file")
    (root / "views.sql").write_text("create view names as select name from authors")
    workspace = open_project(root, sandboxes)

    first = await replay(workspace)
    (root / "notes.txt").write_text("not read")
    assert await replay(workspace) == first
    (root / "views.sql").write_text("create view names as select upper(name) as name from authors")
    assert await replay(workspace) != first
    assert await replay(workspace, "b2") == await replay(workspace, "b")


def test_several_configurations_are_named_and_one_can_be_chosen(tmp_path: Path) -> None:
    for folder in ("", "backend"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "alembic.ini").write_text("[alembic]\n")

    with pytest.raises(MigrationError, match=r"several places: alembic.ini, backend/alembic.ini"):
        find_config(Settings(tmp_path))
    chosen = find_config(Settings(tmp_path, alembic="backend#other"))
    assert chosen is not None
    assert chosen.label(tmp_path) == "backend/alembic.ini#other"
    with pytest.raises(ConfigError, match="there is no such file"):
        find_config(Settings(tmp_path, alembic="nowhere.ini"))


def test_words_for_revisions_are_understood_as_alembic_does() -> None:
    history = History(
        revisions=(Revision("abc1", (), "1.py"), Revision("abd2", ("abc1",), "2.py", labels=("core",))), heads=("abd2",)
    )

    assert resolve(history, "head") == resolve(history, "heads") == resolve(history, "core") == ("abd2",)
    assert resolve(history, "base") == resolve(history, "head-1") == ()
    assert resolve(history, "abc") == ("abc1",)
    with pytest.raises(MigrationError, match="the beginning of several revisions: abc1, abd2"):
        resolve(history, "ab")
    with pytest.raises(MigrationError, match="There is no revision zz"):
        resolve(history, "zz")
