"""Models from specs: proven before they are offered, nothing decided in silence, nothing overwritten."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import TextContent

from mcp_server.cli import main
from mcp_server.errors import ArchitectError, ConfigError, NotFound, Refused
from mcp_server.model.designed import DesignReport
from mcp_server.operations import OPERATIONS
from mcp_server.operations.design import design_models, designed
from mcp_server.server import ArchitectServer
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import PROJECTS, open_project
from tests.test_old_versions import environment

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[1]
USE = (ROOT / "tests/designed_use.py").read_text("utf-8")


def copied(name: str, folder: Path) -> Path:
    """A project of tests/projects/designed in a folder of its own."""
    return Path(shutil.copytree(PROJECTS / "designed" / name, folder / name))


def opened(root: Path, sandboxes: Sandboxes, **changes: object) -> Workspace:
    return open_project(root, sandboxes, python=sys.executable, **changes)


@pytest.fixture(scope="module")
async def library(sandboxes: Sandboxes, tmp_path_factory: pytest.TempPathFactory) -> DesignReport:
    """What comes of a spec that leaves nothing open."""
    return await designed(opened(copied("library", tmp_path_factory.mktemp("library")), sandboxes))


@pytest.fixture(scope="module")
async def notes(sandboxes: Sandboxes, tmp_path_factory: pytest.TempPathFactory) -> DesignReport:
    """What comes of a spec that leaves much open, beside Better Auth."""
    return await designed(opened(copied("with_better_auth", tmp_path_factory.mktemp("notes")), sandboxes))


def run(
    folder: Path, *command: object, environ: dict[str, str] | None = None, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """What a program says, run in a folder."""
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, env=environ, input=given, capture_output=True, text=True, check=False)


def text_of_file(report: DesignReport, name: str) -> str:
    return next(one.text for one in report.files if one.path == name)


async def test_a_whole_spec_is_made_without_a_disagreement_or_a_finding(library: DesignReport) -> None:
    assert library.verdict == (
        "7 tables designed from spec: imported, made real and compared with the spec: no disagreement; the rules find nothing"
    )
    assert library.design.decisions == library.design.questions == library.contradictions == ()


async def test_the_samples_spec_is_made_without_a_disagreement_or_a_finding(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    report = await designed(opened(tmp_path, sandboxes), "specs/database/schema.md")
    assert report.proven.endswith("no disagreement; the rules find nothing")


async def test_fields_say_what_the_spec_says(library: DesignReport) -> None:
    models = text_of_file(library, "app/models.py")
    for line in (
        "    title: str = Field(min_length=1, max_length=200)",
        "    pages: int | None = Field(default=None, ge=1, le=5000)",
        "        default=Decimal(0),",
        "    kind: BookKind = Field(",
        "    standing: MemberStanding = Field(",
        '    ON_HOLD = "on-hold"',
        '    E_BOOK = "e-book"',
        "    notes: str | None = Field(default=None, sa_type=sa.Text)",
        "    keywords: list[str] = Field(",
        "    date_: date | None = Field(",
        '        sa_column=sa.Column("metadata", postgresql.JSONB(none_as_null=True)),',
        '    shelf_id: int = Field(foreign_key="shelves.id", ondelete="RESTRICT")',
    ):
        assert line in models, line


async def test_relationships_have_both_sides_and_leave_deletes_to_the_database(library: DesignReport) -> None:
    models = text_of_file(library, "app/models.py")
    for line in (
        '    tags: list["Tag"] = Relationship(back_populates="books", link_model=BookTag)',
        '    books: list["Book"] = Relationship(back_populates="tags", link_model=BookTag)',
        '    shelf: "Shelf" = Relationship(back_populates="books")',
        '    books: list["Book"] = Relationship(back_populates="shelf", passive_deletes="all")',
        '        back_populates="parent",',
        '        sa_relationship_kwargs={"foreign_keys": "[Loan.clerk_id]"},',
        '    card: Optional["Card"] = Relationship(',
    ):
        assert line in models, line


async def test_indexes_carry_their_reason_in_the_class_and_on_the_page(library: DesignReport) -> None:
    models, page = text_of_file(library, "app/models.py"), text_of_file(library, "docs/database-design.md")
    assert "        # the rows of one shelf, in the order of created_at\n" in models
    assert '        sa.Index("ix_books_lower_title", sa.text("lower(title)")),' in models
    assert "postgresql_where=sa.text(" in models
    assert (
        "| books | `ix_books_shelf_id_created_at` | (shelf_id, created_at DESC) | the rows of one shelf, in the order of created_at |"
        in page
    )
    assert page.count("```mermaid") == 1
    assert "erDiagram" in page


async def test_the_modules_are_clean_for_ruff_and_mypy(
    library: DesignReport, notes: DesignReport, tmp_path: Path
) -> None:
    for name, report in (("library", library), ("notes", notes)):
        for file in ("models", "db"):
            (tmp_path / f"{name}_{file}.py").write_text(text_of_file(report, f"app/{file}.py"), "utf-8")
    tools = Path(sys.executable).parent
    for command in (
        [tools / "ruff", "check", "--isolated", "--select", "F,E,W,I,B,UP,N,SIM,RET", "--ignore", "E501", "."],
        [tools / "ruff", "format", "--isolated", "--check", "."],
        [tools / "mypy", "--strict", "library_models.py", "library_db.py", "notes_models.py"],
    ):
        done = run(tmp_path, *command)
        assert done.returncode == 0, done.stdout + done.stderr


async def test_the_models_and_the_session_work_as_an_application_uses_them(
    library: DesignReport, database: Sandbox, tmp_path: Path
) -> None:
    for name in ("models", "db"):
        (tmp_path / f"{name}.py").write_text(text_of_file(library, f"app/{name}.py"), "utf-8")
    (tmp_path / "use.py").write_text(USE, "utf-8")
    address = f"{database.url}{'&' if '?' in database.url else '?'}application_name=library&channel_binding=prefer"
    environ = {"DATABASE_URL": address, "PATH": ""}
    done = run(tmp_path, sys.executable, "-W", "error", "use.py", environ=environ)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    assert said == {
        "too long": "ended",
        "still running": 0,
        "healthy": True,
        "stored": ["good", "e-book"],
        "no note is null": True,
        "tags": ["old", "rare"],
        "changed later": True,
        "zone": "UTC",
        "restricted": True,
        "loans after the member went": 0,
        "clerk of the other loan": None,
        "refused bound": True,
        "dead database": False,
    }


SPELLINGS = (
    ("", "is not set, or cannot be read"),
    ("postgresql://u:p@ss/w@h/d", "percent-encoded"),
    ("mysql://u:secret@h/d", "does not name a Postgres database"),
    ("postgresql://u:secret@h/d?frobnicate=1", "unknown parameter: frobnicate"),
    ("postgresql://u:secret@h/d?sslmode=perhaps", "an sslmode that is none: perhaps"),
    (
        "postgres://u:secret@ep-a-b-1-pooler.eu.aws.neon.tech/d?sslmode=require&channel_binding=require",
        "cache 0, verified",
    ),
    ("postgresql+psycopg2://u:secret@ep-a-b-1.eu.aws.neon.tech/d", "cached, verified"),
    ("postgresql+asyncpg://u:secret@h/d?ssl=true&connect_timeout=4", "cached, encrypted"),
    ("postgresql://u@/d?host=/run/postgres", "cached, False"),
)
READ = """
import json, ssl, sys, db
def told(url):
    try:
        target, given = db.read_target(url)
    except RuntimeError as error:
        return str(error)
    tls = given["ssl"]
    word = tls if not isinstance(tls, ssl.SSLContext) else "verified" if tls.check_hostname else "encrypted"
    return f"{'cache 0' if given.get('statement_cache_size') == 0 else 'cached'}, {word}, {target.drivername}"
