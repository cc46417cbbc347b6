"""What apply_migration says: the plan that is to be agreed to, and how it went. Verdict first."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.apply import ApplyPlan, ApplyStep, Leftover, Outcome, Stop
from mcp_server.render.words import count, one_line

SHOWN = 30
LINE = 240


def render_plan(plan: ApplyPlan, confirm: tuple[str, ...] = ()) -> str:
    """What would run, what it stops meanwhile, what it destroys, and how to agree to it."""
    at = ", ".join(plan.heads) or "base (no revision applied)"
    if not plan.steps:
        return "\n".join((f"Nothing to apply: {plan.target} ({plan.label}) is at {at}.", *plan.notes))
    goal = plan.steps[-1].revision.id
    lines = [
        f"Plan {plan.hash}: {count(len(plan.steps), 'revision')} on {plan.target} ({plan.label}), from {at} to {goal}. Nothing was run.",
        *plan.notes,
        *(_leftover(plan.leftover) if plan.leftover else ()),
    ]
    for step in plan.steps:
        lines += ["", *_step(step)]
    lines += ["", *_consent(plan, confirm)]
    return "\n".join(lines)


def _leftover(leftover: Leftover) -> Iterator[str]:
    yield "An earlier apply of the first revision was stopped halfway. Of it there is already:"
    yield from (f"- {one_line(text, LINE)}" for text in leftover.stands[:SHOWN])
    if leftover.way == "finish":
        yield "Its statements may be run again: this apply finishes it."
    elif leftover.way == "mark":
        yield "All that it does is there: this apply only marks the database with it."
    else:
        yield "This apply first takes that back (tried on a copy), then runs the revision from its start:"
        yield from (f"    {one_line(sql, LINE)};" for sql in leftover.undo)


def _step(step: ApplyStep) -> Iterator[str]:
    revision, record = step.revision, step.record
    yield f"{revision.id}  {one_line(revision.message, 100)}  ({revision.file})"
    kind = "one transaction" if record.is_transaction else "statements outside of a transaction"
    again = ", each of which may be run again" if record.repeatable and not record.is_transaction else ""
    yield f"  {count(len(record.statements), 'statement')}, {kind}{again}; rehearsed {record.at} on PostgreSQL {_version(record.server_version)}"
    for statement in record.statements[:SHOWN]:
        locks = ", ".join(
            f"{lock.mode.removesuffix('Lock')} on {lock.relation}{_stops(lock.stops)}" for lock in statement.locks
        )
        yield f"  - {one_line(statement.sql, LINE)}{f'  [{locks}]' if locks else ''}"
    if len(record.statements) > SHOWN:
        yield f"  - showing {SHOWN} of {len(record.statements)} statements; the file has all"
    if record.destroys:
        yield f"  DESTROYS: {', '.join(record.destroys)}"


def _stops(words: str) -> str:
    return f" (stops {words})" if words else ""


def _version(number: int) -> str:
    return f"{number // 10_000}.{number % 10_000}"


def _consent(plan: ApplyPlan, confirm: tuple[str, ...]) -> Iterator[str]:
    names = plan.unconfirmed(confirm)
    named = f", confirm=[{', '.join(_quoted(name) for name in plan.destroys)}]" if plan.destroys else ""
    words = "".join(f" --confirm '{name}'" for name in plan.destroys)
    if names:
        yield f"It destroys rows or values; each object must be named: {', '.join(names)}."
    yield (
        f'To run exactly this: the same call with plan_hash="{plan.hash}"{named} (shell: --plan-hash {plan.hash}{words}).'
    )


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def render_outcome(plan: ApplyPlan, outcome: Outcome) -> str:
    """How an apply went: what was applied, and where it stopped."""
    seconds = outcome.milliseconds / 1000
    tries = [f"{name} was tried {number} times: it met locks." for name, number in outcome.tries]
    if outcome.stop is None:
        last = outcome.applied[-1]
        return "\n".join((
            f"Applied {', '.join(outcome.applied)} to {plan.target} ({plan.label}) in {seconds:.1f} s, "
            f"{count(outcome.statements, 'statement')}.",
            f"The database is at {last}, and its schema is the one that the rehearsal ended with.",
            *tries,
        ))  # fmt: skip
    return "\n".join((*_stopped(plan, outcome, outcome.stop), *tries))


def _stopped(plan: ApplyPlan, outcome: Outcome, stop: Stop) -> Iterator[str]:
    open_ = [step.revision.id for step in plan.steps if step.revision.id not in outcome.applied]
    yield f"STOPPED at {stop.revision} on {plan.target} ({plan.label}): {stop.message}"
    yield f"Applied: {', '.join(outcome.applied) or 'nothing'}. Not applied: {', '.join(open_) or 'nothing'}."
    yield from stop.state
    if stop.stays:
        yield "Ran outside of a transaction, and stays:"
        yield from (f"    {one_line(sql, LINE)};" for sql in stop.stays[:SHOWN])
    if stop.way_back:
        yield (
            f"Way back to {', '.join(plan.heads) or 'base'}:"
            if not outcome.applied
            else f"Way back to {outcome.applied[-1]}:"
        )
        yield from (f"    {one_line(sql, LINE)};" for sql in stop.way_back[:SHOWN])
    if outcome.applied:
        start = ", ".join(plan.heads) or "base"
        yield f"The revisions that were applied stay. Their downgrade(), which the rehearsal walked, leads back to {start}."
    yield f"Next: {stop.hint}" if stop.hint else "Next: see the state above."


def plan_data(plan: ApplyPlan) -> dict[str, object]:
    """The plan for programs."""
    return {
        "plan_hash": plan.hash if plan.steps else "",
        "target": plan.target,
        "database": plan.label,
        "at": list(plan.heads),
        "revisions": [_step_data(step) for step in plan.steps],
        "destroys": list(plan.destroys),
        "leftover": plan.leftover
        and {"way": plan.leftover.way, "stands": list(plan.leftover.stands), "undo": list(plan.leftover.undo)},
        "notes": list(plan.notes),
    }


def _step_data(step: ApplyStep) -> dict[str, object]:
    record = step.record
    return {
        "revision": record.revision,
        "file": step.revision.file,
        "message": step.revision.message,
        "transaction": record.is_transaction,
        "destroys": list(record.destroys),
        "statements": [
            {"sql": one.sql, "locks": {lock.relation: lock.mode for lock in one.locks}, "destroys": list(one.destroys)}
            for one in record.statements
        ],
    }


def outcome_data(plan: ApplyPlan, outcome: Outcome) -> dict[str, object]:
    """How it went, for programs."""
    stop = outcome.stop
    return {
        **plan_data(plan),
        "applied": list(outcome.applied),
        "statements": outcome.statements,
        "milliseconds": outcome.milliseconds,
        "stopped": stop
        and {
            "revision": stop.revision,
            "message": stop.message,
            "next": stop.hint,
            "state": list(stop.state),
            "stays": list(stop.stays),
            "way_back": list(stop.way_back),
        },
    }
