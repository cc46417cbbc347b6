"""A first answer within a moment: what the planner would take for the statements that cost most, before anything is searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic

from mcp_server.model.candidate import Candidate
from mcp_server.model.workload import Query
from mcp_server.operations.index_search import Survey, prepare
from mcp_server.planning.asked_prices import Set
from mcp_server.world.table_statistics import Known
from mcp_server.world.what_if import Trial

FEW, SHOWN = 30, 3
LEAST = 0.2


async def first_answer(
    trial: Trial,
    known: Known,
    queries: Sequence[Query],
    offers: Mapping[str, Set],
    survey: Survey,
    until: float,
) -> str:
    """One sentence for whoever waits; "" when nothing was found in time. The trial is left as it was.

    until: by the clock of the process; where it is past already a moment is taken all the same.
    """
    until = max(until, monotonic() + LEAST)
    before = after = 0.0
    taken: dict[Candidate, None] = {}
    seen = 0
    for query in sorted(queries, key=lambda one: -survey.base[one.name]):
        if monotonic() > until:
            break
        simple = sorted(offers[query.name], key=lambda one: (len(one.include), len(one.keys), one))[:FEW]
        await prepare(trial, known, simple, survey)
        survey.planner.asked += 1
        cost, used, _ = await trial.plan(query.runnable, frozenset(simple))
        taken |= dict.fromkeys(sorted(used))
        before, after, seen = before + survey.base[query.name], after + cost, seen + 1
    await trial.drop(tuple(trial.parts))
    if not taken:
        return ""
    listed = ", ".join(one.short for one in list(taken)[:SHOWN]) + (
        f" and {len(taken) - SHOWN} more" * (len(taken) > SHOWN)
    )
    return (
        f"First estimate, by {seen} of {len(queries)} statements: {listed} would cut their planner's cost "
        f"by {1 - after / before:.0%}; the search goes on"
    )
