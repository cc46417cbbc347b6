"""Sequences and the columns they belong to."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.names import literal
from mcp_server.model.schema import Sequence
from mcp_server.planning.draft import (
    SHARE_ROW_EXCLUSIVE,
    Draft,
    Drafts,
    Phase,
    Recipe,
    Refusal,
    Site,
    comment,
    differing,
    owner,
)
from mcp_server.planning.recipes.identity import BOUNDS, moved_inside
from mcp_server.planning.units import Ownership

_NUMBERS = ("type", "increment", "minimum", "maximum", "start", "cache", "cycle")


def create(sequence: Sequence, site: Site) -> Drafts:
    """CREATE SEQUENCE with what is not the default."""
    unlogged = "UNLOGGED " if sequence.persistence == "unlogged" else ""
    owned = any(isinstance(unit, Ownership) for unit in site.members)
    words = [f"CREATE {unlogged}SEQUENCE {sequence.identity}", *_unusual(sequence)]
    words += [f"OWNED BY {sequence.owned_by}"] if owned else []
    yield Draft(" ".join(words))
    plain = replace(sequence, comment="", owner="")
    yield from alter(plain, sequence, differing(plain, sequence), site)


def _unusual(sequence: Sequence) -> list[str]:
    """The clauses for all that CREATE SEQUENCE would not choose by itself."""
    bound, up = BOUNDS[sequence.type], sequence.increment > 0
    low, high = (1, bound) if up else (-bound - 1, -1)
    start = sequence.minimum if up else sequence.maximum
    words = [f"AS {sequence.type}"] if sequence.type != "bigint" else []
    words += [f"INCREMENT BY {sequence.increment}"] if sequence.increment != 1 else []
    words += [f"MINVALUE {sequence.minimum}"] if sequence.minimum != low else []
    words += [f"MAXVALUE {sequence.maximum}"] if sequence.maximum != high else []
    words += [f"START WITH {sequence.start}"] if sequence.start != start else []
    words += [f"CACHE {sequence.cache}"] if sequence.cache != 1 else []
    return words + (["CYCLE"] if sequence.cycle else [])


def drop(sequence: Sequence, site: Site) -> Drafts:
    """DROP SEQUENCE."""
    yield Draft(f"DROP SEQUENCE {sequence.identity}", why="the number at which it stands is lost")


def alter(before: Sequence, after: Sequence, fields: tuple[str, ...], site: Site) -> Drafts:
    """ALTER SEQUENCE for all numbers at once; persistence, comment, owner."""
    name = f"SEQUENCE {after.identity}"
    if changed := [field for field in _NUMBERS if field in fields]:
        words = " ".join(_clause(field, after) for field in changed)
        if "type" in fields:  # a bound that was the old type's own would move with the type
            rest = [field for field in ("minimum", "maximum") if field not in fields]
            words = " ".join((words, *(_clause(field, after) for field in rest)))
        regclass, up = f"{literal(after.identity)}::regclass", after.increment > 0
        inside, restart = moved_inside(regclass, _bounds(before), _bounds(after), up)
        yield from inside
        narrows = after.maximum < before.maximum if up else after.minimum > before.minimum
        why = "fails when the sequence has passed its new end" if narrows and not restart else ""
        yield Draft(f"ALTER {name} {words}{restart}", _NUMBERS, lock=SHARE_ROW_EXCLUSIVE, why=why)
    if "persistence" in fields and site.since(15):
        yield Draft(
            f"ALTER {name} SET {'LOGGED' if after.persistence == 'permanent' else 'UNLOGGED'}", ("persistence",)
        )
    elif "persistence" in fields:
        yield Refusal(("persistence",), "PostgreSQL 14 cannot change whether a sequence is logged")
    if "comment" in fields:
        yield comment(name, after.comment)
    if "owner" in fields and not after.owned_by:
        yield owner(name, after.owner)


def _bounds(sequence: Sequence) -> tuple[int, int, int]:
    """Minimum, maximum and start."""
    return sequence.minimum, sequence.maximum, sequence.start


def _clause(field: str, sequence: Sequence) -> str:
    return {
        "type": f"AS {sequence.type}",
        "increment": f"INCREMENT BY {sequence.increment}",
        "minimum": f"MINVALUE {sequence.minimum}",
        "maximum": f"MAXVALUE {sequence.maximum}",
        "start": f"START WITH {sequence.start}",
        "cache": f"CACHE {sequence.cache}",
        "cycle": "CYCLE" if sequence.cycle else "NO CYCLE",
    }[field]


def own(ownership: Ownership, site: Site) -> Drafts:
    """OWNED BY a column: the sequence goes with it."""
    sequence = ownership.item
    yield Draft(f"ALTER SEQUENCE {sequence.identity} OWNED BY {sequence.owned_by}", Ownership.fields)


def disown(ownership: Ownership, site: Site) -> Drafts:
    """OWNED BY NONE."""
    yield Draft(f"ALTER SEQUENCE {ownership.identity} OWNED BY NONE", Ownership.fields)


def own_other(before: Ownership, after: Ownership, fields: tuple[str, ...], site: Site) -> Drafts:
    """OWNED BY another column."""
    yield from own(after, site)


SEQUENCE = Recipe(create, drop, alter, make=Phase.SEQUENCE, remove=Phase.REMOVE)
OWNERSHIP = Recipe(own, disown, own_other, order=9)
