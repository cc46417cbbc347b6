"""compare_schemas names the revision that made, or last changed, what a history and the live database have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from mcp_server.model.mark import Marks
from mcp_server.model.orm import Revision
from mcp_server.operations.compare import compare_schemas
from mcp_server.world.database import connect
from mcp_server.world.migrations import upgrade
from mcp_server.world.revision_marks import read_marks
from mcp_server.world.sandbox import Sandboxes
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio


def marks_of(root: Path, *bodies: str, before: str = "") -> Marks:
    """The marks of revisions whose upgrade() has these bodies, its first line being line 5."""
    revisions = []
    for number, body in enumerate(bodies, 1):
        inside = "".join(f"    {line}\n" for line in dedent(body).strip().split("\n"))
        text = f"import sqlalchemy as sa\nfrom alembic import op\n{before or chr(10)}def upgrade():\n{inside}\n\ndef downgrade():\n    op.drop_table('a')\n"
        (root / f"r{number}.py").write_text(text, encoding="utf-8")
        revisions.append(Revision(f"r{number}", (), f"r{number}.py"))
    return read_marks(root, revisions)


def told(marks: Marks) -> dict[str, str]:
    """`file:line` by what is marked: "a", "a column x"."""
    return {
        " ".join(word for word in (table, *part) if word): str(mark.place)
        for table, parts in marks.found.items()
        for part, mark in parts.items()
    }


def test_what_is_made_is_marked_by_its_own_line(tmp_path: Path) -> None:
    marks = marks_of(
        tmp_path,
        """
        op.create_table(
            "a",
            sa.Column("x", sa.Integer, primary_key=True),
            sa.UniqueConstraint("x", name="uq_x"),
            schema="app",
        )
        op.create_index(op.f("ix_x"), "a", ["x"], schema="app")
        """,
    )
    assert told(marks) == {
        "app.a": "r1.py:5",
        "app.a column x": "r1.py:7",
        "app.a constraint uq_x": "r1.py:8",
        "app.a index ix_x": "r1.py:11",
    }


def test_the_last_change_counts_and_what_is_dropped_is_gone(tmp_path: Path) -> None:
    marks = marks_of(
        tmp_path,
        'op.create_table("a", sa.Column("x", sa.Integer), sa.Column("y", sa.Text))\nop.create_table("b")',
        'op.alter_column("a", "x", type_=sa.BigInteger())\nop.drop_column("a", "y")\nop.drop_table("b")',
        'with op.batch_alter_table("a") as batch:\n    batch.add_column(sa.Column("z", sa.Text))\n    batch.alter_column("x", new_column_name="w")\nop.rename_table("a", "c")',
    )
    assert told(marks) == {"c": "r3.py:8", "c column w": "r3.py:7", "c column z": "r3.py:6"}


def test_sql_of_a_revision_is_read_and_what_is_worked_out_at_run_time_is_not_guessed(tmp_path: Path) -> None:
    marks = marks_of(
        tmp_path,
        """
        op.execute("create table a (x int); create index ix on a (x)")
        op.execute(sa.text("alter table public.a add column y text, alter column x type bigint"))
        op.execute(f"alter table a drop column {'x'}")
        op.execute("this is no sql")
        name = "worked_out"
        op.create_table(name, sa.Column("x", sa.Integer))
        """,
    )
    assert told(marks) == {
        "a": "r1.py:5",
        "a index ix": "r1.py:5",
        "a column y": "r1.py:6",
        "a column x": "r1.py:6",
    }


def test_what_only_the_way_back_does_is_not_marked_and_helpers_are_followed(tmp_path: Path) -> None:
    before = "def helper():\n    op.create_table('made')\n\n"
    marks = marks_of(tmp_path, "helper()", before=before)
    assert told(marks) == {"made": "r1.py:4"}
    (tmp_path / "broken.py").write_text("def upgrade(:\n", encoding="utf-8")
    assert read_marks(tmp_path, [Revision("x", (), "broken.py"), Revision("y", (), "gone.py")]) == Marks({})


SPEC = """
### authors

| Column | Type | Constraints |
|---|---|---|
| id | INTEGER | PRIMARY KEY |
| name | VARCHAR(80) | NOT NULL |
| born | INTEGER | NULL |
"""


async def test_cells_of_the_history_and_of_live_name_the_revision_unless_live_was_changed_past_it(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = copy_history(tmp_path)
    (root / "specs").mkdir()
    (root / "specs/schema.md").write_text(SPEC, encoding="utf-8")
    workspace = open_project(root, sandboxes)
    async with sandboxes.lend() as database:
        await upgrade(workspace, database)
        connection = await connect(database.url)
        await connection.execute("alter table authors alter born type bigint")
        await connection.close()
        workspace.settings = replace(workspace.settings, database_url=database.url)
        try:
            answer = await compare_schemas(workspace, sources=("spec", "migrations", "live"), format="json")
        finally:
            await workspace._let_go(keep=False)
    assert isinstance(answer.data, dict)
    says = {(one["kind"], one["column"]): one["says"] for one in answer.data["disagreements"]}
    made = "migrations/versions/a1_authors.py:13"
    assert says["length", "name"]["migrations"] == {"text": "character varying(100)", "place": made}
    assert says["length", "name"]["live"] == {"text": "character varying(100)", "place": made}
    assert says["type", "born"]["live"] == {"text": "bigint", "place": ""}
