"""Models and history come from one process where that changes nothing, and what is stated is sent together where it may be."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mcp_server.errors import MigrationError, ModelsError
from mcp_server.model.orm import Models, Place
from mcp_server.model.schema import Constraint, Index, Table
from mcp_server.operations.compare import compare_schemas
from mcp_server.world.bulk import SENT_AT_ONCE, runs
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.joint_reading import open_reading
from mcp_server.world.migrations import find_history
from mcp_server.world.models import read_models
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.sources import fill_from_models
from mcp_server.world.spec_ddl import Making, fill_from_spec
from mcp_server.world.workspace import Workspace
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio

TELLING = "\n\nimport os\n\nwith open(os.path.join(os.path.dirname(__file__), 'imported'), 'a') as told:\n    told.write('x')\n"


def counting(tmp_path: Path) -> Path:
    """A project whose models write down each time that they are imported."""
    root = copy_history(tmp_path)
    models = root / "models.py"
    models.write_text(models.read_text() + TELLING)
    return root


async def read_both(workspace: Workspace) -> tuple[Models, tuple[str, ...]]:
    async with open_reading(workspace, jointly=True) as reading:
        models, (history, _) = await asyncio.gather(reading.models(), reading.history())
    return models, history.heads


async def test_one_import_of_the_models_serves_models_history_and_replay(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = counting(tmp_path)
    workspace = open_project(root, sandboxes, cache=tmp_path / "cache")
    answer = await compare_schemas(workspace, ("models", "migrations"))
    assert "no disagreement" in answer.verdict
    assert (root / "imported").read_text() == "x"


async def test_what_one_process_tells_equals_what_each_of_two_tells(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(copy_history(tmp_path), sandboxes, cache=tmp_path / "cache")
    apart = await read_models(workspace, sandboxes.server_version)
    models, heads = await read_both(workspace)
    assert models == apart
    assert heads == (await find_history(workspace)).heads


async def test_a_second_comparison_sees_what_was_changed_in_between(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    workspace = open_project(root, sandboxes, cache=tmp_path / "cache")
    await compare_schemas(workspace, ("models", "migrations"))
    models, last = root / "models.py", root / "migrations" / "versions" / "b2_born.py"
    models.write_text(models.read_text().replace("String(100)", "String(60)"))
    answer = await compare_schemas(workspace, ("models", "migrations"))
    assert "60" in answer.text
    last.write_text(last.read_text().replace('"born"', '"birth"'))
    answer = await compare_schemas(workspace, ("models", "migrations"))
    assert "birth" in answer.text


async def test_models_that_env_py_forgot_are_told_and_the_revisions_do_not_meet_them(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = copy_history(tmp_path)
    forgotten = "from sqlalchemy import Column, Integer\nfrom models import Base\n\n\nclass Page(Base):\n    __tablename__ = 'pages'\n    id = Column(Integer, primary_key=True)\n"
    (root / "more.py").write_text(forgotten)
    first = root / "migrations" / "versions" / "a1_authors.py"
    body = "def upgrade():\n    from models import Base\n    Base.metadata.create_all(op.get_bind())\n"
    first.write_text(first.read_text().split("def upgrade")[0] + body)
    (root / "migrations" / "versions" / "b2_born.py").unlink()
    workspace = open_project(root, sandboxes, cache=tmp_path / "cache")
    answer = await compare_schemas(workspace, ("models", "migrations"))
    assert "pages" in answer.text
    assert answer.findings


async def test_tables_of_a_revision_are_none_of_the_models(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    first = root / "migrations" / "versions" / "a1_authors.py"
    declared = (
        "from models import Base\n\nsa.Table('stray', Base.metadata, sa.Column('id', sa.Integer, primary_key=True))\n"
    )
    first.write_text(f"import sqlalchemy as sa\n{first.read_text()}\n{declared}")
    workspace = open_project(root, sandboxes, cache=tmp_path / "cache")
    models, _ = await read_both(workspace)
    assert [table.table for table in models.tables] == ["authors"]


async def test_models_are_read_where_the_history_is_broken(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    last = root / "migrations" / "versions" / "b2_born.py"
    last.write_text(last.read_text().replace('"a1"', '"nowhere"'))
    workspace = open_project(root, sandboxes, cache=tmp_path / "cache")
    async with open_reading(workspace, jointly=True) as reading:
        assert [table.table for table in (await reading.models()).tables] == ["authors"]
        with pytest.raises(MigrationError, match="nowhere"):
            await reading.history()


async def test_the_history_is_read_where_the_models_are_broken(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    models = root / "models.py"
    models.write_text(f"{models.read_text()}\n\nraise ValueError('half written')\n")
    workspace = open_project(root, sandboxes, cache=tmp_path / "cache")
    async with open_reading(workspace, jointly=True) as reading:
        with pytest.raises(ModelsError, match="half written"):
            await reading.models()
        history, _ = await reading.history()
    assert history.heads == ("b2",)


async def test_a_reading_that_nobody_waits_for_ends(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(copy_history(tmp_path), sandboxes, cache=tmp_path / "cache")
    async with open_reading(workspace, jointly=True) as reading:
        pass
    with pytest.raises(asyncio.CancelledError):
        await reading.models()


def makings(*sqls: str) -> tuple[Making, ...]:
    return tuple(Making(sql, Place("specs/schema.md", number), number == 0) for number, sql in enumerate(sqls))


async def test_what_postgres_refuses_of_a_spec_keeps_nothing_else_back(sandboxes: Sandboxes) -> None:
    given = makings(
        'create table "author" ("id" integer primary key, "name" text)',
        'create index "by_name" on "author" ("name")',
        'create index "by_nothing" on "author" ("nothing")',
        'alter table "author" add constraint "named" check (length(name) > 1)',
        'alter table "author" add constraint "cut" check (name <> \'a)',
        'create index "by_id" on "author" ("id")',
    )
    async with sandboxes.lend() as sandbox:
        await fill_from_spec(sandbox, given)
        connection = await connect(sandbox.url)
        schema = await read_schema(connection)
        await connection.close()
    assert {one.name for one in schema.all(Index)} >= {"by_name", "by_id"}
    assert {one.name for one in schema.all(Constraint)} >= {"named"}
    assert not {one.name for one in schema.all(Constraint)} & {"cut"}


def test_only_plain_statements_that_make_things_are_sent_together() -> None:
    plain = [f"create table t{number} (id integer)" for number in range(3)]
    sqls = [*plain, "create index concurrently i on t1 (id)", "create table a (t text default ';')", *plain]
    assert [sqls[run] for run in runs(sqls)] == [plain, [sqls[3]], [sqls[4]], plain]
    many = ["create table t (id integer)"] * (SENT_AT_ONCE + 1)
    assert [len(many[run]) for run in runs(many)] == [SENT_AT_ONCE, 1]
    assert list(runs([])) == []


async def test_models_that_postgres_refuses_are_told_with_their_own_statement(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    ddl = ("CREATE TABLE a (id INTEGER PRIMARY KEY)", "CREATE TABLE b (a_id TEXT REFERENCES a (id))")
    models = Models((), (), ddl)
    async with sandboxes.lend() as sandbox:
        with pytest.raises(ModelsError, match="CREATE TABLE b"):
            await fill_from_models(sandbox, models)
        connection = await connect(sandbox.url)
        schema = await read_schema(connection)
        await connection.close()
    assert [one.name for one in schema.all(Table)] == ["a"]
