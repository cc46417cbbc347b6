"""Any schema is led to any other by a revision that the project's own Alembic walked up, down and up.

DBARCH_PAIRS=100 tries as many, others each time; --hypothesis-seed=7 the same ones again.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.world.sandbox import Sandboxes
from tests.opened import copy_history, open_project
from tests.schema_pairs import DrawnSchema, schemas

pytestmark = pytest.mark.anyio
PAIRS = os.environ.get("DBARCH_PAIRS", "")


@given(first=schemas(), second=schemas())
@settings(
    max_examples=int(PAIRS or 6),
    deadline=None,
    derandomize=not PAIRS,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.timeout(0)
async def test_any_pair_of_schemas_is_rehearsed_to_an_empty_difference(
    sandboxes: Sandboxes, first: DrawnSchema, second: DrawnSchema
) -> None:
    with TemporaryDirectory(prefix="pair-") as folder:
        root = copy_history(Path(folder))
        (root / "first.sql").write_text(first.ddl)
        (root / "second.sql").write_text(second.ddl)
        note(first.ddl)
        note(second.ddl)
        workspace = open_project(root, sandboxes, cache=Path(folder) / "cache")
        answer = await autogenerate_migration(workspace, "a pair", before="file:first.sql", after="file:second.sql")
        data = cast(dict[str, Any], answer.data)
        assert data["verdict"] in ("written", "no changes"), answer.text
        assert data["not_planned"] == []
