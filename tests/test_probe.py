"""The models of real-looking projects, good and broken, as their own interpreter sees them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_server.errors import ConfigError, ModelsError
from mcp_server.model.orm import ModelField, Models, Place
from mcp_server.world.guest import ddl, finding
from mcp_server.world.guest_environment import guest_environment
from mcp_server.world.interpreter import find_interpreter
from mcp_server.world.migrations import find_history
from mcp_server.world.models import read_models
from mcp_server.world.settings import Settings
from tests.opened import PROJECTS, copy_history, open_project

pytestmark = pytest.mark.anyio


def field(models: Models, table: str, name: str) -> ModelField:
    found = next(item for item in models.classes if item.table == table)
    return next(item for item in found.fields if item.name == name)


def files_of(project: str) -> set[Path]:
    return set((PROJECTS / project).rglob("*"))


async def test_the_todo_chatbot_is_told_with_the_place_of_every_class_field_and_relationship() -> None:
    models = await read_models(open_project("todo_chatbot"))

    assert [item.table for item in models.classes] == [
        "users",
        "task_tags",
        "tasks",
        "tags",
        "conversations",
        "messages",
    ]
    source = (PROJECTS / "todo_chatbot/app/models.py").read_text().splitlines()
    for item in models.classes:
        assert item.place.file == "app/models.py"
        assert source[item.place.line - 1].startswith(f"class {item.name}(")
        for part in (*item.fields, *item.relationships):
            assert source[part.place.line - 1].strip().startswith(f"{part.name}:")
    assert models.problems == ()
    assert models.found_by == "its table classes"
    assert dict(models.versions)["sqlmodel"]


async def test_a_field_tells_its_type_default_key_and_annotation() -> None:
    models = await read_models(open_project("todo_chatbot"))

    assert field(models, "tasks", "priority").type == "priority"
    assert field(models, "tasks", "priority").server_default == "medium"
    assert field(models, "users", "id").default == "uuid.uuid4()"
    assert field(models, "users", "id").server_default == "gen_random_uuid()"
    assert field(models, "tasks", "user_id").foreign_key == "users.id"
    assert field(models, "tasks", "user_id").on_delete == "CASCADE"
    assert field(models, "tasks", "due_date").annotation == "date | None"
    assert field(models, "tasks", "updated_at").onupdate == "app.models.now()"
    tasks = next(item for item in models.classes if item.table == "users").relationships[0]
    assert (tasks.name, tasks.target, tasks.direction, tasks.back_populates) == ("tasks", "Task", "onetomany", "user")
    tags = next(item for item in models.classes if item.table == "tasks").relationships[1]
    assert (tags.target, tags.direction, tags.secondary) == ("Tag", "manytomany", "task_tags")


async def test_tables_without_a_class_and_inherited_fields_have_their_places() -> None:
    models = await read_models(open_project("classic_declarative"))

    assert models.place_of("public.order_lines") == Place("src/shop/models/order.py", 7)
    assert field(models, "customers", "created_at").place == Place("src/shop/models/mixins.py", 5)
    assert models.classes[0].module == "shop.models.customer"


async def test_reading_models_leaves_nothing_in_the_project() -> None:
    before = files_of("classic_declarative")

    await read_models(open_project("classic_declarative"))

    assert files_of("classic_declarative") == before


async def test_ddl_is_the_same_on_every_run() -> None:
    first, second = [await read_models(open_project("every_kind")) for _ in range(2)]

    assert first.ddl == second.ddl
    assert first.fingerprint == second.fingerprint
    assert 'CREATE SCHEMA IF NOT EXISTS "billing"' in first.ddl
    assert any('\'{"like": "50%"}\'' in sql for sql in first.ddl)


async def test_a_monorepo_is_read_by_its_env_py_with_tables_of_others_standing_in() -> None:
    models = await read_models(open_project("monorepo"))

    assert models.found_by == "Alembic's target_metadata"
    assert [item.module for item in models.classes] == ["src.models.task", "src.models.note"]
    assert models.ddl[0].startswith('CREATE TABLE "user" (\n\tid VARCHAR NOT NULL')


async def test_modules_are_taken_by_name_when_the_settings_name_them() -> None:
    models = await read_models(open_project("monorepo", models=("src.models.task",), alembic="", external=("user",)))

    assert models.found_by == "[tool.dbarch] models"
    assert models.place_of("public.tasks") == Place("backend/src/models/task.py", 6)


async def test_a_package_that_the_settings_name_is_read_with_all_its_modules(tmp_path: Path) -> None:
    package = tmp_path / "src/shop/models"
    shutil.copytree(PROJECTS / "classic_declarative/src/shop", tmp_path / "src/shop")
    (package / "__init__.py").write_text("")

    models = await read_models(open_project(tmp_path, models=("shop.models",)))

    assert {item.table for item in models.classes} == {"customers", "orders", "products"}


async def test_a_named_module_may_be_an_installed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, project = tmp_path / "library", tmp_path / "project"
    library.mkdir()
    project.mkdir()
    source = "from sqlalchemy import Column, Integer, MetaData, Table\nTable('crate', MetaData(), Column('id', Integer, primary_key=True))\n"
    (library / "warehouse_tables.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(library))
    models = await read_models(open_project(project, models=("warehouse_tables",)))
    assert any("CREATE TABLE crate" in statement for statement in models.ddl)


async def test_an_env_py_without_an_offline_mode_is_asked_all_the_same(tmp_path: Path) -> None:
    workspace = open_project(copy_history(tmp_path, "online_only"))

    models = await read_models(workspace)
    history = await find_history(workspace)

    assert (models.found_by, models.notes) == ("Alembic's target_metadata", ())
    assert (history.version_table_identity, history.env_error) == ("public.schema_history", "")


async def test_models_are_found_without_an_env_py_that_is_broken(tmp_path: Path) -> None:
    root = copy_history(tmp_path)
    (root / "migrations/env.py").write_text("import models\nraise RuntimeError('no secrets here')\n")

    models = await read_models(open_project(root))

    assert (models.found_by, [item.table for item in models.classes]) == ("its table classes", ["authors"])
    assert "migrations/env.py:2: RuntimeError: no secrets here" in models.notes[0]


async def test_a_module_that_env_py_forgot_is_read_and_noted(tmp_path: Path) -> None:
    root = copy_history(tmp_path)
    text = (root / "models.py").read_text().replace("Base = declarative_base()", "from models import Base")
    (root / "more.py").write_text(text.replace("author", "editor").replace("Author", "Editor"))

    models = await read_models(open_project(root))

    assert [item.table for item in models.classes] == ["authors", "editors"]
    assert models.notes == ("more.py declares tables and is not imported by env.py",)


async def test_the_network_is_closed_to_modules_that_are_imported_and_those_that_cope_are_noted(tmp_path: Path) -> None:
    connect = "socket.socket().connect(('127.0.0.1', 9))"
    local = "socket.socket(socket.AF_UNIX).connect('/tmp/nothing')"
    models = (PROJECTS / "broken/two_places/phase1/backend/models.py").read_text()

    (tmp_path / "models.py").write_text(f"import socket\n\n{connect}\n{models}")
    with pytest.raises(
        ModelsError, match=r"the network is closed while dbarch runs this code: 127\.0\.0\.1:9"
    ) as caught:
        await read_models(open_project(tmp_path))
    assert (caught.value.file, caught.value.line) == ("models.py", 3)

    coping = "\n".join(f"try:\n    {each}\nexcept OSError:\n    pass" for each in (connect, local))
    (tmp_path / "models.py").write_text(f"import socket\n\n{coping}\n{models}")
    notes = (await read_models(open_project(tmp_path))).notes
    assert [note.split(" wanted to reach ")[0] for note in notes] == ["models.py:4", "models.py:8"]


def test_the_guest_ends_with_the_process_that_asked(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(
        "import os, pathlib, threading\nfrom sqlalchemy import Table\n__tablename__ = ''\n"
        "pathlib.Path(__file__).with_name('pid').write_text(str(os.getpid()))\nthreading.Event().wait()\n"
        "class A:\n    __tablename__ = 'a'\n"
    )
    script = (
        "import asyncio, sys; from tests.opened import open_project; from mcp_server.world.models import read_models; "
        "asyncio.run(read_models(open_project(sys.argv[1])))"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=PROJECTS.parent.parent) as asking:
        try:
            assert wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
        finally:
            asking.kill()
    guest = int((tmp_path / "pid").read_text())

    assert wait_until(lambda: not is_running(guest))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], limit: float = 30.0) -> bool:
    """Whether it holds within the limit."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if holds():
            return True
        threading.Event().wait(0.02)
    return False


