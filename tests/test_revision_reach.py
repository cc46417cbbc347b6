"""Revisions that act on the whole server: what is not sent, how it is named, and what is left of roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.errors import MigrationError
from mcp_server.operations.review import review_migration
from mcp_server.world.database import connect
from mcp_server.world.guest.reach import BeyondReach, check_reach
from mcp_server.world.migrations import replay
from mcp_server.world.reach import beyond_a_sandbox
from mcp_server.world.sandbox import Sandboxes
from tests.opened import copy_history, open_project

HEAD = "from alembic import op\n\nrevision = 'c3'\ndown_revision = 'b2'\n\n\n"
ALONE = "def upgrade():\n    with op.get_context().autocommit_block():\n        op.execute({sql!r})\n\n\ndef downgrade():\n    pass\n"
PLAIN = "def upgrade():\n    op.execute({sql!r})\n\n\ndef downgrade():\n    pass\n"


def project(folder: Path, body: str, sql: str) -> Path:
    root = copy_history(folder)
    (root / "migrations" / "versions" / "c3.py").write_text(HEAD + body.format(sql=sql))
    return root


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sql",
    [
        "alter system set work_mem = '9MB'",
        "create database of_a_revision",
        "/* once */ create tablespace of_a_revision location '/tmp'",
        "set work_mem = '9MB'; copy (select 1) to program 'cat > {file}'",
        "copy (select 1) to '{file}'",
    ],
)
async def test_what_acts_on_the_server_is_not_run_and_named(
    sql: str, tmp_path: Path, sandboxes: Sandboxes, writable: Path
) -> None:
    file = writable / "written"
    sent = sql.format(file=file)
    workspace = open_project(project(tmp_path, ALONE, sent), sandboxes)

    answer = await review_migration(workspace, "c3")

    assert answer.verdict.startswith("revision c3")
    assert "fails" in answer.verdict
    assert f"acts on the whole server, which no copy contains: `{sent}`. Take it out" in answer.text
    assert "migrations/versions/c3.py:9" in answer.text
    assert not file.exists()
    with pytest.raises(MigrationError, match="acts on the whole server"):
        await replay(workspace)


@pytest.mark.anyio
@pytest.mark.parametrize("body", [ALONE, PLAIN])
async def test_a_role_that_a_revision_makes_keeps_its_name_alone(
    body: str, tmp_path: Path, sandboxes: Sandboxes
) -> None:
    name = "clerk_alone" if body is ALONE else "clerk_inside"
    workspace = open_project(project(tmp_path, body, f"create role {name} superuser login password 'x'"), sandboxes)
    await replay(workspace)
    connection = await connect(sandboxes.server)
    row = await connection.fetchrow("select rolsuper, rolcanlogin, rolpassword from pg_authid where rolname = $1", name)
    await connection.execute(f"drop role {name}")
    await connection.close()
    assert row is not None
    assert tuple(row) == (False, False, None)


@pytest.mark.parametrize(
    ("sql", "is_embedded", "is_refused"),
    [
        ("create role clerk", True, False),
        ("create role clerk", False, True),
        ("select 1; drop user clerk", False, True),
        ("create user mapping for public server s", False, False),
        ("copy book from stdin", False, False),
        ("comment on table book is 'a; alter system'", True, False),
        ("create function f() returns void language sql as $$ select 1; alter system reset all $$", True, False),
        ("select ';' -- ; load 'x'\n", True, False),
        ("select '--'; load 'x'", True, True),
        ('alter table "a; load" add x int', True, False),
    ],
)
def test_a_statement_is_known_by_its_first_words(sql: str, is_embedded: bool, is_refused: bool) -> None:
    pattern = beyond_a_sandbox(is_embedded=is_embedded)
    if is_refused:
        with pytest.raises(BeyondReach):
            check_reach(sql, pattern)
    else:
        check_reach(sql, pattern)
