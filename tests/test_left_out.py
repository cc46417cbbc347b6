"""What env.py's include_object and include_name leave out is not touched by what autogenerate_migration writes, and is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.model.answer import Answer
from mcp_server.operations.compare import compare_schemas
from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.world.migrations import find_history
from mcp_server.world.sandbox import Sandboxes
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio

AUDIT = '''"""what another program writes to"""

from alembic import op

revision, down_revision, branch_labels, depends_on = "c3", "b2", None, None


def upgrade():
    op.execute("create table audit_log (id bigint primary key, said text)")


def downgrade():
    op.execute("drop table audit_log")
'''
TUNED = '''"""what a tuner added by hand"""

from alembic import op

revision, down_revision, branch_labels, depends_on = "c4", "b2", None, None


def upgrade():
    op.execute("create type mood as enum ('calm', 'cross')")
    op.execute("alter table authors add tally serial, add mood mood default 'calm', add pen_of int")
    op.execute("create index authors_by_hash on authors using hash (name)")
    op.execute("create index authors_folded on authors (lower(name), born)")
    op.execute("alter table authors add constraint one_pen unique (pen_of)")
    op.execute("alter table authors add constraint pen_of foreign key (pen_of) references authors on delete cascade")


def downgrade():
    op.execute("alter table authors drop tally, drop mood, drop pen_of, drop constraint if exists one_pen")
    op.execute("drop index if exists authors_by_hash, authors_folded")
    op.execute("drop type mood")
'''
CONFIGURED = "connection=connection, target_metadata=target_metadata"
BY_OBJECT = """
def include_object(item, name, kind, reflected, compare_to):
    return not (kind == "table" and reflected and compare_to is None and "said" in item.columns)
"""
BY_NAME = """
def include_name(name, kind, parents):
    return kind != "table" or parents["schema_qualified_table_name"] != "audit_log"
"""
BY_INFO = """
def include_object(item, name, kind, reflected, compare_to):
    return not item.info.get("theirs")
"""
MODEL = """

class Session(Base):
    __tablename__ = "session"
    __table_args__ = {"info": {"theirs": True}}

    id = Column(Integer, primary_key=True)
"""


def project(folder: Path, function: str, given: str, models: str = "") -> Path:
    """The small history with a table that the models lack, and a filter that env.py gives where it connects only."""
    root = copy_history(folder)
    (root / "migrations" / "versions" / "c3_audit.py").write_text(AUDIT)
    env = root / "migrations" / "env.py"
    text = env.read_text().replace(
        "target_metadata = Base.metadata\n", f"target_metadata = Base.metadata\n\n{function}\n"
    )
    assert CONFIGURED in text
    env.write_text(text.replace(CONFIGURED, f"{CONFIGURED}, {given}"))
    (root / "models.py").write_text((root / "models.py").read_text() + models)
    return root


async def drafted(root: Path, sandboxes: Sandboxes) -> Answer:
    workspace = open_project(root, sandboxes, cache=root.parent / "cache")
    return await autogenerate_migration(workspace, "lead to the models", write=False)


@pytest.mark.parametrize(
    ("function", "given"),
    [(BY_OBJECT, "include_object=include_object"), (BY_NAME, "**{'include_name': include_name}")],
    ids=["include_object", "include_name"],
)
async def test_a_table_that_env_py_leaves_out_is_not_dropped_and_is_named(
    function: str, given: str, tmp_path: Path, sandboxes: Sandboxes
) -> None:
    answer = await drafted(project(tmp_path, function, given), sandboxes)

    assert answer.text.startswith("No changes: models and migrations agree.")
    word = "include_object" if function == BY_OBJECT else "include_name"
    assert f"Left alone, as env.py's {word} leaves it out: audit_log." in answer.text
    assert cast(dict[str, Any], answer.data)["left_out"] == ["public.audit_log"]


async def test_a_table_of_the_models_that_env_py_leaves_out_is_not_made(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = project(tmp_path, BY_INFO, "include_object=include_object", MODEL)

    answer = await drafted(root, sandboxes)

    assert "table audit_log is dropped" in answer.text.replace("public.", "")
    assert "create_table" not in answer.text
    assert "Left alone, as env.py's include_object leaves it out: session." in answer.text


async def test_a_filter_that_fails_is_told_and_leaves_nothing_out(tmp_path: Path, sandboxes: Sandboxes) -> None:
    function = "def include_object(item, *_):\n    return item.bind.engine\n"

    answer = await drafted(project(tmp_path, function, "include_object=include_object"), sandboxes)

    assert "LOSES: table public.audit_log is dropped" in answer.text
    assert re.search(r"include_object \(migrations/env.py:\d+: AttributeError: ", answer.text), answer.text
    assert "so everything was compared" in answer.text


async def test_a_filter_that_env_py_makes_while_it_connects_is_told(tmp_path: Path, sandboxes: Sandboxes) -> None:
    given = "include_object=lambda *_: connection.closed"

    answer = await drafted(project(tmp_path, "", given), sandboxes)

    assert "LOSES: table public.audit_log is dropped" in answer.text
    assert "so everything was compared" in answer.text


async def test_an_env_py_without_filters_is_not_asked(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(copy_history(tmp_path), sandboxes)

    assert (await find_history(workspace)).filters == ()


def tuned(folder: Path, function: str, given: str, column: str = "") -> Path:
    """The small history with parts that the models lack; column: what they have beside."""
    root = project(folder, function, given)
    (root / "migrations" / "versions" / "c3_audit.py").unlink()
    (root / "migrations" / "versions" / "c4_tuned.py").write_text(TUNED)
    (root / "models.py").write_text((root / "models.py").read_text() + column)
    return root


async def test_an_index_that_env_py_leaves_out_by_its_method_is_not_dropped(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    function = """
def include_object(item, name, kind, reflected, compare_to):
    by_hash = kind == "index" and item.dialect_options["postgresql"].get("using") == "hash"
    assert kind != "index" or item.table.name == "authors"
    return not (by_hash and reflected and compare_to is None)
