"""A Plan, or one of its phases, becomes an Alembic revision: the whole file, as a person would write it.

The docstring tells what the revision does and risks, what it locks, what its downgrade can bring back, and the hash of
the plan it was made from. Both directions use Alembic's own operations where there is one.

A transaction that takes strong locks waits for them for a short time only: it happens at once, or it fails without a
trace and may be run again; whoever runs it does that. Outside of a transaction running it again would build again what
is built, so there each statement that takes a strong lock tries again by itself (`briefly` in the file).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from mcp_server.model.change import Added, Altered, describe
from mcp_server.model.lock import Lock
from mcp_server.model.phase import Phase, is_transactional
from mcp_server.model.plan import Plan, Step
from mcp_server.model.schema import Schema
from mcp_server.render import phase_text
from mcp_server.render.alembic_operations import Direction, blocks, direction
from mcp_server.render.alembic_types import Types, Version
from mcp_server.render.phase_text import ALONE, Place
from mcp_server.render.python_source import Bracket, Source, call, calls_into, formatted, listed, string

_WIDTH = 86
_SHOWN = 20
_BRIEFLY = '''def briefly(statement) -> None:
    """Wait for a lock that stops others for 3 s at most, and try again later.

    Who comes after a statement that waits for such a lock waits behind it.
    """
    for pause in (1, 2, 4, 8, 16, 32, 0):
        op.execute("SET lock_timeout = '3s'")
        try:
            op.execute(statement)
            return
        except sa.exc.DBAPIError as error:
            code = getattr(error.orig, "sqlstate", getattr(error.orig, "pgcode", ""))
            if code != "55P03" or not pause:  # lock_not_available
                raise
            time.sleep(pause)
        finally:
            op.execute("RESET lock_timeout")'''


@dataclass(frozen=True, slots=True)
class Heading:
    """What identifies a revision.

    down_revision: None for a first one, several for a merge. created: as the file shall say it.
    """

    revision: str
    down_revision: str | tuple[str, ...] | None
    message: str
    created: datetime
    branch_labels: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()


def render(
    plan: Plan,
    *,
    revision: str,
    down_revision: str | tuple[str, ...] | None,
    message: str,
    created: datetime,
    branch_labels: tuple[str, ...] = (),
    depends_on: tuple[str, ...] = (),
    sqlalchemy: Version = (2, 0),
    known: Iterable[Schema] = (),
    notes: Iterable[str] = (),
    phase: Phase | None = None,
    place: Place = ALONE,
) -> str:
    """The revision file. notes: what a reader of it should mind besides, one sentence each.

    phase: what of the plan it does, and `place` which of how many; without one it does all of it in its plain form.

    sqlalchemy: the version that the project uses, from 1.4. known: the Schemas before and after, which hold the values
    of enums and the base types of domains that the plan does not touch; without them such a type is written as SQL.
    """
    heading = Heading(revision, down_revision, message, created, branch_labels, depends_on)
    schemas = (_made_by(plan.downgrade), *known, _made_by(plan.upgrade))
    done = phase or Phase("expand", plan.upgrade, plan.downgrade)
    up = _Body("upgrade", direction(done.upgrade, Types(sqlalchemy, schemas)), phase)
    down = _Body("downgrade", direction(done.downgrade, Types(sqlalchemy, schemas[::-1])), phase)
    docstring = _docstring(plan, heading, tuple(notes), phase, place)
    own = ("", "", _BRIEFLY) if up.retries or down.retries else ()
    parts = (docstring, _imports(up, down), _identifiers(heading), *own, "", "", up.text, "", "", down.text)
    return "\n".join(parts) + "\n"


def _made_by(steps: tuple[Step, ...]) -> Schema:
    """The objects that steps make, as they make them."""
    made = (step.change.item for step in steps if isinstance(step.change, Added))
    return Schema.of({(item.word, item.identity): item for item in made}.values())


class _Body:
    """One of the two functions: its text, and the calls in it. retries: it uses `briefly`."""

    def __init__(self, name: str, around: Direction, phase: Phase | None) -> None:
        self.calls: list[Source] = []
        self.retries = False
        lines = [f"def {name}() -> None:"]
        if name == "downgrade" and phase is not None and phase.again and not around.steps:
            lines += textwrap.wrap(phase.again, _WIDTH, initial_indent="    # ", subsequent_indent="    # ")
        lines += self._waiting(around) if phase is not None else []
        for transactional, group in blocks(around):
            indent = 4 if transactional else 8
            if not transactional:
                self.calls.append(call("op.get_context"))
                lines.append("    with op.get_context().autocommit_block():")
            for step, calls in group:
                told = [self._retried(step, one) for one in calls] if phase is not None else calls
                self.calls += told
                lines += [*_commented(step, indent), *(formatted(one, indent) for one in told)]
        self.text = "\n".join(lines if self.calls else [*lines, "    pass"])

    def _waiting(self, around: Direction) -> list[str]:
        """How long a transaction waits for its locks."""
        time = phase_text.lock_timeout(around.steps) if is_transactional(around.steps) else 0
        if not time:
            return []
        source = call("op.execute", string(f"SET LOCAL lock_timeout = '{phase_text.spelled(time)}'"))
        self.calls.append(source)
        return [formatted(source, 4)]

    def _retried(self, step: Step, source: Source) -> Source:
        """A statement outside of a transaction that takes a strong lock tries again by itself."""
        strong = any(Lock(relation, mode).is_blocking for relation, mode in phase_text.taken(step))
        if step.transactional or not strong or not isinstance(source, Bracket):
            return source
        self.retries = True
        return replace(source, head="briefly(") if source.head == "op.execute(" else source

    def uses(self, module: str) -> bool:
        return any(calls_into(one, module) for one in self.calls) or (self.retries and module in ("op", "sa"))


def _commented(step: Step, indent: int) -> list[str]:
    """A remark above a step that loses something or may fail on rows."""
    if not step.destructive and not phase_text.may_fail(step):
        return []
    word = "DESTRUCTIVE: " if step.destructive else ""
    pad = " " * indent + "# "
    return textwrap.wrap(word + step.why, _WIDTH, initial_indent=pad, subsequent_indent=pad)


def _imports(*bodies: _Body) -> str:
    """The imports that are needed, and no other."""
    modules = {"op": "from alembic import op", "sa": "import sqlalchemy as sa"}
    modules["postgresql"] = "from sqlalchemy.dialects import postgresql"
    lines = [line for name, line in modules.items() if any(body.uses(name) for body in bodies)]
    own = ["import time", ""] if any(body.retries for body in bodies) else []
    return "\n".join(["", *own, *lines, ""]) if lines else ""


def _identifiers(heading: Heading) -> str:
    pairs = {
        "revision": heading.revision,
        "down_revision": heading.down_revision,
        "branch_labels": heading.branch_labels or None,
        "depends_on": heading.depends_on or None,
    }
    lines = ["# revision identifiers, used by Alembic."]
    for name, value in pairs.items():
        lines.append(f"{name} = {_literal(value)}")
    return "\n".join(lines)


def _literal(value: str | tuple[str, ...] | None) -> str:
    if value is None:
        return "None"
    if isinstance(value, str):
        return string(value)
    items: list[Source] = [string(one) for one in value]
    inner = formatted(listed(items), 0)[1:-1]
    return f"({inner},)" if len(items) == 1 else f"({inner})"


def _docstring(plan: Plan, heading: Heading, notes: tuple[str, ...], phase: Phase | None, place: Place) -> str:
    down = heading.down_revision
    revises = down if isinstance(down, str) else ", ".join(down or ())
    done = plan if phase is None else replace(plan, upgrade=phase.upgrade, downgrade=phase.downgrade)
    told = _phase_told(phase, place) if phase is not None else []
    which = f" ({place.number} of {place.count}: {phase.name})" if phase is not None and place.count > 1 else ""
    lines = [
        heading.message.strip() + which,
        "",
        f"Revision ID: {heading.revision}",
        f"Revises: {revises}".rstrip(),
        f"Create Date: {heading.created.isoformat(sep=' ')}",
        "",
        *told,
        *_paragraph("Risk", _risks(done, phase)),
        "",
        *_paragraph("Rollback", _rollback(done, phase)),
        "",
        *([*_paragraph("Mind", list(notes)), ""] if notes else []),
        *_next(phase, place),
        f"Plan: {plan.hash}, from schema {plan.before} to {plan.after}",
    ]
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{text}\n"""'


