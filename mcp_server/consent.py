"""A person at a terminal agrees to a plan, or does not."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcp_server.door import Contract, Door
from mcp_server.model.answer import Answer
from mcp_server.progress import TerminalProgress


async def apply_with_consent(
    contract: Contract, words: Mapping[str, Any], plan_hash: str, door: Door, progress: TerminalProgress
) -> Answer:
    """Carry out an apply: the plan that was agreed to before, or the one that is shown now and agreed to.

    contract: of apply_migration. Without a terminal the plan is the answer, and counts as a finding where something is pending.
    """
    if not plan_hash:
        plan = await door.carry_out(contract, words, progress)
        progress.clear()
        offered = plan.data.get("plan_hash") if isinstance(plan.data, dict) else ""
        if not offered or not sys.stdin.isatty():
            return replace(plan, findings=1 if offered else plan.findings)
        if not _agrees(door.say(plan, as_json=False, limit=None)):
            return Answer("Nothing was run.", findings=1)
        plan_hash = str(offered)
    return await door.carry_out(contract, {**words, "plan_hash": plan_hash}, progress)


def _agrees(text: str) -> bool:
    """Whether the person types yes."""
    sys.stdout.write(f"{text}\n\nRun exactly this? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
