"""Which findings the same call proved: by the indexes or the wording that it tried, or by the page that it asked for by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.model.finding import Finding
from mcp_server.model.trial import Trial
from mcp_server.render.plan_node import milliseconds
from mcp_server.rules import judge

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.operations.paging import Advice
    from mcp_server.world.explain import Explained

    Connection = asyncpg.Connection[asyncpg.Record]


async def cured_by(
    connection: Connection, trial: Trial | None, asked: Explained | None, left: Sequence[Finding]
) -> tuple[Finding, ...]:
    """What the rules found before a measured trial that helped, and no longer find. asked: as it was. left: what they find now."""
    if trial is None or asked is None or not trial.helps or not (trial.before.runs and trial.after.runs):
        return ()
    from mcp_server.world.examination import examine

    examined = await examine(connection, asked.sql, asked.kind, trial.before.plan)
    still = {(one.code, one.subject) for one in left}
    proven = f"Proven by this trial, {_span(trial.before.milliseconds, trial.after.milliseconds)} in all"
    gone = (one for one in judge(examined).findings if (one.code, one.subject) not in still and one.severity != "info")
    return tuple(sorted((replace(one, proven=proven) for one in gone), key=lambda one: -one.gain))


def with_paging(findings: Sequence[Finding], advice: Advice | None) -> tuple[Finding, ...]:
    """The same, with the proof of the page by key at the finding that it cures."""
    proof = advice.proof if advice else None
    if advice is None or proof is None or not proof.same or proof.by_offset is None or proof.by_key is None:
        return tuple(findings)
    if proof.by_key >= proof.by_offset:
        return tuple(findings)
    told = f"Proven, {_span(proof.by_offset, proof.by_key)} for the same {proof.rows} rows on {proof.where}"
    return tuple(replace(one, fix=advice.sql, proven=told) if one.code == "F129" else one for one in findings)


def _span(before: float, after: float) -> str:
    return f"{milliseconds(before)} -> {milliseconds(after)} ms"
