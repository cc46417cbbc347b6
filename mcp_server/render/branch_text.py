"""What a walk on a branch showed, in sentences: verdict first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mcp_server.model.answer import Answer
from mcp_server.model.branch_walk import BranchStage, BranchWalk, walk_data
from mcp_server.model.change import describe
from mcp_server.render.words import one_line

LINE = 300
SHOWN = 5


def render_branch_walk(walk: BranchWalk) -> list[str]:
    """The sentences about a walk on a branch."""
    return [one_line(line, LINE) for line in _told(walk)]


def failed_there(walk: BranchWalk) -> str:
    """Why a migration is rejected after its walk on a branch."""
    stage = walk.failed
    assert stage is not None
    return f"the {stage.command} fails on the rows of {walk.parent or walk.branch}, on the branch {walk.branch}: {stage.failure}"


def with_walk(answer: Answer, walk: BranchWalk) -> Answer:
    """The answer with what the walk showed, before its last line, which says what is next."""
    *lines, last = answer.text.split("\n")
    data = {**answer.data, "on_branch": walk_data(walk)} if isinstance(answer.data, dict) else answer.data
    return replace(answer, text="\n".join((*lines, *render_branch_walk(walk), last)), data=data)


def _told(walk: BranchWalk) -> Iterator[str]:
    kind = "the fresh branch" if walk.is_fresh else "the branch"
    where = f"{kind} {walk.branch}" + (f", a copy of {walk.parent} with its rows" if walk.parent else "")
    if not walk.stages:
        yield f"Not walked on {where}: {walk.note}"
    else:
        rows = f" (about {walk.rows:,})" if walk.rows else ""
        yield f"On {where}{rows}: {', '.join(_stage(one) for one in walk.stages)}."
        yield from _details(walk)
        if walk.note:
            yield walk.note
    if walk.left:
        yield walk.left
    elif walk.is_fresh:
        yield "The branch was removed."


def _stage(stage: BranchStage) -> str:
    return f"{stage.command} {'FAILED' if stage.failure else _seconds(stage.milliseconds)}"


def _details(walk: BranchWalk) -> Iterator[str]:
    held = walk.held[:SHOWN]
    if held:
        told = ", ".join(f"{one.lock.relation} {_seconds(one.milliseconds)} (stops {one.lock.stops})" for one in held)
        more = f" and {len(walk.held) - SHOWN} more" if len(walk.held) > SHOWN else ""
        yield f"Locked there, at most: {told}{more}."
    slowest = walk.stages[0].slowest
    if slowest is not None:
        yield f"Slowest there: {_seconds(slowest.milliseconds)} for `{one_line(' '.join(slowest.sql.split()), 100)}`."
    if walk.returned:
        changes = "; ".join(describe(one) for one in walk.returned[:SHOWN])
        yield f"The downgrade did not lead back: {changes}."


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 10 else f"{milliseconds:.1f} ms"
