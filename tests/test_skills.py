"""The skills: they say when, stay short, name what proves each claim, and every block of code in them is carried out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from mcp_server.model.change import describe, diff
from mcp_server.operations import OPERATIONS
from mcp_server.operations.design import designed
from mcp_server.operations.explain import explain_query
from mcp_server.operations.isolation import check_isolation
from mcp_server.operations.judging import review_schema
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.sources import read_source
from mcp_server.world.specs import read_document
from scripts.skill_references import skill_references
from tests.carrying_out import run_revision
from tests.opened import open_project
from tests.plugin_texts import ADR_LINE, ROOT, SKILLS, document, name_of
from tests.test_old_versions import environment

pytestmark = pytest.mark.anyio

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE = "| claim | tool that proves it |"
MODEL, OLDER, CRUD = (
    "task-crud-model/SKILL.md",
    "task-crud-model/references/older-sqlmodel.md",
    "task-crud-model/references/crud.md",
)
LOADING, ROW_SECURITY = (
    "tuning-a-query/references/loading-and-paging.md",
    "isolating-user-data/references/row-security.md",
)
DATA, DESIGN = "changing-a-live-schema/references/data-migration.md", "designing-a-schema/SKILL.md"
CANONICAL = "spec-refiner/references/canonical-form.md"
# Every block, in the order of its page, and what carries it out; those of the canonical form also tests/test_spec_normal.py.
CARRIED_OUT = {
    MODEL: ["python"], OLDER: ["python"], CRUD: ["python"], LOADING: ["python"], ROW_SECURITY: ["sql", "python"],
    DATA: ["python"], DESIGN: ["markdown"], CANONICAL: ["markdown", "sql", "markdown", "markdown"],
}  # fmt: skip
USER_CALLED = ("sp-adr", "sp-phr")
ELSEWHERE = {"neon-db-connection"}  # its code is carried out in tests/neon/test_skill.py

every_skill = pytest.mark.parametrize("path", SKILLS, ids=name_of)


def blocks(page: str, language: str = "") -> list[str]:
    """The code blocks of a page below skills/, of one language or of all."""
    text = (ROOT / "skills" / page).read_text("utf-8")
    return [code for word, code in FENCE.findall(text) if not language or word == language]


def project(folder: Path, model: str) -> Path:
    """The modules that the skills show, each under the name that it begins with."""
    for page in (model, CRUD, LOADING, ROW_SECURITY):
        (code,) = blocks(page, "python")
        (folder / code.partition("\n")[0].removeprefix("# ")).write_text(code, "utf-8")
    return folder


def run(folder: Path, *command: object, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What a program says, run in a folder."""
    return subprocess.run([str(word) for word in command], cwd=folder, env=environ, capture_output=True, text=True)


@every_skill
def test_a_skill_says_when_it_is_wanted_and_stays_short(path: Path) -> None:
    front, body = document(path)
    more = {"argument-hint", "disable-model-invocation"} if path.parent.name in USER_CALLED else set()
    assert set(front) == {"name", "description"} | more
    assert front["name"] == path.parent.name
    assert front["description"].startswith("Use when")
    assert len(body.split()) <= 500


@every_skill
def test_a_skill_names_what_proves_each_claim_and_no_tool_that_is_not(path: Path) -> None:
    _, body = document(path)
    ours = {operation.name for operation in OPERATIONS}
    assert TABLE in body
    named = set(
        re.findall(r"`((?:check|review|write|inspect|explain|apply|manage|design|compare|recommend|query)_\w+)`", body)
    )
    assert named
    assert named <= ours


