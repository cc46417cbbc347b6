"""autogenerate_migration on whole projects: what is written was rehearsed, what is not written says why."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest

from mcp_server.errors import MigrationError, Refused
from mcp_server.model.answer import Answer
from mcp_server.model.orm import History
from mcp_server.operations.drafting import read_start
from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import PROJECTS, copy_history, open_project

pytestmark = pytest.mark.anyio

NO_PROJECTS = {"broken", "designed", "envs", "revisions"}
EVERY = sorted(path.name for path in PROJECTS.iterdir() if path.is_dir() and path.name not in NO_PROJECTS)


def copied(name: str, tmp_path: Path, *edits: tuple[str, str]) -> Path:
    """A copy of a project whose models.py was edited: every old text stands in it."""
    root = tmp_path / "project"
    shutil.copytree(PROJECTS / name, root, ignore=shutil.ignore_patterns("__pycache__", ".dbarch"))
    for old, new in edits:
        models = next(root.rglob("models.py"))
        text = models.read_text()
        assert old in text
        models.write_text(text.replace(old, new))
    return root


def opened(root: Path, sandboxes: Sandboxes, **changes: Any) -> Workspace:
    return open_project(root, sandboxes, cache=root.parent / "cache", **changes)


def data_of(answer: Answer) -> dict[str, Any]:
    return cast(dict[str, Any], answer.data)


def tree(root: Path) -> dict[str, bytes]:
    """Every file of a project but dbarch's own."""
    files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in files if ".dbarch" not in path.parts}


