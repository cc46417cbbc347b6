"""review_migration on whole projects: revisions, ranges, scripts, and the history as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from mcp_server.errors import MigrationError, NotFound, Refused
from mcp_server.model.answer import Answer
from mcp_server.model.finding import Report
from mcp_server.model.review import Review
from mcp_server.model.schema import Schema
from mcp_server.model.walked import Migration
from mcp_server.operations.review import review_migration
from mcp_server.render.review_text import render_review
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.opened import copy_history, open_project

if TYPE_CHECKING:
    from asyncpg import Connection, Record

pytestmark = pytest.mark.anyio

HEAD = 'from alembic import op\nimport sqlalchemy as sa\n\nrevision = "{name}"\ndown_revision = "{parent}"\n\n'
INDEX = """
def upgrade():
    op.create_index("authors_name", "authors", ["name"])


def downgrade():
    op.drop_index("authors_name")
"""
NOT_VALID = """
def upgrade():
    op.execute("alter table authors add constraint named check (name <> '') not valid")


def downgrade():
    op.execute("alter table authors drop constraint named")
"""
VALIDATE = """
def upgrade():
    op.execute("alter table authors validate constraint named")


def downgrade():
    pass
"""
UNMADE = """
def upgrade():
    op.add_column("poems", sa.Column("x", sa.Integer()))
