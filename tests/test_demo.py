"""The demo does the whole job, and leaves nothing or a project to play with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import gettempdir

import pytest

from mcp_server.operations.demo import demo
from mcp_server.world.sandbox import Sandboxes
from tests.opened import open_project

pytestmark = pytest.mark.anyio


def left_over() -> set[str]:
    return {path.name for path in Path(gettempdir()).glob("dbarch-demo-*")}


async def test_the_demo_walks_from_models_to_a_record_and_leaves_nothing(sandboxes: Sandboxes, tmp_path: Path) -> None:
    before = left_over()
    async with open_project(tmp_path, sandboxes, cache=tmp_path / "cache").call() as workspace:
        answer = await demo(workspace)
    assert isinstance(answer.data, dict)
    stops = answer.data["stops"]
    assert "Rehearsed: upgrade, downgrade, upgrade" in stops["A second migration"]
    assert "public.reminders: new table" in stops["A second migration"]
    assert stops["Load rows"].startswith("100,000 rows")
    assert "estimate_minutes int NULL" in stops["See one table"]
    assert "Seq Scan on messages" in stops["Explain a slow query"]
    assert "PHR-0001" in stops["Keep a record"]
    assert json.dumps(answer.data)
    assert left_over() == before


async def test_a_kept_demo_leaves_a_project_whose_files_say_what_was_done(
    sandboxes: Sandboxes, tmp_path: Path, cache: Path
) -> None:
    async with open_project(tmp_path, sandboxes, cache=cache).call() as workspace:
        answer = await demo(workspace, keep=True)
    assert isinstance(answer.data, dict)
    root = Path(str(answer.data["project"]))
    assert len(list(root.glob("alembic/versions/*.py"))) == 2
    (record,) = root.glob("history/prompts/002-reminders/*.prompt.md")
    assert "autogenerate_migration" in record.read_text(encoding="utf-8")
    assert (root / ".env").read_text(encoding="utf-8").startswith("DATABASE_URL=postgresql://")
    shutil.rmtree(root.parent)