def _phase_told(phase: Phase, place: Place) -> list[str]:
    """What it is for, what it does, its class, its locks, how long it takes."""
    done = dict.fromkeys(_whole(step) for step in phase.upgrade if step.fields != ("",))
    what = [f"{one}." for one in list(done)[:_SHOWN]] + [f"and {len(done) - _SHOWN} more." for _ in done][
        _SHOWN : _SHOWN + 1
    ]
    lines = [*_paragraph("Phase", [f"{phase.name}: {phase_text.PURPOSES[phase.name]}."]), ""]
    lines += [*_paragraph("Does", what), ""] if what else []
    lines += [f"Class: {phase_text.risk_class(phase)}", ""]
    locks = phase_text.locks(phase)
    lines += [*_paragraph("Locks", list(locks) or ["none that others would notice."]), ""]
    return [*lines, *_paragraph("Takes", [f"{one}." for one in phase_text.durations(phase)]), ""]


def _next(phase: Phase | None, place: Place) -> list[str]:
    """What has to happen before the next revision."""
    if phase is None or place.number == place.count:
        return []
    return [*_paragraph("Before the next revision", [f"{phase.deploy or 'nothing has to be deployed'}."]), ""]


def _paragraph(title: str, entries: list[str]) -> list[str]:
    if len(entries) == 1:
        return textwrap.wrap(f"{title}: {entries[0]}", _WIDTH, break_long_words=False, break_on_hyphens=False)
    lines = [f"{title}:"]
    for entry in entries:
        lines += textwrap.wrap(entry, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False,
                               break_on_hyphens=False)  # fmt: skip
    return lines