@pytest.mark.parametrize(
    ("project", "place", "words"),
    [
        ("import_error", "models.py:6", "RuntimeError: Passing primary_key is not supported"),
        ("missing_module", "models.py:3", "No module named 'module_nobody_installed'"),
        ("syntax_error", "app/models.py:6", "SyntaxError: "),
        ("unresolved_key", "models.py:6", "table 'auth.user', which no model declares"),
        (
            "create_all_at_import",
            "models.py:10",
            "this line connects to app on db.internal.example when it is imported",
        ),
        ("swallowed_connect", "models.py:14", "this line connects to app on db.internal.example when it is imported"),
        ("exits_without_secret", "models.py:7", "SystemExit: APP_SECRET_KEY is not set"),
        ("no_tables", "", "No models were found"),
        ("two_places", "", "several places: phase1/backend, phase2/backend"),
    ],
)
async def test_a_broken_project_is_told_with_its_own_file_and_line(project: str, place: str, words: str) -> None:
    with pytest.raises(ModelsError) as caught:
        await read_models(open_project(f"broken/{project}"))

    error = caught.value
    assert (f"{error.file}:{error.line}" if error.line else error.file) == place
    assert words in error.message
    assert error.hint or project in ("import_error", "exits_without_secret")
    assert "secret" not in str(error)


