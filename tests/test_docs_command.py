"""`dbarch docs`: pages beside the code, written anew when the schema changes, and nothing of others overwritten."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mcp_server.cli import main
from mcp_server.errors import ConfigError, ModelsError, NotFound, Refused
from mcp_server.operations.document import docs
from mcp_server.world.generated import is_untouched
from mcp_server.world.sandbox import Sandboxes
from tests.opened import PROJECTS, copy_history, open_project

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[1]
SQL = """
create table shelves (id int primary key, note text);
create table books (id int primary key, shelf_id int not null references shelves, title text);
comment on column books.title is 'as printed; owner postgresql://app:hunter22@db.example.com/app';
"""
SOURCE = "file:schema.sql"
PAGE = "docs/database/tables/books.md"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with nothing but a SQL file."""
    (tmp_path / "schema.sql").write_text(SQL, encoding="utf-8")
    return tmp_path


def text_of(root: Path, name: str) -> str:
    return (root / name).read_text(encoding="utf-8")


async def test_a_second_run_changes_nothing_and_finds_the_pages_fresh(project: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(project, sandboxes)
    first = await docs(workspace, SOURCE)
    assert first.verdict == "docs/database: 2 tables from file:schema.sql; 6 files written, 0 as they were, 0 removed."
    again = await docs(workspace, SOURCE)
    assert "0 files written, 6 as they were" in again.verdict
    checked = await docs(workspace, SOURCE, check=True)
    assert (checked.findings, checked.verdict) == (0, "docs/database is fresh: 6 files.")
    assert all(is_untouched(text_of(project, name)) for name in (PAGE, "docs/database/index.html"))


async def test_a_changed_schema_makes_pages_stale_and_removes_those_of_tables_that_are_gone(
    project: Path, sandboxes: Sandboxes
) -> None:
    workspace = open_project(project, sandboxes)
    await docs(workspace, SOURCE)
    (project / "schema.sql").write_text("create table shelves (id int primary key, label text);", encoding="utf-8")
    checked = await docs(workspace, SOURCE, check=True)
    assert checked.findings == 5
    assert "- of tables that are gone: tables/books.md" in checked.text
    assert "Next: run `dbarch docs --source file:schema.sql`" in checked.text
    assert (project / PAGE).exists()
    await docs(workspace, SOURCE)
    assert not (project / PAGE).exists()
    assert "`label`" in text_of(project, "docs/database/tables/shelves.md")


async def test_a_page_that_somebody_changed_is_refused_and_nothing_is_written(
    project: Path, sandboxes: Sandboxes
) -> None:
    workspace = open_project(project, sandboxes)
    await docs(workspace, SOURCE)
    mine = text_of(project, PAGE) + "\nOur own words.\n"
    (project / PAGE).write_text(mine, encoding="utf-8")
    (project / "schema.sql").write_text(SQL.replace("note text", "note varchar(9)"), encoding="utf-8")
    before = text_of(project, "docs/database/tables/shelves.md")
    with pytest.raises(Refused, match=r"changed since dbarch wrote them: tables/books\.md"):
        await docs(workspace, SOURCE)
    assert text_of(project, PAGE) == mine
    assert text_of(project, "docs/database/tables/shelves.md") == before


async def test_a_file_of_others_is_refused_and_others_beside_it_are_left_alone(
    project: Path, sandboxes: Sandboxes
) -> None:
    workspace = open_project(project, sandboxes)
    folder = project / "docs/database"
    folder.mkdir(parents=True)
    (folder / "notes.md").write_text("# Ours\n", encoding="utf-8")
    await docs(workspace, SOURCE)
    assert text_of(folder, "notes.md") == "# Ours\n"
    (folder / "README.md").write_text("# Ours as well\n", encoding="utf-8")
    with pytest.raises(Refused, match=r"not written by dbarch: README\.md") as error:
        await docs(workspace, SOURCE)
    assert "--out" in error.value.hint
    assert text_of(folder, "README.md") == "# Ours as well\n"


async def test_pages_that_git_gave_windows_line_ends_are_still_ours(project: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(project, sandboxes)
    await docs(workspace, SOURCE)
    path = project / PAGE
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert (await docs(workspace, SOURCE, check=True)).findings == 0


@pytest.mark.parametrize("out", ["../elsewhere", ".", "schema.sql", "/tmp"])
async def test_only_a_folder_within_the_project_is_written(out: str, project: Path, sandboxes: Sandboxes) -> None:
    with pytest.raises(Refused):
        await docs(open_project(project, sandboxes), SOURCE, out)


async def test_a_link_never_leads_a_page_out_of_the_folder(project: Path, sandboxes: Sandboxes) -> None:
    outside = project / "elsewhere"
    outside.mkdir()
    (project / "docs/database").mkdir(parents=True)
    (project / "docs/database/tables").symlink_to(outside)
    with pytest.raises(Refused, match="not written by dbarch"):
        await docs(open_project(project, sandboxes), SOURCE)
    assert list(outside.iterdir()) == []


async def test_no_page_holds_a_password(project: Path, sandboxes: Sandboxes) -> None:
    await docs(open_project(project, sandboxes), SOURCE)
    pages = [path.read_text(encoding="utf-8") for path in (project / "docs").rglob("*.*")]
    assert any("as printed" in page for page in pages)
    assert not [page for page in pages if "hunter22" in page]


async def test_pages_say_where_models_and_spec_state_a_table_and_link_the_decisions(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    shutil.copytree(PROJECTS / "todo_chatbot", tmp_path / "project")
    for name in ("specs", "history/adr"):
        shutil.copytree(ROOT / name, tmp_path / "project" / name)
    root = tmp_path / "project"
    await docs(open_project(root, sandboxes), out="docs/db")
    page = text_of(root, "docs/db/tables/tasks.md")
    line = next(
        number
        for number, text in enumerate(text_of(root, "app/models.py").splitlines(), 1)
        if text.startswith("class Task(")
    )
    assert f"[`app/models.py:{line}`](../../../app/models.py#L{line}) (models: `Task`)" in page
    assert "(../../../specs/database/schema.md#L15) (spec: `tasks`)" in page
    decisions = text_of(root, "docs/db/decisions.md")
    assert (
        "[One reader of schemas](../../history/adr/0001-one-reader-of-schemas.md) | Accepted | 2026-11-22 |"
        in decisions
    )
    links = re.findall(r"\]\(([^)#]+)", page)
    assert all((root / "docs/db/tables" / link).exists() for link in links)


async def test_pages_of_a_history_say_which_revision_made_a_table(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    (root / "specs").mkdir()
    spec = "### authors\n\n- id: int (PK)\n- name: VARCHAR(100)\n- born: int\n\n#### Indexes\n\n| Index | Columns | Purpose |\n|---|---|---|\n| ix_born | born | who is [oldest](x) |\n"
    (root / "specs/schema.md").write_text(spec, encoding="utf-8")
    later = root / "migrations/versions/c3_index.py"
    text = text_of(root, "migrations/versions/b2_born.py").replace('"b2"', '"c3"').replace('"a1"', '"b2"')
    text = text.replace(
        'op.add_column("authors", sa.Column("born", sa.Integer))', 'op.create_index("ix_a", "authors", ["born"])'
    )
    later.write_text(text, encoding="utf-8")
    await docs(open_project(root, sandboxes), "migrations")
    page = text_of(root, "docs/database/tables/authors.md")
    assert (
        "[`migrations/versions/a1_authors.py:13`](../../../migrations/versions/a1_authors.py#L13) (migrations: `a1`)"
        in page
    )
    assert "Who is oldest. Finds, or sorts, rows by `(born)`." in page


async def test_without_models_the_history_is_taken_and_broken_models_are_an_error(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    with pytest.raises(ConfigError, match="no models, no Alembic history and no database"):
        await docs(open_project(tmp_path, sandboxes))
    (tmp_path / "models.py").write_text(
        "from sqlmodel import Field, SQLModel\nimport nowhere_at_all\n\nclass A(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n",
        encoding="utf-8",
    )
    with pytest.raises(ModelsError, match="nowhere_at_all"):
        await docs(open_project(tmp_path, sandboxes))
    (tmp_path / "schema.sql").write_text(SQL, encoding="utf-8")
    answer = await docs(open_project(tmp_path, sandboxes), SOURCE)
    assert "Note: The models could not be read" in answer.text


async def test_a_source_that_is_not_there_is_told(project: Path, sandboxes: Sandboxes) -> None:
    with pytest.raises(NotFound):
        await docs(open_project(project, sandboxes), "file:nowhere.sql")
    assert not (project / "docs").exists()


def test_the_command_ends_with_1_when_pages_are_stale(
    project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DBARCH_CACHE_DIR", str(cache))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(SystemExit) as end:
        main(["docs", "--source", SOURCE, "--check", "--project", str(project)])
    assert end.value.code == 1
    assert capsys.readouterr().out.startswith("docs/database is stale: 6 files of 6 differ.")
