"""The revisions of phases, reviewed as if somebody else had written them, from the first to the last."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.model.change import diff
from mcp_server.operations.review import review_migration
from mcp_server.planning import plan
from mcp_server.planning.phases import phases
from mcp_server.world.migrations import replay
from mcp_server.world.rehearsal import copy_of
from mcp_server.world.sandbox import Sandboxes
from tests.markdown_cases import Case, read_cases
from tests.opened import copy_history, open_project
from tests.test_phases import rendered
from tests.test_review import HEAD

pytestmark = pytest.mark.anyio
WORDS = ("outgrew its type, with", "that views, a policy", "of an enum goes", "a primary key of a partitioned")
CASES = [case for case in read_cases("phases") if any(words in case.name for words in WORDS)]


def statements(sql: str) -> str:
    """A revision's body that runs them."""
    return f"\n\ndef upgrade():\n    op.execute({sql!r})\n\n\ndef downgrade():\n    raise NotImplementedError\n"


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_what_phases_write_is_reviewed_clean(tmp_path: Path, sandboxes: Sandboxes, case: Case) -> None:
    root = copy_history(tmp_path)
    versions = root / "migrations" / "versions"
    (versions / "c3.py").write_text(HEAD.format(name="c3", parent="b2") + statements(case.before))
    workspace = open_project(root, sandboxes)
    async with copy_of(workspace, await replay(workspace)) as copy:
        before = await copy.read()
        await copy.run([case.blocks["sql change"]])
        after = await copy.read()
    made = plan(before, after, diff(before, after))
    files = rendered(made, phases(made, before, after), before, after)
    for number, code in enumerate(files, 1):
        (versions / f"r{number}.py").write_text(code.replace('"r0"', '"c3"'))

    answer = await review_migration(workspace, f"c3:r{len(files)}")
    data = cast(dict[str, Any], answer.data)
    assert files
    assert [one for one in data["findings"] if one["severity"] == "error"] == []