print(json.dumps([told(url) for url in json.load(sys.stdin)]))
"""


async def test_the_database_module_takes_every_spelling_of_a_url_and_tells_no_secret(
    library: DesignReport, tmp_path: Path
) -> None:
    (tmp_path / "db.py").write_text(text_of_file(library, "app/db.py"), "utf-8")
    done = run(tmp_path, sys.executable, "-c", READ, given=json.dumps([url for url, _ in SPELLINGS]))
    assert "secret" not in done.stdout + done.stderr
    assert "ss/w" not in done.stdout
    for (url, said), told in zip(SPELLINGS, json.loads(done.stdout), strict=True):
        assert said in told, url


async def test_what_a_spec_leaves_open_is_decided_and_told(notes: DesignReport) -> None:
    told = {(one.topic, one.subject, one.taken) for one in notes.design.decisions}
    assert {
        ("number", "Reminder.id", "numbered by the database"),
        ("json", "Reminder.settings", "jsonb"),
        ("time zone", "Reminder.created_at", "timestamptz"),
        ("default", "Reminder.created_at", "now()"),
        ("null", "Reminder.user_id", "NOT NULL"),
        ("on delete", "Reminder.user_id", "RESTRICT"),
        ("index", "Reminder.user_id", "added: it serves the foreign key"),
    } <= told
    assert any(one.topic == "owner" and one.table == "projects" for one in notes.design.decisions)
    assert all(one.place.file == "specs/database/schema.md" and one.place.line for one in notes.design.decisions)
    assert notes.proof.against == notes.proof.faults == ()


async def test_at_most_three_questions_come_back_with_options_and_their_cost(notes: DesignReport) -> None:
    asked = [one.asked for one in notes.design.questions]
    assert len(asked) == 3
    assert asked[0].startswith("Who owns the table `projects`?")
    assert asked[1].startswith("Which values are allowed?")
    assert asked[2].startswith("What becomes of these rows")
    assert all(len(one.options) >= 2 and all(each.cost for each in one.options) for one in notes.design.questions)


async def test_a_table_that_others_own_is_referred_to_and_never_a_class(notes: DesignReport) -> None:
    models = text_of_file(notes, "app/models.py")
    tree = ast.parse(models)
    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == ["Reminder"]
    assert "# Better Auth owns `users`" in models
    assert "users_table = sa.Table(" in models
    assert 'foreign_key="users.id", ondelete="RESTRICT"' in models
    assert notes.external == ("projects", "users")


async def test_tables_of_others_that_the_settings_name_need_nothing_more(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = opened(copied("with_better_auth", tmp_path), sandboxes, external=("users", "projects"))
    report = await designed(workspace)
    assert report.external == ()
    assert report.proof.against == ()


async def test_writing_makes_new_files_and_never_touches_those_that_are_there(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = copied("library", tmp_path)
    (root / "app").mkdir()
    (root / "app/db.py").write_text("# mine\n", "utf-8")
    workspace = opened(root, sandboxes)
    before = await design_models(workspace)
    assert not (root / "app/models.py").exists()
    assert "--- a/app/db.py" in before.text
    assert "-# mine" in before.text
    assert "Showing 60 of " in before.text
    first = await design_models(workspace, write=True)
    assert (root / "app/db.py").read_text("utf-8") == "# mine\n"
    written = {
        path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and "specs" not in path.parts
    }
    assert {name for name in written if not name.startswith(".dbarch")} == {
        "app/models.py", "app/db.py", ".env.example", "docs/database-design.md",
    }  # fmt: skip
    assert first.carried_out == {"files": 3}
    assert "app/models.py" in first.text
    assert ": written" in first.text
    second = await design_models(workspace, write=True)
    assert second.carried_out == {}
    assert ": there already, the same" in second.text


async def test_all_files_are_written_or_none(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copied("library", tmp_path)
    (root / "docs").write_text("a file where a folder is wanted", "utf-8")
    with pytest.raises(ArchitectError, match="docs"):
        await design_models(opened(root, sandboxes), write=True)
    assert not (root / "app").exists()
    assert not (root / ".env.example").exists()


async def test_nothing_is_written_while_the_spec_contradicts_itself(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copied("torn", tmp_path)
    workspace = opened(root, sandboxes)
    offered = await design_models(workspace)
    assert "The spec contradicts itself:\n- P1" in offered.text
    assert offered.findings
    with pytest.raises(Refused, match=r"contradicts itself in 1 place.*schema\.md:7") as refused:
        await design_models(workspace, write=True)
    assert "name one document" in refused.value.hint
    assert not (root / "app").exists()


async def test_tables_that_the_project_has_elsewhere_are_named_and_not_made_twice(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = copied("library", tmp_path)
    (root / "src").mkdir()
    (root / "src/things.py").write_text(
        "from sqlmodel import Field, SQLModel\n\n\nclass Thing(SQLModel, table=True):\n    __tablename__ = 'tags'\n"
        "    id: int | None = Field(default=None, primary_key=True)\n",
        "utf-8",
    )
    with pytest.raises(Refused, match=r"src/things\.py:4: Thing is `tags`"):
        await design_models(opened(root, sandboxes), out="app", write=True)
    assert not (root / "app").exists()


@pytest.mark.parametrize(
    ("out", "kind", "said"),
    [("../elsewhere", Refused, "leads out of the project"), ("app/models.py", ConfigError, "go into a folder")],
)
async def test_a_place_that_cannot_be_is_refused(
    tmp_path: Path, sandboxes: Sandboxes, out: str, kind: type[ArchitectError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        await design_models(opened(copied("library", tmp_path), sandboxes), out=out)


async def test_a_spec_whose_tables_all_belong_to_others_designs_nothing(tmp_path: Path, sandboxes: Sandboxes) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/schema.md").write_text(
        "### users (managed by Better Auth)\n\n- id: string (primary key)\n", "utf-8"
    )
    with pytest.raises(NotFound, match="no table that is ours: others own all of them"):
        await design_models(opened(tmp_path, sandboxes))


async def test_an_sqlmodel_that_is_too_old_is_refused_with_its_version(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copied("library", tmp_path)
    old = root / "python"
    old.write_text(
        '#!/bin/sh\necho \'{"python": "3.10.2", "sqlmodel": "0.0.14", "sqlalchemy": "1.4.54", "asyncpg": ""}\'\n',
        "utf-8",
    )
    old.chmod(0o755)
    with pytest.raises(ConfigError, match=r"has SQLModel 0\.0\.14; the models need 0\.0\.21"):
        await design_models(open_project(root, sandboxes, python=str(old)))


def test_the_command_shows_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["design-models", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--spec", "--out", "--write"))


async def test_the_tool_answers_over_mcp(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = opened(copied("with_better_auth", tmp_path), sandboxes, cache=tmp_path / "cache")
    async with Client(ArchitectServer(workspace, OPERATIONS)) as client:
        result = await client.call_tool("design_models", {"write": True})
    (block,) = result.content
    assert isinstance(block, TextContent)
    assert not result.is_error
    assert block.text.startswith(
        "1 table designed from spec: imported, made real and compared with the spec: no disagreement"
    )
    assert "- app/models.py" in block.text
    assert ": written" in block.text
    assert 'Next: add `external = ["projects", "users"]` to [tool.dbarch]' in block.text
    assert len(block.text) < 9_000
    assert (tmp_path / "with_better_auth/app/models.py").is_file()


async def test_the_models_suit_the_sqlmodel_of_an_older_project(tmp_path: Path, sandboxes: Sandboxes) -> None:
    python = environment("sqlmodel 0.0.31") / "bin/python"
    report = await designed(open_project(copied("library", tmp_path), sandboxes, python=str(python)))
    assert report.versions.startswith("SQLModel 0.0.31, SQLAlchemy 2.0.45")
    assert report.proven.endswith("no disagreement; the rules find nothing")
    assert report.notes == ("db.py needs asyncpg, which that interpreter does not have: add it to the requirements.",)
