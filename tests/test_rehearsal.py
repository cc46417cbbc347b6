"""Copies to try things out on, walks that are watched, revision files that lie where Alembic looks."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from mcp_server.errors import ConfigError, DatabaseError, Refused
from mcp_server.model.orm import History, Revision
from mcp_server.model.schema import Column, Table
from mcp_server.operations.equality import differences
from mcp_server.world.ledger import Ledger
from mcp_server.world.migrations import replay
from mcp_server.world.rehearsal import Course, copy_of, rehearse, template_of
from mcp_server.world.revision_files import file_name, new_revision, place, stage, staging, versions_folder
from mcp_server.world.sandbox import Sandboxes
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio
AT = datetime(2026, 3, 4, 5, 6, 7)

REVISION = """
from alembic import op

revision = "c3"
down_revision = "b2"


def upgrade() -> None:
    {up}


def downgrade() -> None:
    {down}
"""


def course(folder: Path, template: str, up: str, down: str) -> Course:
    stage(folder, {"c3.py": REVISION.format(up=up, down=down)})
    return Course("c3", "b2", folder, template)


async def test_a_revision_is_walked_up_down_and_up_and_read_each_time(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    workspace = open_project(root, sandboxes)
    told: list[str] = []
    workspace._progress = lambda message, done: told.append(message)
    up, down = 'op.execute("alter table authors add died date")', 'op.execute("alter table authors drop died")'

    seen = await rehearse(workspace, course(tmp_path / "tried", await replay(workspace), up, down))

    assert [stage.command for stage in seen.stages] == ["upgrade", "downgrade", "upgrade"]
    assert [bool(one.schema and one.schema.get(Column, "public.authors.died")) for one in seen.stages] == [
        True,
        False,
        True,
    ]
    assert [[one.fresh[0].mode for one in stage.observed] for stage in seen.stages] == [["AccessExclusiveLock"]] * 3
    assert seen.statements == 3
    assert seen.failed is None
    assert seen.server_version // 10_000 == 18
    assert told[-3:] == ["rehearsing: upgrade", "rehearsing: downgrade", "rehearsing: upgrade"]
    assert sorted(path.name for path in (root / "migrations" / "versions").glob("*.py")) == [
        "a1_authors.py",
        "b2_born.py",
    ]


async def test_a_walk_that_fails_is_the_last_and_says_why(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(copy_history(tmp_path), sandboxes)
    up, down = 'op.execute("alter table authors add died date")', 'op.execute("alter table authors drop dead")'

    seen = await rehearse(workspace, course(tmp_path / "tried", await replay(workspace), up, down))

    assert [stage.schema is None for stage in seen.stages] == [False, True]
    assert [one.sqlstate for one in seen.stages[1].observed] == ["42703"]
    assert seen.failed is not None
    assert 'column "dead" of relation "authors" does not exist' in str(seen.failed.failure)


async def test_a_copy_runs_statements_and_is_dropped(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(tmp_path, sandboxes)
    template = await template_of(workspace, "a test of copies", ["create table t (id int)"])

    async with copy_of(workspace, template) as copy:
        await copy.run(["create role role_of_this_copy nologin", "grant select on t to role_of_this_copy",
                        "grant select on t to a_role_that_nobody_made"])  # fmt: skip
        assert (await copy.read()).get(Table, "public.t") is not None
        with pytest.raises(DatabaseError, match=r"table \"nothing\" does not exist\.\n    drop table nothing"):
            await copy.run(["drop table nothing"])
        name = copy.sandbox.name
        await copy.run(["drop owned by role_of_this_copy", "drop role role_of_this_copy",
                        "drop owned by a_role_that_nobody_made", "drop role a_role_that_nobody_made"])  # fmt: skip

    assert name not in await sandboxes._names()


async def test_wording_that_a_replay_levels_is_no_difference(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(tmp_path, sandboxes)
    check = "check ({})"
    first, other = check.format("s in ('a', 'b')"), "s in ('a', 'c')"
    async with copy_of(workspace) as one, copy_of(workspace) as two, copy_of(workspace) as three:
        await one.run([f"create table t (s varchar(10), constraint c {first})"])
        before = await one.read()
        deparsed = next(item for item in before if getattr(item, "name", "") == "c")
        await two.run([f"create table t (s varchar(10), constraint c {deparsed.definition})"])  # type: ignore[attr-defined]
        await three.run([f"create table t (s varchar(10), constraint c {check.format(other)})"])
        again, changed = await two.read(), await three.read()

    assert before != again
    assert await differences(workspace, before, again) == ()
    assert len(await differences(workspace, before, changed)) == 1


TEMPLATES = (
    "%%(rev)s_%%(slug)s",
    "%%(year)d%%(month).2d%%(day).2d_%%(hour).2d%%(minute).2d%%(second).2d-%%(slug)s",
    "%%(epoch)s_%%(rev)s",
    "%%(year)d/%%(month).2d/%%(rev)s_%%(slug)s",
)
MESSAGES = ("add due", "Größe & Ümläute — 日本", "a" * 60, "one two three four five six seven eight nine ten", "...")


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("length", ["", "12"])
def test_a_file_is_named_as_alembic_would_name_it(template: str, length: str, tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    more = f"truncate_slug_length = {length}\n" if length else ""
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = %(here)s\nfile_template = {template}\n{more}")
    script = ScriptDirectory.from_config(Config(tmp_path / "alembic.ini"))
    settings = {"file_template": template.replace("%%", "%")} | ({"truncate_slug_length": length} if length else {})
    history = History(settings=tuple(settings.items()))
    for message in MESSAGES:
        theirs = script._rev_path(str(tmp_path / "versions"), "abc", message, AT)
        assert tmp_path / "versions" / file_name(history, "abc", message, AT) == Path(theirs)


def test_a_file_template_that_cannot_be_filled_is_named(tmp_path: Path) -> None:
    history = History(config="alembic.ini", settings=(("file_template", "%(month_name)s"),))
    with pytest.raises(ConfigError, match=r"The file_template of alembic\.ini cannot be filled: 'month_name'"):
        file_name(history, "abc", "x", AT)


def test_a_revision_lies_beside_the_one_it_follows(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    history = History(
        versions=(str(first), str(second)),
        revisions=(Revision("1", (), "a/1.py"), Revision("2", ("1",), "b/2026/2.py")),
    )
    assert versions_folder(history, "1", tmp_path) == first
    assert versions_folder(history, "2", tmp_path) == second
    assert versions_folder(history, "", tmp_path) == first


def test_ids_are_alembics_and_new() -> None:
    ids = {new_revision(History()) for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[0-9a-f]{12}", one) for one in ids)


def test_nothing_is_overwritten_and_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "env.py").write_text("theirs")
    files = {tmp_path / "env.py": "ours", tmp_path / "versions" / "1.py": "revision = 1"}

    assert place(tmp_path, files, History(), Ledger(tmp_path)) == (tmp_path / "versions" / "1.py",)
    assert (tmp_path / "env.py").read_text() == "theirs"
    with pytest.raises(Refused, match=r"1\.py exists already; nothing was overwritten"):
        place(tmp_path, files, History(), Ledger(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dbarch", "env.py", "versions"]
    assert not any((tmp_path / ".dbarch" / "tmp").iterdir())


def test_a_revision_that_somebody_else_wrote_meanwhile_stops_ours(tmp_path: Path) -> None:
    history = History(versions=(str(tmp_path),), revisions=(Revision("1", (), "1.py"),))
    (tmp_path / "1.py").write_text('revision = "1"')
    (tmp_path / "helpers.py").write_text("")
    (tmp_path / "2.py").write_text('revision = "2"\ndown_revision = "1"')
    with pytest.raises(Refused, match=r"2\.py was added to the history meanwhile"):
        place(tmp_path, {tmp_path / "3.py": ""}, history, Ledger(tmp_path))
    assert not (tmp_path / "3.py").exists()


def test_stages_of_the_dead_are_swept(tmp_path: Path) -> None:
    dead = tmp_path / "staging" / "999999999-5-1"
    dead.mkdir(parents=True)
    with staging(tmp_path) as one, staging(tmp_path) as other:
        assert one != other
        assert not dead.exists()
        assert one.exists()
    assert not any((tmp_path / "staging").iterdir())
