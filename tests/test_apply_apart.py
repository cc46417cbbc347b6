"""A migration that begins at the live database, where its history does not lead: written in phases, reviewed, applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.errors import Refused
from mcp_server.operations.apply import apply_migration
from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.operations.review import review_migration
from mcp_server.world.rehearsals import find
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.applying import AT_B2, applied, ask, open_live, planned, run
from tests.opened import copy_history

pytestmark = pytest.mark.anyio

VERSION = "select version_num from alembic_version"
BY_HAND = (
    "alter table authors add by_hand int",
    "insert into authors (id, name, by_hand) select n, 'author ' || n, n from generate_series(1, 20000) n",
    "analyze authors",
)
MODELS = """
    by_hand = Column(Integer)
    token = Column(Uuid, nullable=False, server_default=text("gen_random_uuid()"))
    __table_args__ = (Index("by_hand_and_name", "by_hand", "name"),)
"""


async def written(tmp_path: Path, sandboxes: Sandboxes, live: Sandbox) -> tuple[Workspace, tuple[str, ...]]:
    """A project whose live database has what no revision makes, and the revisions that lead on from there, in order."""
    root = copy_history(tmp_path)
    await run(live, *AT_B2, *BY_HAND)
    workspace = open_live(root, sandboxes, live)
    models = root / "models.py"
    models.write_text("from sqlalchemy import Index, Uuid, text\n" + models.read_text() + MODELS)
    answer = await autogenerate_migration(workspace, "tokens", before="live", format="json")
    data = cast("dict[str, Any]", answer.data)
    return workspace, tuple(one["id"] for one in data["revision"]["phases"])


async def test_phases_that_begin_at_live_are_applied_one_after_the_other(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace, revisions = await written(tmp_path, sandboxes, database)
    assert len(revisions) > 2

    for revision in revisions:
        answer = await applied(workspace, revision=revision)
        assert answer.findings == 0, answer.text
        assert await ask(database, VERSION) == revision

    assert await ask(database, "select count(*) from authors where token is null") == 0
    assert (await apply_migration(workspace)).text.startswith("Nothing to apply: live (")
    await workspace.close()


async def test_phases_that_follow_the_history_are_recorded_and_applied_too(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    root = copy_history(tmp_path)
    await run(database, *AT_B2, BY_HAND[1].replace("by_hand", "born"), BY_HAND[2])
    workspace = open_live(root, sandboxes, database)
    models = root / "models.py"
    models.write_text("from sqlalchemy import Uuid, text\n" + models.read_text() + MODELS.splitlines()[2] + "\n")
    answer = await autogenerate_migration(workspace, "tokens", format="json")
    revisions = [one["id"] for one in cast("dict[str, Any]", answer.data)["revision"]["phases"]]
    records = [find(root, one) for one in revisions]

    done = await applied(workspace)

    assert len(records) > 2
    assert all(one is not None and not one.origin for one in records)
    assert done.findings == 0, done.text
    assert await ask(database, VERSION) == revisions[-1]
    await workspace.close()


async def test_a_review_of_such_a_revision_begins_where_it_was_written_for(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace, revisions = await written(tmp_path, sandboxes, database)
    root = workspace.settings.root
    before = [find(root, one) for one in revisions]
    first = next((root / "migrations" / "versions").glob(f"*{revisions[0]}*"))
    first.write_text(first.read_text() + "\n# read by a person\n")
    with pytest.raises(Refused, match="its file was changed"):
        await apply_migration(workspace)

    for revision in revisions:
        (walked,) = cast("dict[str, Any]", (await review_migration(workspace, revision, format="json")).data)[
            "migrations"
        ]
        assert walked["came_to_its_end"]

    for old, new in zip(before, (find(root, one) for one in revisions), strict=True):
        assert old is not None
        assert new is not None
        assert (new.before, new.after, new.origin) == (old.before, old.after, old.origin)
    assert (await applied(workspace)).findings == 0
    assert await ask(database, VERSION) == revisions[-1]
    await workspace.close()


async def test_what_a_stopped_apply_left_there_is_recognised_without_a_history(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace, revisions = await written(tmp_path, sandboxes, database)
    statements = {one: record.statements for one in revisions if (record := find(workspace.settings.root, one))}
    online, first = next(
        (one, told.sql)
        for one in revisions
        for told in statements[one]
        if "CREATE INDEX CONCURRENTLY" in told.sql.upper()
    )
    before = revisions[: revisions.index(online)]
    if before:
        assert (await applied(workspace, revision=before[-1])).findings == 0
    await run(database, first)

    text, _ = await planned(workspace, revision=online)
    answer = await applied(workspace, revision=online)

    assert "stopped halfway" in text
    assert answer.findings == 0, answer.text
    await workspace.close()


async def test_another_change_meanwhile_is_named(tmp_path: Path, sandboxes: Sandboxes, database: Sandbox) -> None:
    workspace, _ = await written(tmp_path, sandboxes, database)
    await run(database, "alter table authors add stranger int")

    with pytest.raises(Refused, match=r"add column public\.authors\.stranger") as told:
        await apply_migration(workspace)

    assert "by_hand" not in told.value.message
    await workspace.close()
