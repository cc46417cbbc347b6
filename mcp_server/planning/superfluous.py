"""Indexes that are there and that another one makes superfluous, or that nobody has used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mcp_server.model.candidate import Candidate, Dropping
from mcp_server.model.schema import Index
from mcp_server.model.usage import Usage

# Smaller ones cost next to nothing, and their going is not worth a decision.
LEAST_UNUSED = 1024 * 1024


def superfluous(indexes: Iterable[Index], accepted: Iterable[Candidate], usage: Usage) -> tuple[Dropping, ...]:
    """The indexes that could go. Never one that is unique, carries a constraint, or belongs to a partitioned one."""
    every = tuple(one for one in indexes if one.valid)
    new = tuple(accepted)
    return tuple(found for one in every if _may_go(one) for found in _judged(one, every, new, usage))


def _may_go(one: Index) -> bool:
    return not (one.unique or one.constraint or one.parent or one.clustered)


def _judged(one: Index, every: Iterable[Index], new: Iterable[Candidate], usage: Usage) -> Iterator[Dropping]:
    use = usage.indexes.get(one.identity)
    size = use.size if use else None
    wider = next((other for other in every if other != one and _begins_with(other, one)), None)
    made = next((other for other in new if _new_begins_with(other, one)), None)
    if wider is not None:
        yield Dropping(one.identity, f"{wider.identity} begins with the same keys", size)
    elif made is not None:
        yield Dropping(one.identity, f"the new {made.short} begins with the same keys", size)
    elif use is not None and use.scans == 0 and (size or 0) >= LEAST_UNUSED and usage.since:
        yield Dropping(one.identity, f"no scan has used it since {usage.since} UTC, on this server", size)


def _begins_with(other: Index, one: Index) -> bool:
    same = (other.table, other.method, other.predicate) == (one.table, one.method, one.predicate)
    longer = len(other.keys) > len(one.keys) or (len(other.keys) == len(one.keys) and other.name < one.name)
    held = set(one.include) <= {*other.include, *other.columns}
    return same and one.method == "btree" and longer and held and other.keys[: len(one.keys)] == one.keys


def _new_begins_with(other: Candidate, one: Index) -> bool:
    same = (other.table, other.method, bool(other.where)) == (one.table, one.method, False)
    held = set(one.include) <= other.stored
    return same and not one.predicate and held and other.keys[: len(one.keys)] == one.keys