@every_skill
def test_a_skill_and_its_references_lead_to_each_other(path: Path) -> None:
    _, body = document(path)
    linked = {(path.parent / link).resolve() for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", body)}
    assert all(page.is_file() for page in linked)
    assert set(path.parent.rglob("references/*.md")) <= linked


def test_codes_that_skills_name_are_rules() -> None:
    for path in SKILLS:
        for code in re.findall(r"\b[A-Z]\d{3}\b", document(path)[1]):
            assert (ROOT / f"docs/rules/{code}.md").exists(), (path, code)


def test_what_only_a_user_may_call_takes_an_argument_and_costs_no_session_anything() -> None:
    for name in USER_CALLED:
        front, body = document(ROOT / f"skills/{name}/SKILL.md")
        assert front["disable-model-invocation"] is True
        assert "$ARGUMENTS" in body
        assert "with spec-kit-plus" in body
        assert "and without" in body
    assert ADR_LINE in document(ROOT / "skills/recording-work/SKILL.md")[1]


def test_every_code_block_is_carried_out_here() -> None:
    generated = {path.relative_to(ROOT / "skills").as_posix() for path in skill_references()}
    pages = (path.relative_to(ROOT / "skills") for path in (ROOT / "skills").rglob("*.md"))
    own = {page.as_posix() for page in pages if page.parts[0] not in ELSEWHERE}
    found = {page: [word for word, _ in FENCE.findall((ROOT / "skills" / page).read_text("utf-8"))] for page in own}
    assert {page: words for page, words in found.items() if words} == CARRIED_OUT
    assert generated <= own


@pytest.mark.parametrize(
    ("model", "python", "driver"),
    [(MODEL, "", "asyncpg"), (OLDER, "", "asyncpg"), (OLDER, "sqlmodel 0.0.31", "psycopg")],
)
async def test_the_model_its_functions_and_its_queries_work_as_the_skills_say(
    model: str,
    python: str,
    driver: str,
    connection: asyncpg.Connection[asyncpg.Record],
    database: Sandbox,
    tmp_path: Path,
) -> None:
    (policies,) = blocks(ROW_SECURITY, "sql")
    await connection.execute(policies)
    await connection.execute("drop role if exists reader; create role reader; grant all on notes to reader")
    (project(tmp_path, model) / "use.py").write_text((ROOT / "tests/skill_use.py").read_text("utf-8"), "utf-8")
    interpreter = str(environment(python) / "bin/python") if python else sys.executable
    url = database.url.replace("postgresql://", f"postgresql+{driver}://", 1)
    done = run(tmp_path, interpreter, "-W", "error", "use.py", environ={"DATABASE_URL": url})
    await connection.execute("drop owned by reader; drop role reader")
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    zones = said.pop("zones")
    assert len(zones) == 2
    assert "None" not in zones
    assert said == {
        "changed": ["task 0", "more", True],
        "refused": "The task breaks a rule of the database.",
        "empty title": "refused",
        "owner from outside": False,
        "others": [None, None, False],
        "open": [["task 0", "task 2"], ["task 3", "task 4"]],
        "newest": [["task 4", "task 3", "task 2"], ["task 1", "task 0"]],
        "tasks of users": [1, 5],
        "statements for users": 2,
        "user of task": "one@example.org",
        "statements for both": 3,
        "deleted": [True, False],
        "notes seen": 1,
        "notes without a user": 0,
        "class": "tasks",
    }


async def test_the_model_for_older_versions_makes_the_same_tables(tmp_path: Path, sandboxes: Sandboxes) -> None:
    made = []
    for name, model, python in (("new", MODEL, sys.executable), ("old", OLDER, str(environment("sqlmodel 0.0.31")))):
        folder = tmp_path / name
        folder.mkdir()
        made.append(await read_source(open_project(project(folder, model), sandboxes, python=python), "models"))
    assert [describe(change) for change in diff(*made)] == []


async def test_our_own_rules_find_nothing_in_what_the_skills_show(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(project(tmp_path, MODEL), sandboxes, python=sys.executable)
    review = await review_schema(workspace)
    isolation = await check_isolation(workspace, source="models")
    assert review.verdict == "models: no findings", review.text
    assert isolation.findings == 0, isolation.text


async def test_queries_of_the_skills_are_explained_by_their_names_as_they_say(
    connection: asyncpg.Connection[asyncpg.Record], database: Sandbox, tmp_path: Path, cache: Path
) -> None:
    await connection.execute(
        "create table users (id uuid primary key, email text);"
        "create table tasks (id int primary key, user_id uuid not null, title text, description text, completed bool,"
        " created_at timestamptz not null, updated_at timestamptz)"
    )
    folder = project(tmp_path, MODEL)
    workspace = open_project(folder, python=sys.executable, database_url=database.url, cache=cache)
    owner = "00000000-0000-0000-0000-000000000007"
    for name, params in (("newest_tasks", (owner,)), ("task_with_user", (owner, 3)), ("users_with_tasks", ())):
        answer = await explain_query(workspace, f"queries:{name}", params)
        assert "The statement is made at queries.py:" in answer.text, answer.text
    await workspace.close()


def test_the_code_is_clean_for_ruff_and_mypy(tmp_path: Path) -> None:
    project(tmp_path, MODEL)
    tools = Path(sys.executable).parent
    for command in (
        [tools / "ruff", "check", "--isolated", "--line-length", 120, "--select", "F,E,W,I,B,UP,N,SIM,RET", "."],
        [tools / "ruff", "format", "--isolated", "--line-length", 120, "--check", "."],
        [tools / "mypy", "--strict", "."],
    ):
        done = run(tmp_path, *command)
        assert done.returncode == 0, done.stdout + done.stderr


async def test_the_spec_that_is_shown_becomes_models_without_a_question(tmp_path: Path, sandboxes: Sandboxes) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/schema.md").write_text(blocks(DESIGN, "markdown")[0], "utf-8")
    report = await designed(open_project(tmp_path, sandboxes, python=sys.executable))
    assert report.verdict.endswith("no disagreement; the rules find nothing")
    assert report.design.questions == ()


async def test_the_data_migration_fills_every_row_and_may_be_run_again(
    connection: asyncpg.Connection[asyncpg.Record], database: Sandbox
) -> None:
    await connection.execute("create table tasks (id int primary key, title text not null, slug text)")
    await connection.execute("insert into tasks select n, 'Do ' || n || ' things' from generate_series(1, 12000) n")
    await connection.execute("update tasks set slug = 'kept' where id = 7")
    (revision,) = blocks(DATA, "python")
    for direction in ("upgrade", "upgrade", "downgrade"):
        run_revision(database.url, revision, direction)
    rows = await connection.fetch(
        "select slug, count(*) n from tasks where id in (7, 8) or slug is null group by 1 order by 1"
    )
    assert [tuple(row) for row in rows] == [("do-8-things", 1), ("kept", 1)]


async def test_what_sql_says_better_in_the_canonical_form_is_read(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    shown, sql, *_ = blocks(CANONICAL)
    whole = read_document(f"{shown}\n```sql\n{sql}```\n", "specs/database/schema.md")
    assert whole.unread == ()
    assert [one.predicate for one in whole.indexes if one.predicate] == ["state = 'draft'"]
    await connection.execute("create table books (id int, author_id uuid, pages int, state text)")
    await connection.execute(sql)


def test_the_crud_skill_agrees_with_the_one_that_sqlmodel_ships() -> None:
    import sqlmodel

    shipped = (Path(sqlmodel.__file__).parent / ".agents/skills/sqlmodel/SKILL.md").read_text("utf-8")
    model, functions = blocks(MODEL, "python")[0], blocks(CRUD, "python")[0]
    for habit in (
        "sqlmodel_update(",
        "model_dump(exclude_unset=True)",
        "model_validate(",
        ".exec(",
        "default_factory=",
    ):
        assert habit in shipped
        assert habit in model + functions
    for avoided in (
        "sessionmaker",
        ".query(",
        ".scalars(",
        "declarative_base",
        "sa_type=sa.DateTime",
        "utcnow",
        "mapped_column",
    ):
        assert avoided not in model + functions
    (outdated,) = blocks(OLDER, "python")
    assert "sa_type=sa.DateTime(timezone=True)" in outdated