async def test_a_missing_module_names_the_interpreter_and_how_to_choose_another() -> None:
    with pytest.raises(ModelsError) as caught:
        await read_models(open_project("broken/missing_module"))

    assert sys.executable in caught.value.hint
    assert "[tool.dbarch] python" in caught.value.hint


async def test_a_foreign_key_to_a_table_of_others_is_cured_by_naming_it_external() -> None:
    models = await read_models(open_project("broken/unresolved_key", external=("auth.user",)))

    assert models.ddl[0] == 'CREATE SCHEMA IF NOT EXISTS "auth"'
    assert 'FOREIGN KEY(user_id) REFERENCES auth."user" (id)' in models.ddl[-1]


async def test_relationships_that_do_not_fit_are_a_problem_and_no_error() -> None:
    models = await read_models(open_project("broken/relationships"))

    assert [item.table for item in models.classes] == ["user", "task"]
    assert "'Usr'" in models.problems[0].message
    assert models.problems[0].place.file == "models.py"


async def test_an_import_that_hangs_is_ended_and_what_it_printed_is_told() -> None:
    began = time.monotonic()

    with pytest.raises(ModelsError, match="not imported within 4 seconds") as caught:
        await read_models(open_project("broken/hangs", time_limit=4.0))

    assert time.monotonic() - began < 10
    assert "waiting for the leader" in caught.value.hint
    assert "[tool.dbarch] time_limit = 20" in caught.value.hint


async def test_placeholders_of_an_example_file_stand_in_where_there_is_no_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("APP_SECRET_KEY=x\n")
    (tmp_path / "models.py").write_text((PROJECTS / "broken/exits_without_secret/models.py").read_text())

    assert (await read_models(open_project(tmp_path))).place_of("public.task").line == 10