def _told(step: Step) -> str:
    return describe(step.change).partition(" (")[0]


def _whole(step: Step) -> str:
    """A step with the fields that it changes."""
    fields = step.fields or (step.change.fields if isinstance(step.change, Altered) else ())
    return f"{_told(step)} ({', '.join(name.replace('_', ' ') for name in fields)})" if fields else _told(step)


def _risks(plan: Plan, phase: Phase | None) -> list[str]:
    """What is lost, what may fail on rows, what stands still, and what is left undone."""
    found = [f"DESTRUCTIVE: {_told(step)}: {step.why or 'values are lost'}." for step in plan.destructive]
    found += [f"REQUIRES DOWNTIME: {text}." for text in (phase.downtime if phase is not None else ())]
    failing = (step for step in plan.upgrade if not step.destructive and phase_text.may_fail(step))
    found += dict.fromkeys(f"{_told(step)}: {step.why}." for step in failing)
    outside = (step for step in plan.upgrade if not step.transactional and phase is None)
    found += [f"{_told(step)}: outside of a transaction; {step.why}." for step in outside]
    found += [f"NOT DONE: {describe(one.change)}: {one.reason}." for one in plan.residue]
    return found or ["no rows or values are lost."]


def _rollback(plan: Plan, phase: Phase | None) -> list[str]:
    """What downgrade does and what it cannot bring back."""
    if not plan.downgrade:
        return [f"downgrade() has nothing to do{f': {phase.again}' if phase is not None and phase.again else ''}."]
    lost = dict.fromkeys(_told(step) for step in plan.destructive)
    found = [f"downgrade() brings the structure back, but not what was lost by: {'; '.join(lost)}."] if lost else []
    gone = (step for step in plan.downgrade if step.destructive)
    found += [f"downgrade() loses: {_told(step)}: {step.why or 'values are lost'}." for step in gone]
    found += [f"{_told(step)}: {step.why}." for step in plan.downgrade if "stands in every row" in step.why]
    found += [f"downgrade() REQUIRES DOWNTIME: {text}." for text in (phase.downtime_back if phase is not None else ())]
    return found or ["downgrade() restores the previous schema; no rows or values are lost."]