"""
LIVE = """
create table authors (id serial primary key, name varchar(100) not null, born int);
create table poems (x int);
create table alembic_version (version_num varchar(32) primary key);
insert into alembic_version values ('c3');
"""


def add(root: Path, name: str, body: str, parent: str = "b2") -> None:
    path = root / "migrations" / "versions" / f"{name}.py"
    path.write_text(HEAD.format(name=name, parent=parent) + body)


def codes(answer: Answer, *severities: str) -> list[str]:
    data = cast(dict[str, Any], answer.data)
    kept = severities or ("error", "warning")
    return [one["code"] for one in data["findings"] if one["severity"] in kept]


def finding(answer: Answer, code: str) -> dict[str, Any]:
    data = cast(dict[str, Any], answer.data)
    return next(one for one in data["findings"] if one["code"] == code)


async def test_a_revision_is_walked_and_judged_with_its_place(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    add(root, "c3", INDEX)
    answer = await review_migration(open_project(root, sandboxes), "c3")

    assert answer.findings == 1
    assert answer.text.splitlines()[0] == "revision c3: requires downtime; 1 error, 1 warning"
    assert codes(answer) == ["M101", "M126"]
    found = finding(answer, "M101")
    assert found["place"] == "migrations/versions/c3.py:9"
    assert found["evidence"].startswith("observed on a copy of PostgreSQL 18: held ShareLock on public.authors")
    assert "create index concurrently" in found["fix"].lower()


async def test_two_pending_revisions_share_one_transaction(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    add(root, "c3", NOT_VALID)
    add(root, "d4", VALIDATE, "c3")
    workspace = open_project(root, sandboxes)

    alone, both = await review_migration(workspace, "d4"), await review_migration(workspace, "b2:d4")
    assert codes(alone, "error") == []
    assert codes(both, "error") == ["M109"]

    env = root / "migrations" / "env.py"
    env.write_text(
        env.read_text().replace(
            "target_metadata=target_metadata)", "target_metadata=target_metadata, transaction_per_migration=True)"
        )
    )
    apart = await review_migration(workspace, "b2:d4")
    assert codes(apart, "error") == []


async def test_the_head_is_reviewed_with_the_history_as_a_whole(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    (root / "app.py").write_text(
        "from models import Base\n\n\ndef start(engine):\n    Base.metadata.create_all(engine)\n"
    )
    answer = await review_migration(open_project(root, sandboxes))

    assert "M504" in codes(answer)
    assert finding(answer, "M505")["place"] == "app.py:5"
    assert answer.findings == 0


async def test_a_second_head_and_a_history_that_fails_are_found(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    add(root, "c3", INDEX)
    add(root, "c4", '\ndef upgrade():\n    op.add_column("poems", sa.Column("x", sa.Integer()))\n')
    answer = await review_migration(open_project(root, sandboxes))

    assert {"M501", "M503", "M301"} <= set(codes(answer, "error"))
    assert finding(answer, "M503")["fix"].startswith("alembic merge heads")
    assert "poems" in finding(answer, "M301")["message"]
    assert finding(answer, "M301")["place"] == "migrations/versions/c4.py:9"


async def test_a_revision_whose_start_does_not_replay_is_not_called_safe(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    add(root, "c3", UNMADE)
    add(root, "d4", INDEX, "c3")
    answer = await review_migration(open_project(root, sandboxes), "d4")

    assert answer.text.splitlines()[0] == "revision d4: fails; 1 error"
    assert codes(answer) == ["M501"]
    assert finding(answer, "M501")["place"] == "migrations/versions/c3.py:9"
    assert "poems" in finding(answer, "M501")["message"]
    assert "d4 was not walked" in answer.text


async def test_a_history_that_fails_is_told_once(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    add(root, "c3", UNMADE)
    add(root, "d4", INDEX, "c3")
    answer = await review_migration(open_project(root, sandboxes))

    assert codes(answer, "error").count("M501") == 1
    assert "revision d4 was not walked" in answer.text


async def test_where_the_history_does_not_replay_a_revision_is_walked_on_a_copy_of_live(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection[Record]
) -> None:
    root = copy_history(tmp_path)
    add(root, "c3", UNMADE)
    add(root, "d4", INDEX, "c3")
    await connection.execute(LIVE)
    workspace = open_project(root, sandboxes, database_url=database.url)
    answer = await review_migration(workspace, "d4")
    await workspace.close()

    assert codes(answer) == ["M126"]
    assert "walked up, down and up again on a copy of live's schema" in answer.text
    assert "The migrations do not replay on an empty database: Postgres refused" in answer.text


async def test_a_script_is_run_on_a_copy_of_live_where_the_history_does_not_replay(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection[Record]
) -> None:
    root = copy_history(tmp_path)
    add(root, "c3", UNMADE)
    script = "set lock_timeout = '2s'; alter table poems add column y int"
    with pytest.raises(
        MigrationError, match=r"The script was not run, because the migrations .* fail on an empty database"
    ):
        await review_migration(open_project(root, sandboxes), sql=script)
    await connection.execute(LIVE)
    workspace = open_project(root, sandboxes, database_url=database.url)
    answer = await review_migration(workspace, sql=script)
    await workspace.close()

    assert codes(answer) == []
    assert "on a copy of live's schema" in answer.text
    assert "The migrations do not replay on an empty database" in answer.text


async def test_a_merge_is_walked(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    add(root, "c3", INDEX)
    add(root, "c4", NOT_VALID)
    path = root / "migrations" / "versions" / "d5.py"
    path.write_text(
        'revision = "d5"\ndown_revision = ("c3", "c4")\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n'
    )
    answer = await review_migration(open_project(root, sandboxes), "d5")
    assert codes(answer) == []
    assert answer.text.startswith("revision d5: safe;")


async def test_a_script_runs_on_the_migrations_head(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    (root / "fast.sql").write_text(
        "set lock_timeout = '2s';\n\nalter table authors\n  alter column name drop not null;\ndrop table authors;\n"
    )
    workspace = open_project(root, sandboxes)
    answer = await review_migration(workspace, sql="file:fast.sql")

    assert codes(answer) == ["M201"]
    assert finding(answer, "M201")["place"] == "fast.sql:5"
    assert answer.verdict == "fast.sql: destructive; 1 warning"
    assert answer.findings == 1
    same = await review_migration(workspace, sql="create table note (id bigint primary key)")
    assert same.findings == 0


async def test_statements_after_the_one_that_fails_are_named_as_not_run(tmp_path: Path, sandboxes: Sandboxes) -> None:
    answer = await review_migration(
        open_project(copy_history(tmp_path), sandboxes), sql="alter table tusk add x int; drop table authors;"
    )
    assert {"M301"} <= set(codes(answer, "error"))
    assert finding(answer, "M201")["evidence"] == "derived from the text and the schema"


async def test_what_cannot_be_reviewed_is_said(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(tmp_path, sandboxes)
    with pytest.raises(NotFound, match="no Alembic configuration"):
        await review_migration(workspace)
    with pytest.raises(Refused, match="no statement"):
        await review_migration(workspace, sql=" ;")


async def test_squawk_is_heard_where_it_disagrees(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(copy_history(tmp_path), sandboxes)
    answer = await review_migration(
        workspace, sql="set lock_timeout = '2s'; alter table authors alter column name type text"
    )
    assert codes(answer) == []
    assert "squawk/changing-column-type" in codes(answer, "info")


async def test_a_downgrade_that_leaves_something_is_found(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    body = '\ndef upgrade():\n    op.execute("create type mood as enum (\'ok\')")\n    op.add_column("authors", sa.Column("due", sa.Date()))\n\n\ndef downgrade():\n    op.drop_column("authors", "due")\n'
    add(root, "c3", body)
    answer = await review_migration(open_project(root, sandboxes), "c3")
    assert codes(answer, "error") == ["M310"]
    assert "mood" in finding(answer, "M310")["message"]


def test_a_revision_that_did_not_come_up_again_is_not_sent_to_be_applied() -> None:
    empty = Schema.of(())
    walked = Migration("c3", (), empty, empty, refusal='relation "tags" already exists')
    text = render_review(Review("revision c3", Report(()), (walked,)))
    assert "Next: correct its downgrade, and review it again" in text
    assert "apply it" not in text