def test_nothing_reaches_our_standard_output(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(
        "import os, sys\nprint('python')\nos.write(1, b'descriptor')\nsys.__stdout__.write('original')\n"
        "os.system('echo shell')\nassert sys.stdin.read() == ''\n"
        + (PROJECTS / "broken/two_places/phase1/backend/models.py").read_text()
    )
    script = (
        "import asyncio, sys; from tests.opened import open_project; from mcp_server.world.models import read_models; "
        "asyncio.run(read_models(open_project(sys.argv[1])))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        timeout=60,
        check=True,
        cwd=PROJECTS.parent.parent,
    )

    assert done.stdout == b""


def test_no_url_of_a_database_reaches_user_code(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DIRECT_URL=postgres://a:b@prod/x\nNAME=todo\n")
    environ = {
        "DATABASE_URL": "postgresql+asyncpg://u:p@prod.example/db?ssl=require",
        "DBARCH_SANDBOX_URL": "postgresql://u:p@sandbox/db",
        "FALLBACK": "sqlite+aiosqlite:///./x.db",
        "PGPASSWORD": "secret",
        "PATH": "/bin",
    }

    given = guest_environment(tmp_path, (), "postgresql://me@127.0.0.1:5/sandbox", environ)

    assert given["DATABASE_URL"] == "postgresql+asyncpg://me@127.0.0.1:5/sandbox"
    assert given["DIRECT_URL"] == "postgresql://me@127.0.0.1:5/sandbox"
    assert given["FALLBACK"] == "postgresql+asyncpg://me@127.0.0.1:5/sandbox"
    assert given["NAME"] == "todo"
    assert not [name for name in given if name.startswith("DBARCH_") or name == "PGPASSWORD"]
    assert (
        guest_environment(tmp_path, (), "", {}, "asyncpg")["DATABASE_URL"]
        == "postgresql+asyncpg://nobody@127.0.0.1:9/nowhere"
    )


@pytest.mark.parametrize(
    ("project", "root", "name"),
    [
        ("todo_chatbot", "", "app.models"),
        ("old_sqlmodel", "", "models"),
        ("classic_declarative", "src", "shop.models.customer"),
        ("monorepo", "backend", "src.models.note"),
        ("every_kind", "", "app.billing"),
    ],
)
def test_modules_are_found_below_the_folder_that_they_are_imported_from(project: str, root: str, name: str) -> None:
    folder = str(PROJECTS / project)

    found = finding.find_modules(folder)

    assert {module.root for module in found} == {str(PROJECTS / project / root)}
    assert name in [module.name for module in found]


def test_environments_tests_and_migrations_are_not_searched_for_models(tmp_path: Path) -> None:
    text = (PROJECTS / "broken/two_places/phase1/backend/models.py").read_text()
    for name in ("tests", "node_modules/x", "odd_env", "history", "alembic/versions", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "models.py").write_text(text)
    (tmp_path / "odd_env/pyvenv.cfg").write_text("home = /usr")
    (tmp_path / "test_models.py").write_text(text)
    (tmp_path / "kept.py").write_text(text)

    assert [module.name for module in finding.find_modules(str(tmp_path))] == ["kept"]


@pytest.mark.parametrize(
    ("sql", "needed"),
    [
        ("CREATE TABLE a (e VECTOR(3))", ["vector"]),
        ("CREATE TABLE a (e CITEXT NOT NULL)", ["citext"]),
        ("CREATE TABLE a (id UUID DEFAULT uuid_generate_v4())", ["uuid-ossp"]),
        ("CREATE TABLE a (id UUID DEFAULT gen_random_uuid())", []),
        ("CREATE INDEX i ON a USING gin (t gin_trgm_ops)", ["pg_trgm"]),
        ("CREATE INDEX i ON a USING gin (t jsonb_path_ops)", []),
        ("CREATE INDEX i ON a USING hnsw (e vector_cosine_ops)", ["vector"]),
        ("CREATE TABLE a (t TEXT DEFAULT 'citext and hstore', \"vector\" INT)", []),
        ("CREATE TABLE citext_like (x INT)", []),
        ("CREATE TABLE a (EXCLUDE USING gist (room WITH =, during WITH &&))", ["btree_gist"]),
    ],
)
def test_extensions_are_known_by_what_the_ddl_uses(sql: str, needed: list[str]) -> None:
    assert ddl.extensions([sql]) == needed


def test_an_extension_that_the_models_create_themselves_is_not_created_twice() -> None:
    assert ddl.extensions(["CREATE EXTENSION IF NOT EXISTS vector", "CREATE TABLE a (e VECTOR(3))"]) == []


def make_environment(folder: Path, *packages: str) -> Path:
    python = folder / "bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (folder / "pyvenv.cfg").write_text("home = /usr\ninclude-system-site-packages = false\n")
    for package in packages:
        (folder / "lib/python3.11/site-packages" / package).mkdir(parents=True)
    return python


def test_the_interpreter_is_the_named_one_before_all_others(tmp_path: Path) -> None:
    make_environment(tmp_path / ".venv", "sqlalchemy")
    named = make_environment(tmp_path / "special", "sqlalchemy")

    assert find_interpreter(Settings(tmp_path, python="special"), {}).executable == named
    with pytest.raises(ConfigError, match="names 'nowhere'"):
        find_interpreter(Settings(tmp_path, python="nowhere"), {})


def test_the_interpreter_is_searched_in_order_and_those_without_sqlalchemy_are_named(tmp_path: Path) -> None:
    backend = make_environment(tmp_path / "backend/.venv", "sqlalchemy")
    make_environment(tmp_path / "api/.venv", "sqlalchemy")
    make_environment(tmp_path / ".venv", "requests")
    active = make_environment(tmp_path / "elsewhere/active", "sqlalchemy")
    settings = Settings(tmp_path)

    assert find_interpreter(settings, {"VIRTUAL_ENV": str(active.parent.parent)}).executable == active
    found = find_interpreter(settings, {"VIRTUAL_ENV": sys.prefix})
    assert (found.executable, found.origin) == (backend, "backend/.venv")
    assert found.passed_over == (".venv has no SQLAlchemy",)


def test_without_an_environment_ours_is_used_and_said(tmp_path: Path) -> None:
    found = find_interpreter(Settings(tmp_path), {})

    assert (str(found.executable), found.origin) == (sys.executable, "the Python that dbarch runs in")
