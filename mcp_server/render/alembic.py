"""A Plan becomes an Alembic revision: the whole file, as a person would write it.

The docstring tells what the revision risks, what its downgrade can bring back, and the hash of the plan it was made
from. Both directions use Alembic's own operations where there is one.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mcp_server.model.change import Added, describe
from mcp_server.model.plan import Plan, Step
from mcp_server.model.schema import Schema
from mcp_server.render.alembic_operations import Direction, blocks, direction
from mcp_server.render.alembic_types import Types, Version
from mcp_server.render.python_source import Source, call, calls_into, formatted, listed, string

_WIDTH = 86


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
) -> str:
    """The revision file. notes: what a reader of it should mind besides, one sentence each.

    sqlalchemy: the version that the project uses, from 1.4. known: the Schemas before and after, which hold the values
    of enums and the base types of domains that the plan does not touch; without them such a type is written as SQL.
    """
    heading = Heading(revision, down_revision, message, created, branch_labels, depends_on)
    schemas = (_made_by(plan.downgrade), *known, _made_by(plan.upgrade))
    up = _Body("upgrade", direction(plan.upgrade, Types(sqlalchemy, schemas)))
    down = _Body("downgrade", direction(plan.downgrade, Types(sqlalchemy, schemas[::-1])))
    docstring = _docstring(plan, heading, tuple(notes))
    parts = (docstring, _imports(up, down), _identifiers(heading), "", "", up.text, "", "", down.text)
    return "\n".join(parts) + "\n"


def _made_by(steps: tuple[Step, ...]) -> Schema:
    """The objects that steps make, as they make them."""
    made = (step.change.item for step in steps if isinstance(step.change, Added))
    return Schema.of({(item.word, item.identity): item for item in made}.values())


class _Body:
    """One of the two functions: its text, and the calls in it."""

    def __init__(self, name: str, around: Direction) -> None:
        self.calls: list[Source] = []
        lines = [f"def {name}() -> None:"]
        for transactional, group in blocks(around):
            indent = 4 if transactional else 8
            if not transactional:
                self.calls.append(call("op.get_context"))
                lines.append("    with op.get_context().autocommit_block():")
            for step, calls in group:
                self.calls += calls
                lines += [*_commented(step, indent), *(formatted(one, indent) for one in calls)]
        self.text = "\n".join(lines if self.calls else [*lines, "    pass"])

    def uses(self, module: str) -> bool:
        return any(calls_into(one, module) for one in self.calls)


def _commented(step: Step, indent: int) -> list[str]:
    """A remark above a step that loses something or may fail on rows."""
    if not step.destructive and "fail" not in step.why:
        return []
    word = "DESTRUCTIVE: " if step.destructive else ""
    pad = " " * indent + "# "
    return textwrap.wrap(word + step.why, _WIDTH, initial_indent=pad, subsequent_indent=pad)


def _imports(*bodies: _Body) -> str:
    """The imports that are needed, and no other."""
    modules = {"op": "from alembic import op", "sa": "import sqlalchemy as sa"}
    modules["postgresql"] = "from sqlalchemy.dialects import postgresql"
    lines = [line for name, line in modules.items() if any(body.uses(name) for body in bodies)]
    return "\n".join(["", *lines, ""]) if lines else ""


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


def _docstring(plan: Plan, heading: Heading, notes: tuple[str, ...]) -> str:
    down = heading.down_revision
    revises = down if isinstance(down, str) else ", ".join(down or ())
    lines = [
        heading.message.strip(),
        "",
        f"Revision ID: {heading.revision}",
        f"Revises: {revises}".rstrip(),
        f"Create Date: {heading.created.isoformat(sep=' ')}",
        "",
        *_paragraph("Risk", _risks(plan)),
        "",
        *_paragraph("Rollback", _rollback(plan)),
        "",
        *([*_paragraph("Mind", list(notes)), ""] if notes else []),
        f"Plan: {plan.hash}, from schema {plan.before} to {plan.after}",
    ]
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{text}\n"""'


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


def _risks(plan: Plan) -> list[str]:
    """What is lost, what may fail on rows, and what is left undone."""
    found = [f"DESTRUCTIVE: {_told(step)}: {step.why or 'values are lost'}." for step in plan.destructive]
    found += [f"{_told(step)}: {step.why}." for step in plan.upgrade if not step.destructive and "fail" in step.why]
    found += [
        f"{_told(step)}: outside of a transaction; {step.why}." for step in plan.upgrade if not step.transactional
    ]
    found += [f"NOT DONE: {describe(one.change)}: {one.reason}." for one in plan.residue]
    return found or ["no rows or values are lost."]


def _rollback(plan: Plan) -> list[str]:
    """What downgrade does and what it cannot bring back."""
    if not plan.downgrade:
        return ["downgrade() has nothing to do."]
    lost = [_told(step) for step in plan.destructive]
    found = [f"downgrade() brings the structure back, but not what was lost by: {'; '.join(lost)}."] if lost else []
    found += [
        f"downgrade() loses: {_told(step)}: {step.why or 'values are lost'}."
        for step in plan.downgrade
        if step.destructive
    ]
    return found or ["downgrade() restores the previous schema; no rows or values are lost."]
