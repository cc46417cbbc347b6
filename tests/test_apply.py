"""apply_migration runs exactly what was rehearsed, or says why not and leaves the database as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.operations.apply import apply_migration
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.applying import ask, open_live, planned, record
from tests.opened import copy_history

pytestmark = pytest.mark.anyio

VERSION = "select version_num from alembic_version"
TABLES = "select count(*) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"


@pytest.mark.every_postgres
async def test_pending_revisions_are_applied_once_they_were_rehearsed_and_seen(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_live(copy_history(tmp_path), sandboxes, database)
    await record(workspace, "a1", "b2")

    text, digest = await planned(workspace)

    assert await ask(database, TABLES) == 0
    assert "from base (no revision applied) to b2. Nothing was run." in text

    answer = await apply_migration(workspace, plan_hash=digest)

    assert answer.text.startswith("Applied a1, b2 to live (")
    assert "its schema is the one that the rehearsal ended with" in answer.text
    assert answer.findings == 0
    assert answer.carried_out["revisions"] == 2
    assert await ask(database, VERSION) == "b2"
    assert (await apply_migration(workspace)).text.startswith("Nothing to apply: live (")