"""
    answer = await drafted(tuned(tmp_path, function, "include_object=include_object"), sandboxes)

    assert "Left alone, as env.py's include_object leaves it out: index authors_by_hash." in answer.text
    assert cast(dict[str, Any], answer.data)["left_out"] == ["index public.authors_by_hash"]
    done = answer.text.partition("Does:")[2].partition("Left alone")[0]
    assert "drop index authors_folded" in done
    assert "authors_by_hash" not in done


async def test_columns_and_constraints_that_env_py_leaves_out_stay_with_what_they_stand_on(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    function = """
def include_name(name, kind, parents):
    if kind in ("column", "index", "unique_constraint", "foreign_key_constraint"):
        assert parents["schema_qualified_table_name"] == "authors"
        return name not in ("tally", "mood", "pen_of", "one_pen", "authors_by_hash", "authors_folded")
    return True
"""
    answer = await drafted(tuned(tmp_path, function, "include_name=include_name"), sandboxes)

    assert answer.text.startswith("No changes: models and migrations agree.")
    assert cast(dict[str, Any], answer.data)["left_out"] == [
        "column public.authors.mood",
        "column public.authors.pen_of",
        "column public.authors.tally",
        "constraint public.authors.one_pen",
        "constraint public.authors.pen_of",
        "index public.authors_by_hash",
        "index public.authors_folded",
    ]


async def test_a_column_of_the_models_that_env_py_leaves_out_is_not_made_nor_what_is_on_it(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    function = """
def include_object(item, name, kind, reflected, compare_to):
    return not getattr(item, "info", {}).get("theirs") and (reflected is False or kind == "table")
"""
    column = """    nick = Column(String(20), index=True, info={"theirs": True})
    alias = Column(String(20))
"""
    answer = await drafted(tuned(tmp_path, function, "include_object=include_object", column), sandboxes)

    done = answer.text.partition("Does:")[2].partition("Rollback")[0]
    assert "add column alias" in done
    assert "nick" not in done
    assert "drop" not in done
    assert "column authors.nick" in answer.text


@pytest.mark.parametrize(
    ("function", "given", "word"),
    [
        (BY_OBJECT, "include_object=include_object", "include_object"),
        (BY_NAME, "**{'include_name': include_name}", "include_name"),
    ],
    ids=["include_object", "include_name"],
)
async def test_a_table_that_env_py_leaves_out_is_no_drift_and_is_named(
    tmp_path: Path, sandboxes: Sandboxes, function: str, given: str, word: str
) -> None:
    root = project(tmp_path, function, given)
    answer = await compare_schemas(open_project(root, sandboxes, cache=tmp_path / "cache"), ("models", "migrations"))
    assert answer.verdict == "models, migrations: no disagreement over 2 tables"
    assert f"env.py leaves audit_log out of migrations ({word})" in answer.text


async def test_what_env_py_leaves_out_is_held_against_the_spec_in_the_models_alone(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = project(tmp_path, BY_INFO, "include_object=include_object", MODEL)
    (root / "specs").mkdir()
    spec = "# Schema\n\n## authors\n\n- id: integer (primary key)\n- name: varchar(100) (not null)\n- born: integer\n\n"
    told = "## audit_log\n\n- id: bigint (primary key)\n- said: text\n\n## session\n\n- id: integer (primary key)\n"
    (root / "specs" / "schema.md").write_text(f"{spec}{told}- ends: date (not null)\n")
    answer = await compare_schemas(open_project(root, sandboxes, cache=tmp_path / "cache"))
    rows = [line for line in answer.text.splitlines() if line.startswith("| ") and "session" in line]
    assert len(rows) == 1
    assert "session.ends" in rows[0]
    assert "env.py leaves session out of migrations (include_object)" in answer.text


async def test_filters_that_cannot_be_asked_are_told_and_leave_nothing_out(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    broken = "\ndef include_object(*_):\n    raise ValueError('no settings')\n"
    root = project(tmp_path, broken, "include_object=include_object")
    answer = await compare_schemas(open_project(root, sandboxes, cache=tmp_path / "cache"), ("models", "migrations"))
    assert "audit_log" in answer.text
    assert "What env.py leaves out by include_object" in answer.text
    assert "no settings" in answer.text


async def test_a_part_that_env_py_leaves_out_is_named_beside_its_difference(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    function = "def include_name(name, kind, parents):\n    return name != 'tally'\n"
    root = tuned(tmp_path, function, "include_name=include_name")
    answer = await compare_schemas(open_project(root, sandboxes, cache=tmp_path / "cache"), ("models", "migrations"))
    assert "env.py leaves column authors.tally out of migrations (include_name)" in answer.text