@pytest.mark.parametrize("name", EVERY)
async def test_every_project_is_led_to_its_models_by_a_rehearsed_revision(
    name: str, tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = copied(name, tmp_path)
    workspace = opened(root, sandboxes)

    answer = await autogenerate_migration(workspace, "lead to the models")

    data = data_of(answer)
    assert data["problems"] == []
    assert data["not_planned"] == []
    assert answer.findings == 0
    if data["verdict"] == "written":
        assert all((root / file).is_file() for file in data["revision"]["files"])
        assert data["revision"]["rehearsed"]["statements"] > 0
        answer = await autogenerate_migration(workspace, "once more")
    assert answer.text.startswith("No changes: models and migrations agree. Nothing was written.")


async def test_names_and_defaults_that_models_are_silent_about_are_no_difference(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    answer = await autogenerate_migration(opened(copied("conventions", tmp_path), sandboxes), "anything to do?")

    assert answer.text.startswith("No changes: models and migrations agree. Nothing was written.")
    assert "default of a column: job.state, job.tries" in answer.text


EDITS = (
    ("    notes: Optional[str] = None\n", "    notes: Optional[str] = None\n    due: Optional[datetime] = None\n"),
    ("    kind: str\n", ""),
    ("name: str = Field(max_length=100, unique=True)", "name: str = Field(max_length=200, unique=True)"),
    (', ondelete="CASCADE"', ""),
    ("    owner: str\n", "    owner: str = Field(index=True)\n"),
    ("class Event(", "class Tag(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n    word: str\n\n\nclass Event("),
)  # fmt: skip


async def test_edited_models_become_phases_that_follow_the_head(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copied("beyond_models", tmp_path, *EDITS)
    workspace = opened(root, sandboxes)
    before = tree(root)

    answer = await autogenerate_migration(workspace, "Due dates, and tags!")

    after = tree(root)
    files = sorted(after.keys() - before.keys(), key=lambda name: name.partition("_")[2])
    assert before.items() <= after.items()
    texts = [after[file].decode() for file in files]
    # file_template, truncate_slug_length and timezone are those of its alembic.ini
    names = ("expand", "online", "expand", "online", "contract")
    for number, (file, name) in enumerate(zip(files, names, strict=True), 1):
        assert re.fullmatch(rf"migrations/versions/\d{{8}}_{number}_{name}_due_.*_[0-9a-f]{{12}}\.py", file)
    parents = [re.findall(r'^(?:revision|down_revision) = "(\w+)"$', text, re.MULTILINE) for text in texts]
    assert [pair[1] for pair in parents] == ["0002", *(pair[0] for pair in parents[:-1])]
    assert all("+00:00" in text for text in texts)
    lines = answer.text.splitlines()
    assert lines[0].startswith("Wrote 5 revisions, after 0002: from migrations to models")
    assert f"  5. {files[4]} (contract, destructive)" in lines
    assert any(line.startswith(f"  4. {files[3]} (online, ") for line in lines)
    assert "then deploy the application that no longer uses public.event.kind" in answer.text
    assert "LOSES: column public.event.kind is dropped with its values" in lines[1:4]
    assert "LOSES: foreign key public.task.task_project_id_fkey loses ON DELETE CASCADE" in lines[1:4]
    assert "add column due timestamptz" in answer.text
    assert "add index ix_task_owner" in answer.text
    assert "change column name from varchar(100) to varchar(200)" in answer.text
    assert "rename index idx_task_project to ix_task_project_id" in answer.text
    assert "2 functions: " in answer.text
    assert "1 policy: task.own_task" in answer.text
    assert re.search(
        r"Rehearsed: upgrade, downgrade, upgrade on PostgreSQL 18\.\d+ .*: \d+ statements, \d+ ms", answer.text
    )
    assert lines[-1].startswith("📋 Architectural decision detected: a new table tag")
    assert (
        f"Next: read the files, then call apply_migration with revision={parents[3][0]}, which shows its plan first"
        in answer.text
    )
    assert answer.carried_out["statements"] > 10


async def test_a_change_that_is_over_at_once_is_one_revision(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copied("beyond_models", tmp_path, EDITS[0])

    answer = await autogenerate_migration(opened(root, sandboxes), "due dates")

    (phase,) = data_of(answer)["revision"]["phases"]
    assert (phase["name"], phase["class"]) == ("expand", "safe")
    assert answer.text.startswith(f"Wrote {phase['file']} (revision {phase['id']}, after 0002): ")
    assert (
        "Next: read the file, then call apply_migration, which shows its plan first (by hand: `alembic upgrade head`"
        in answer.text
    )
    assert "SET LOCAL lock_timeout = '" in (root / phase["file"]).read_text()


async def test_a_dry_run_writes_nothing_and_shows_the_revision(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copied("beyond_models", tmp_path, EDITS[0])
    before = sorted(root.rglob("*"))

    answer = await autogenerate_migration(opened(root, sandboxes), "due dates", write=False)

    assert sorted(root.rglob("*")) == before
    assert not any((tmp_path / "cache" / "staging").iterdir())
    (report,) = answer.reports.values()
    assert 'op.add_column("task", sa.Column("due"' in report
    assert answer.text.startswith("Would write (nothing was written) migrations/versions/")


async def test_a_rename_that_is_told_keeps_the_rows(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copied(
        "beyond_models", tmp_path, ("class Task(", "class Todo("), ("    title: str", "    name: str"),
        ("    notes: Optional[str]", "    remarks: Optional[str]"),
    )  # fmt: skip
    workspace = opened(root, sandboxes)
    renames = {"task": "todo", "task.title": "name", "public.task.notes": "remarks"}

    answer = await autogenerate_migration(workspace, "todos", renames=renames)

    assert data_of(answer)["losses"] == []
    assert not any(step["destructive"] for step in data_of(answer)["steps"])
    assert "function public.open_tasks(who text) speaks of public.task, and will not find it" in answer.text
    assert await rows_after(workspace, root) == [("write it", "soon")]


async def rows_after(workspace: Workspace, root: Path) -> list[tuple[str, str]]:
    """What a row that was there at the old head says at the new one, asked under the new names."""
    from mcp_server.world.migrations import replay, upgrade

    sandboxes = await workspace.sandboxes()
    async with sandboxes.lend(await replay(workspace, "0002")) as sandbox:
        connection = await connect(sandbox.url)
        try:
            await connection.execute("insert into project (name) values ('house')")
            await connection.execute(
                "insert into task (title, notes, owner, project_id) values ('write it', 'soon', 'me', 1)"
            )
            await upgrade(workspace, sandbox, "heads")
            return [tuple(row) for row in await connection.fetch("select name, remarks from todo")]
        finally:
            await connection.close()


async def test_a_rename_that_is_not_told_is_a_loss_and_the_words_to_pass_are_given(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = copied("history", tmp_path, ("    name = Column", "    full_name = Column"))

    answer = await autogenerate_migration(opened(root, sandboxes), "full names", write=False)

    first = "\n".join(answer.text.splitlines()[1:4])
    assert "LOSES: column public.authors.name is dropped with its values" in first
    assert 'pass renames={"public.authors.name": "full_name"}' in first
    assert "--renames public.authors.name=full_name" in first


async def test_a_column_that_a_view_needs_stays_and_the_view_is_named(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copied("beyond_models", tmp_path, ("    title: str = Field(max_length=100, index=True)\n", ""))

    answer = await autogenerate_migration(opened(root, sandboxes), "no titles")

    assert data_of(answer)["verdict"] == "written"
    assert (
        "Stays, though it is not in models: column public.task.title, as trigger task_title on table public.task and "
        "view public.open_task stand on it; it is NOT NULL, so inserts without it fail." in answer.text
    )
    assert not any(step["destructive"] for step in data_of(answer)["steps"])


async def test_a_revision_that_does_not_lead_to_the_models_is_not_written(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copied("beyond_models", tmp_path, EDITS[0])
    env = root / "migrations" / "env.py"
    env.write_text(env.read_text().replace("        context.run_migrations()\n\n\nif", MEDDLES))
    before = tree(root)

    answer = await autogenerate_migration(opened(root, sandboxes), "due dates")

    assert tree(root) == before
    assert answer.findings == 2
    assert data_of(answer)["verdict"] == "rejected"
    assert answer.text.startswith("Nothing was written: the rehearsal of the revision did not end where it should.")
    assert "after the upgrade it should not differ: add table public.audit" in answer.text
    (report,) = answer.reports.values()
    assert 'op.add_column("task", sa.Column("due"' in report
    assert "# after the upgrade" in report


MEDDLES = """        context.run_migrations()
        if "due" in {column["name"] for column in __import__("sqlalchemy").inspect(connection).get_columns("task")}:
            connection.exec_driver_sql("create table audit ()")
        else:
            connection.exec_driver_sql("drop table if exists audit")


if"""


async def test_several_heads_are_named_with_the_way_out(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = opened(copy_history(tmp_path, "", "second_head"), sandboxes)
    with pytest.raises(MigrationError, match=r"has 2 heads: .*\nMerge them: alembic merge -m"):
        await autogenerate_migration(workspace, "more", after="file:schema.sql")


async def test_a_message_is_needed(tmp_path: Path, sandboxes: Sandboxes) -> None:
    with pytest.raises(Refused, match="The message must say"):
        await autogenerate_migration(opened(copied("history", tmp_path), sandboxes), " \n ")


async def test_a_revision_follows_the_head_and_nothing_else(tmp_path: Path, sandboxes: Sandboxes) -> None:
    with pytest.raises(Refused, match="would make a second head beside b2"):
        await read_start(opened(tmp_path / "project", sandboxes), "migrations:a1", History(heads=("b2",)))


async def test_the_live_database_may_be_the_start_or_the_goal(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: asyncpg.Connection
) -> None:
    root = copied("history", tmp_path)
    await connection.execute(
        "create table authors (id serial primary key, name varchar not null, born date, died date);"
        "create table alembic_version (version_num varchar(32) primary key); insert into alembic_version values ('b2');"
    )
    workspace = opened(root, sandboxes, database_url=database.url)

    drifted = await autogenerate_migration(workspace, "the dead", after="live")
    assert data_of(drifted)["verdict"] == "written"
    assert "add column died date" in drifted.text

    back = await autogenerate_migration(workspace, "no dead", before="live", write=False)
    assert "LOSES: column public.authors.died is dropped with its values" in back.text
    assert data_of(back)["problems"] == []
    assert await connection.fetchval("select count(*) from pg_attribute where attname = 'died'") == 1
    await workspace.close()


async def test_what_keeps_rows_from_coming_along_is_told_and_written_all_the_same(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = copied("history", tmp_path, ("born = Column(Integer)", "born = Column(Integer, nullable=False)"))

    answer = await autogenerate_migration(opened(root, sandboxes), "everybody was born")

    data = data_of(answer)
    assert data["verdict"] == "written"
    assert "fails on rows that the old schema allows" in data["on_rows"][0]
    assert data["on_rows"][0] in answer.text
