"""An Architecture Decision Record (ADR): what was decided about the whole, why, and what was given up for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mcp_server.model.change import Added, Altered, Change
from mcp_server.model.copied import is_copy
from mcp_server.model.names import split
from mcp_server.model.record import Run
from mcp_server.model.schema import Column, Constraint, Index, Schema, Table, View

STATUSES = ("Proposed", "Accepted", "Superseded", "Rejected")
# Answers that say that there is nothing to say, and those that do not agree.
_NOTHING = frozenset({"", "-", "no", "none", "n/a", "na", "false", "nothing", "not applicable"})
_REFUSALS = _NOTHING | {"nope", "not yet", "not now", "later", "don't", "do not", "unknown", "pending"}


@dataclass(frozen=True, slots=True)
class Decision:
    """An ADR, to be written or as it was.

    impact: the long-term consequence. alternatives: those that were weighed, each with why it lost. scope: whom else it
    binds. consent: the words by which a person agreed to the record. date: YYYY-MM-DD. feature: "" for none. spec, plan,
    related, phr: paths or links, "" for none. id: digits as in the file's name. path: relative, with slashes.
    """

    title: str
    decision: str
    consent: str
    context: str = ""
    impact: str = ""
    alternatives: tuple[str, ...] = ()
    scope: str = ""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    status: str = "Proposed"
    date: str = ""
    feature: str = ""
    spec: str = ""
    plan: str = ""
    related: str = ""
    phr: str = ""
    evidence: tuple[Run, ...] = ()
    id: str = ""
    path: str = ""


def unmet(decision: Decision) -> Iterator[str]:
    """Which parts of the three-part test have no answer; a decision that misses one is a note in a PHR, not an ADR."""
    if _nothing(decision.impact):
        yield "impact (a long-term consequence, as for the data model, an interface, security or the platform)"
    if not any(not _nothing(one) for one in decision.alternatives):
        yield "alternatives (other ways that were open, and why they lost)"
    if _nothing(decision.scope):
        yield "scope (what else it binds, beyond one detail)"


def agrees(decision: Decision) -> bool:
    """Whether a person's words of consent are given, and are not those of a refusal."""
    return decision.consent.strip().strip(".!").lower() not in _REFUSALS


def _nothing(answer: str) -> bool:
    return answer.strip().strip(".").lower() in _NOTHING


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that was chosen about a database and that others will ask about. kind: as told. subject: what it is about."""

    kind: str
    subject: str

    @property
    def brief(self) -> str:
        """`a new table tags`."""
        return f"{self.kind} {self.subject}".strip()


def choices_of(changes: Iterable[Change], after: Schema) -> tuple[Choice, ...]:
    """The choices that changes towards a schema make; an ordinary column, key or index is none."""
    keys = {key.table: key.columns for key in after.all(Constraint) if key.kind == "p"}
    return tuple(dict.fromkeys(choice for change in changes for choice in _choices(change, keys, after)))


def _choices(change: Change, keys: Mapping[str, tuple[str, ...]], after: Schema) -> Iterator[Choice]:
    match change:
        case Added(item=Table(partition_of="") as table):
            yield Choice("a partitioned table" if table.partition_by else "a new table", table.name)
        case Added(item=Index(constraint="", parent="") as index) if _is_strategy(index):
            yield Choice("an index strategy for", split(index.table)[-1])
        case Added(item=Column() as column) if is_copy(column, after):
            yield Choice("denormalised data in", f"{split(column.table)[-1]}.{column.name}")
        case Added(item=View(materialized=True) as view):
            yield Choice("denormalised data in", view.name)
        case Altered(after=Column() as column, fields=fields) if "type" in fields:
            if column.name in keys.get(column.table, ()):
                yield Choice("another key type of", split(column.table)[-1])


def _is_strategy(index: Index) -> bool:
    """More than a btree on plain columns."""
    return index.method != "btree" or bool(index.predicate or index.include) or "" in index.columns
