"""review_schema on whole projects: models, code and git together, the fixes as a diff, other sources."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mcp_server.errors import ConfigError
from mcp_server.operations.judging import review_schema
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import open_project

pytestmark = pytest.mark.anyio
PROJECTS = Path(__file__).parent / "projects"
MODELS = """
from datetime import datetime

from sqlmodel import Field, SQLModel


class Author(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True, index=True)
    name: str


class Book(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    author_id: int = Field(foreign_key="author.id")
    status: str = "draft"
"""
DB = """
import os

from sqlmodel import create_engine

engine = create_engine(os.environ["DATABASE_URL"], echo=True)
"""


@pytest.fixture
def library(tmp_path: Path, sandboxes: Sandboxes) -> Workspace:
    """A project of two tables with some faults."""
    (tmp_path / "models.py").write_text(MODELS, "utf-8")
    (tmp_path / "db.py").write_text(DB, "utf-8")
    return open_project(tmp_path, sandboxes)


async def test_models_tables_and_code_are_judged_with_file_and_line(library: Workspace) -> None:
    answer = await review_schema(library)
    for words in ("models.py:14  public.book.book_author_id_fkey", "models.py:15  public.book.status", "db.py:6"):
        assert words in answer.text
    assert "index=True in author_id's Field()" in answer.text
    assert answer.verdict.startswith("models: ")


async def test_fixes_are_shown_and_nothing_is_written_without_asking(library: Workspace) -> None:
    root = library.settings.root
    answer = await review_schema(library, fix=True)
    assert "+    id: int | None = Field(default=None, primary_key=True)\n" in answer.text
    assert '+    author_id: int = Field(foreign_key="author.id", index=True)' in answer.text
    assert '+engine = create_engine(os.environ["DATABASE_URL"], echo=False, pool_pre_ping=True)' in answer.text
    assert (root / "models.py").read_text("utf-8") == MODELS
    assert (root / "db.py").read_text("utf-8") == DB


async def test_written_fixes_are_found_no_more(library: Workspace) -> None:
    first = await review_schema(library, write=True)
    assert first.carried_out == {"files": 2}
    again = await review_schema(library)
    assert {"S102", "S106", "C103", "C105"} & {one["code"] for one in findings(again)} == set()
    assert "S110" in {one["code"] for one in findings(again)}


def findings(answer: object) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = answer.data["findings"]  # type: ignore[attr-defined]
    return listed


async def test_models_that_cannot_be_imported_do_not_keep_the_code_from_being_judged(library: Workspace) -> None:
    (library.settings.root / "models.py").write_text(MODELS + "\nraise RuntimeError('no')\n", "utf-8")
    answer = await review_schema(library)
    assert "Not judged: the models." in answer.text
    assert "not everything could be judged" in answer.verdict
    assert "C103" in {one["code"] for one in findings(answer)}


def track(root: Path, *names: str) -> None:
    for words in (("init", "-q"), ("add", "-f", *names)):
        subprocess.run(("git", "-C", str(root), *words), check=True)


async def test_what_git_keeps_is_named_and_never_shown(library: Workspace) -> None:
    root = library.settings.root
    word = "npg_" + "Zk3" * 5
    (root / "notes.md").write_text(
        f"one\npostgresql://neondb_owner:{word}@ep-old-hill-a1b2.eu-central-1.aws.neon.tech/db\n"
    )
    (root / ".env").write_text("DATABASE_URL=postgresql://app:app@localhost/app\n")
    (root / ".env.example").write_text("DATABASE_URL=postgresql://user:password@host/db\n")
    (root / "todo.db").write_bytes(b"SQLite format 3\0")
    (root / "untracked.md").write_text(f"postgresql://u:{word}@ep-old-hill-a1b2.eu-central-1.aws.neon.tech/db\n")
    track(root, "notes.md", ".env", ".env.example", "todo.db")
    answer = await review_schema(library)
    told = {(one["code"], one["place"]) for one in findings(answer) if one["code"].startswith("C4")}
    assert told == {("C401", "notes.md:2"), ("C402", ".env"), ("C403", "todo.db")}
    assert word not in answer.text + "".join(answer.reports.values())


async def test_a_file_of_sql_is_judged_by_its_tables_alone(library: Workspace) -> None:
    (library.settings.root / "schema.sql").write_text("create table task (title text, due_at timestamp);")
    answer = await review_schema(library, "file:schema.sql")
    assert {one["code"] for one in findings(answer)} == {"S101", "S104"}


SPEC = """
## Table: `tasks`

| Column | Type | Constraints |
|---|---|---|
| id | SERIAL | PRIMARY KEY |
| title | VARCHAR(200) | NOT NULL |
| due_at | TIMESTAMP | NULL |
"""
LATER = """
## Table: `tasks`

| Column | Type | Constraints |
|---|---|---|
| id | SERIAL | PRIMARY KEY |
| title | VARCHAR(80) | NOT NULL |
| user_id | {type} | NOT NULL, FK -> {target} |
"""


@pytest.fixture
def stated(tmp_path: Path, sandboxes: Sandboxes) -> Workspace:
    """A project of two specs that do not agree."""
    for name, text in (("001-tasks", SPEC), ("002-owners", LATER.format(type="INTEGER", target="tasks.id"))):
        folder = tmp_path / "specs" / name
        folder.mkdir(parents=True)
        (folder / "data-model.md").write_text(text, "utf-8")
    return open_project(tmp_path, sandboxes)


async def test_a_spec_is_judged_by_what_it_says_twice_and_by_its_tables(stated: Workspace) -> None:
    answer = await review_schema(stated, "spec")
    told = {(one["code"], one.get("place", "")) for one in findings(answer)}
    assert ("P102", "specs/001-tasks/data-model.md:7") in told
    assert ("S104", "specs/001-tasks/data-model.md:8") in told
    assert ("S102", "specs/002-owners/data-model.md:8") in told
    assert "alter table" not in answer.text
    assert "Fix: write it into the spec there" in answer.text
    assert answer.text.splitlines()[-1].startswith("Next: change the spec where it says so")
    one = await review_schema(stated, "spec:specs/001-tasks/data-model.md")
    assert {found["code"] for found in findings(one)} == {"S104"}


async def test_tables_that_a_spec_leaves_to_others_are_not_judged(stated: Workspace) -> None:
    path = stated.settings.root / "specs/001-tasks/data-model.md"
    path.write_text(path.read_text("utf-8").replace("`tasks`", "`tasks` (Managed by Better Auth)"), "utf-8")
    answer = await review_schema(stated, "spec:specs/001-tasks/data-model.md")
    assert findings(answer) == []
    assert "Left out, for others own them: tasks." in answer.text


async def test_a_spec_that_postgres_cannot_make_is_still_judged_by_what_it_says(stated: Workspace) -> None:
    later = stated.settings.root / "specs/002-owners/data-model.md"
    later.write_text(f"{LATER.format(type='INTEGER', target='tasks.id')}| size | NUMERIC(5000) | NULL |\n", "utf-8")
    answer = await review_schema(stated, "spec")
    assert "P102" in {one["code"] for one in findings(answer)}
    assert "not everything could be judged" in answer.verdict
    assert "the tables. " in answer.text


async def test_an_unknown_source_is_refused(library: Workspace) -> None:
    with pytest.raises(ConfigError):
        await review_schema(library, "nothing")


@pytest.mark.parametrize("name", ["todo_chatbot", "monorepo", "classic_declarative"])
async def test_careful_projects_have_no_errors_and_no_false_alarms(
    name: str, tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = tmp_path / name
    shutil.copytree(PROJECTS / name, root)
    answer = await review_schema(open_project(root, sandboxes))
    assert answer.data["failures"] == []  # type: ignore[index, call-overload]
    assert {one["code"] for one in findings(answer) if one["severity"] != "info"} <= EXPECTED[name]


# What these projects do have: the monorepo leaves pre-ping to its pooler, and the shop's addresses are typed in.
EXPECTED = {"todo_chatbot": set[str](), "monorepo": {"C103"}, "classic_declarative": {"S110", "S102"}}
