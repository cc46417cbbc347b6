"""Rules whose examples are whole projects: each finds its fault in one, says where, and is silent beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.model.answer import Answer
from mcp_server.model.chronicle import Chronicle, Making
from mcp_server.model.finding import Finding
from mcp_server.model.observation import LostValues, Rows
from mcp_server.model.schema import Schema
from mcp_server.model.walked import Call, Migration, RevisionFile
from mcp_server.operations.review import review_migration
from mcp_server.operations.walking import statements_of
from mcp_server.rules import judge, rules
from mcp_server.world.database import connect
from mcp_server.world.observer import observe
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio

HERE = frozenset({"M209", "M306", "M502", "M506", "M507", "M508"})
# tests/test_review.py, tests/test_script_rights.py, tests/test_review_schema.py, tests/test_isolation_*.py, tests/test_live_rules.py,
# tests/test_neon_rules.py, tests/neon/test_branch_work.py
ELSEWHERE = (
    {"M501", "M503", "M504", "M505", "M320", "M313", "C401", "C402", "C403"}
    | {f"I{number}" for number in (*range(201, 208), *range(321, 329), 331, 332)}
    | {one.rule.code for one in rules() if one.subject in ("Health", "NeonUse")}
)
REVISION = (
    "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = {name!r}\ndown_revision = {parent!r}\n\n\n"
    "def upgrade():\n{up}\n\n\ndef downgrade():\n{down}\n"
)
HISTORY = Chronicle("alembic.ini", env="migrations/env.py", template="migrations/script.py.mako")


def found(subject: object, code: str) -> list[Finding]:
    return [one for one in judge(subject).findings if one.code == code]


def told(answer: Answer, code: str) -> list[dict[str, Any]]:
    return [one for one in cast("dict[str, Any]", answer.data)["findings"] if one["code"] == code]


def add(root: Path, name: str, up: Iterable[str], down: Iterable[str] = ("pass",), parent: str = "b2") -> None:
    bodies = ["\n".join(f"    {line}" for line in part) for part in (up, down)]
    path = root / "migrations" / "versions" / f"{name}.py"
    path.write_text(REVISION.format(name=name, parent=parent, up=bodies[0], down=bodies[1]))


def test_every_rule_of_projects_is_proven_here_or_there() -> None:
    assert {one.rule.code for one in rules() if one.rule.form == "project"} == HERE | ELSEWHERE


async def test_values_that_do_not_survive_are_counted_with_an_example(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    add(root, "c3", ['op.execute("alter table authors alter name type varchar(3) using left(name, 3)")'], ["pass"])
    add(root, "d4", ['op.execute("update authors set name = lower(name)")'], ["pass"], parent="c3")
    workspace = open_project(root, sandboxes)

    (cut,) = told(await review_migration(workspace, "c3"), "M209")
    changed = told(await review_migration(workspace, "d4"), "M209")

    assert (cut["severity"], cut["subject"]) == ("error", "public.authors.name")
    assert "of the generated values do not survive the upgrade, such as" in cut["message"]
    assert {one["severity"] for one in changed} <= {"info"}


def test_what_only_a_downgrade_loses_is_a_warning_and_is_told_once() -> None:
    both = Migration(
        "r", (), Schema({}), None, rows=Rows(lost=(LostValues("public.a.b", 2),), down=(LostValues("public.a.b", 2),))
    )
    back = replace(both, rows=Rows(down=(LostValues("public.a.c", 1, "1 -> 2"),)))
    assert [(one.severity, one.subject) for one in found(both, "M209")] == [("error", "public.a.b")]
    assert [one.severity for one in found(back, "M209")] == ["warning"]
    assert "downgrade and an upgrade, such as 1 -> 2." in found(back, "M209")[0].message
    assert found(replace(both, rows=None), "M209") == []


async def test_rows_of_a_table_that_a_statement_changes_are_meant_to_change(database: Sandbox) -> None:
    connection, second = await connect(database.url), await connect(database.url)
    await connection.execute("create table task (id int)")
    seen = await observe(connection, second, ["update task set id = 1"])
    rows = Rows(lost=(LostValues("public.task.id", 3), LostValues("public.other.id", 3)))
    migration = Migration("r", statements_of(seen, Schema({})), Schema({}), None, rows=rows)
    await connection.close()
    await second.close()

    assert {one.subject: one.severity for one in found(migration, "M209")} == {
        "public.task.id": "info", "public.other.id": "error",
    }  # fmt: skip


async def test_a_migration_that_rows_make_fail_is_told_of_rows(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    change = 'op.alter_column("authors", "born", nullable={})'
    add(root, "c3", [change.format(False)], [change.format(True)])
    workspace = open_project(root, sandboxes)

    (fails,) = told(await review_migration(workspace, "c3"), "M306")

    assert "It fails on rows that the old schema allows: " in fails["message"]
    assert "contains null values" in fails["message"]
    assert told(await review_migration(workspace, "b2"), "M306") == []


async def test_a_history_that_expects_create_all_is_told_so(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    models = root / "models.py"
    models.write_text(
        models.read_text()
        + '\n\nclass Note(Base):\n    __tablename__ = "notes"\n    id = Column(Integer, primary_key=True)\n'
    )
    add(root, "c3", ['op.add_column("notes", sa.Column("due", sa.Date()))'], ["pass"])

    answer = await review_migration(open_project(root, sandboxes), "history")

    (assumed,) = told(answer, "M502")
    assert assumed["subject"] == "notes"
    assert assumed["place"].startswith("migrations/versions/c3.py:")


@pytest.mark.parametrize(
    ("history", "is_found"),
    [
        (replace(HISTORY, unmade="notes", modelled=frozenset({"public.notes"})), True),
        (replace(HISTORY, unmade="app.notes", makings=(Making("create_all", "main.py:3"),)), True),
        (replace(HISTORY, unmade="tusk", modelled=frozenset({"public.task"})), False),
        (replace(HISTORY, unmade="tusk"), False),
        (replace(HISTORY, modelled=frozenset({"public.notes"}), makings=(Making("create_all", "main.py:3"),)), False),
    ],
)
def test_a_missing_table_is_expected_of_create_all_only_where_something_makes_it(
    history: Chronicle, is_found: bool
) -> None:
    assert bool(found(history, "M502")) == is_found


async def test_tables_of_others_need_an_environment_that_leaves_them_out(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    root = copy_history(tmp_path)
    connection = await connect(database.url)
    await connection.execute(
        'create table authors (id int); create table "user" (id int); create table alembic_version (version_num text)'
    )
    await connection.close()
    workspace = open_project(root, sandboxes, database_url=database.url)

    (unguarded,) = told(await review_migration(workspace, "history"), "M506")
    env = root / "migrations" / "env.py"
    env.write_text(env.read_text().replace("context.configure(", "context.configure(include_object=lambda *_: True, "))
    guarded = told(await review_migration(workspace, "history"), "M506")

    assert 'drops what others own: public."user".' in unguarded["message"]
    assert unguarded["place"] == "migrations/env.py"
    assert guarded == []
    await workspace.close()


def test_tables_that_the_settings_give_to_others_count_and_many_are_shortened() -> None:
    declared = replace(HISTORY, declared=("auth.*",))
    many = replace(HISTORY, foreign=tuple(f"public.t{number}" for number in range(7)))
    assert "auth.*" in found(declared, "M506")[0].message
    assert found(many, "M506")[0].message.endswith("public.t4 and 2 more.")
    assert (
        found(HISTORY, "M506")
        == found(replace(declared, has_include=True), "M506")
        == found(replace(declared, env=""), "M506")
        == []
    )


async def test_a_template_without_sqlmodel_is_found_where_the_models_are_sqlmodel(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = copy_history(tmp_path)
    template = root / "migrations" / "script.py.mako"
    template.write_text("from alembic import op\nimport sqlalchemy as sa\n")
    workspace = open_project(root, sandboxes)
    assert told(await review_migration(workspace, "history"), "M507") == []
    env = root / "migrations" / "env.py"
    env.write_text("import sqlmodel\n" + env.read_text())

    (lacking,) = told(await review_migration(workspace, "history"), "M507")
    template.write_text("import sqlmodel\n" + template.read_text())

    assert (lacking["place"], lacking["fix"]) == ("migrations/script.py.mako", "import sqlmodel")
    assert told(await review_migration(workspace, "history"), "M507") == []


async def test_revisions_of_no_use_are_counted_by_what_is_wrong_with_them(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    add(root, "c3", ["pass"])
    add(root, "d4", ['op.execute("create table stuck (id int)")'], ["pass"], parent="c3")
    add(
        root,
        "e5",
        ["try:", '    op.execute("create table kept (id int)")', "except Exception:", "    pass"],
        ['op.drop_table("kept")'],
        parent="d4",
    )

    messages = [
        one["message"] for one in told(await review_migration(open_project(root, sandboxes), "history"), "M508")
    ]

    assert messages == [
        "1 of 5 revisions do nothing: migrations/versions/c3.py.",
        "1 of 5 revisions have no way back, although their upgrade does something: migrations/versions/d4.py.",
        "1 of 5 revisions catch the failure of a statement and go on: migrations/versions/e5.py.",
    ]


def test_merges_are_of_use_and_many_files_are_shortened() -> None:
    merge = RevisionFile("m.py", is_empty=True, is_merge=True)
    empty = tuple(RevisionFile(f"{number}.py", is_empty=True, downgrade="empty") for number in range(5))
    caught = RevisionFile("c.py", calls=(Call("drop_table", 9, "downgrade", caught=True),))
    assert found(replace(HISTORY, files=(merge, caught)), "M508") == []
    (one,) = found(replace(HISTORY, files=empty), "M508")
    assert one.message == "5 of 5 revisions do nothing: 0.py, 1.py, 2.py and 2 more."
