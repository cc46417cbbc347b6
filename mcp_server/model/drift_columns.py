"""Where two descriptions of one column disagree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mcp_server.model.described import Described, DescribedColumn, DescribedTable
from mcp_server.model.orm import Place
from mcp_server.model.spec import NOWHERE, alike

Harm = Literal["breaking", "integrity", "performance", "cosmetic"]
_TEXTS = frozenset({"text", "character varying", "citext"})
_NUMBERS = ("smallint", "integer", "bigint")
_NEAR = (frozenset({"json", "jsonb"}), frozenset(_NUMBERS), frozenset({"double precision", "real", "numeric"}))


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs. left, right: in the words of each side, "" for nothing."""

    kind: str
    harm: Harm
    left: str
    right: str
    left_place: Place = NOWHERE
    right_place: Place = NOWHERE


def compare_columns(
    mine: DescribedColumn, theirs: DescribedColumn, table: DescribedTable, left: Described, right: Described
) -> Iterator[Difference]:
    """The differences of a column that both sides have."""
    typed = _type(mine, theirs)
    if typed:
        yield typed
    else:
        yield from (one for one in (_values(mine, theirs), None if table.external else _length(mine, theirs)) if one)
    for found in (_nullable(mine, theirs), _follows(mine, theirs)):
        if found:
            yield found
    yield from _reference(mine, theirs, left, right)


def told(kind: str, harm: Harm, words: tuple[str, str], mine: DescribedColumn, theirs: DescribedColumn) -> Difference:
    """A difference with the places of both columns."""
    return Difference(kind, harm, *words, mine.place, theirs.place)


def _type(mine: DescribedColumn, theirs: DescribedColumn) -> Difference | None:
    if not mine.types or not theirs.types:
        return None
    words = mine.written, theirs.written
    if _enumerated_alike(mine, theirs):
        spelled = _only_spelled(mine.values, theirs.values)
        return told("type", "breaking", _with_values(mine, theirs), mine, theirs) if spelled else None
    if _fits(mine.types, theirs.types):
        return told("type", "integrity", words, mine, theirs) if _sized_apart(mine, theirs) else None
    near = any(mine.types[0] in group and theirs.types[0] in group for group in _NEAR)
    return told("type", "integrity" if near else "breaking", words, mine, theirs)


def _sized_apart(mine: DescribedColumn, theirs: DescribedColumn) -> bool:
    """Whether `numeric(10,2)` stands against `numeric(12,2)`, or against none where that is said in so many words."""
    if mine.arguments == theirs.arguments:
        return False
    return bool(mine.arguments) or (mine.spoken and bool(theirs.arguments))


def _with_values(mine: DescribedColumn, theirs: DescribedColumn) -> tuple[str, str]:
    return tuple(
        f"{one.written} of {', '.join(one.values)}" if one.values and one.types != ("enum",) else one.written
        for one in (mine, theirs)
    )  # type: ignore[return-value]


def _enumerated_alike(mine: DescribedColumn, theirs: DescribedColumn) -> bool:
    """Whether one is a native enum and the other text with the values told, or an enum, too."""
    kinds = (mine.types[0], theirs.types[0])
    if "enum" not in kinds:
        return False
    other = theirs if kinds[0] == "enum" else mine
    return kinds == ("enum", "enum") or (
        other.types[0] in _TEXTS and (bool(other.values) or not other.spoken or kinds[0] == "enum")
    )


def _only_spelled(mine: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Whether values differ in case alone, as names and values of a Python enum do."""
    if not mine or not theirs or set(mine) == set(theirs):
        return False
    return {one.lower() for one in mine} == {one.lower() for one in theirs}


def _fits(mine: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    if set(mine) & set(theirs):
        return True
    if set(mine) & _TEXTS and set(theirs) & _TEXTS:
        return True
    plain = {re.sub(r"\(.*?\)", "", one) for one in mine}, {re.sub(r"\(.*?\)", "", one) for one in theirs}
    if plain[0] & plain[1]:
        return True
    arrays = (
        {one.removesuffix("[]") for one in plain[0] if one.endswith("[]")},
        {one.removesuffix("[]") for one in plain[1] if one.endswith("[]")},
    )
    return bool(arrays[0] and arrays[1]) and _fits(tuple(arrays[0]), tuple(arrays[1]))


def _values(mine: DescribedColumn, theirs: DescribedColumn) -> Difference | None:
    if not mine.values or set(mine.values) == set(theirs.values) or not mine.types or not theirs.types:
        return None
    if not theirs.values and (theirs.types[0] not in _TEXTS or mine.types != ("enum",)):
        return None
    right = ", ".join(theirs.values) if theirs.values else f"{theirs.written}, no check"
    return told("enum values", "integrity", (", ".join(mine.values), right), mine, theirs)


def _length(mine: DescribedColumn, theirs: DescribedColumn) -> Difference | None:
    """Lengths: a bound that is only told holds where no TEXT says that there is none."""
    if not (set(mine.types) & (_TEXTS | {"character"}) and set(theirs.types) & (_TEXTS | {"character"})):
        return None
    wanted, has = mine.length or (None if mine.unbounded else max(mine.bounds, default=None)), theirs.length
    words = mine.written + (f", at most {wanted}" if wanted and not mine.length else ""), theirs.written
    if has is not None and (has == wanted or has in mine.bounds):
        return None
    if wanted is not None and (theirs.spoken or has is not None):
        return told("length", "integrity", words, mine, theirs) if wanted != has else None
    if wanted is None and has is not None and mine.unbounded:
        return told("length", "integrity", words, mine, theirs)
    return None


def _nullable(mine: DescribedColumn, theirs: DescribedColumn) -> Difference | None:
    if mine.nullable is None or theirs.nullable is None or mine.nullable == theirs.nullable or mine.primary_key:
        return None
    if mine.silent and mine.default is not None:
        return None
    words = tuple("nullable" if one.nullable else "not null" for one in (mine, theirs))
    return told(
        "nullable", "cosmetic" if mine.silent and mine.nullable else "integrity", (words[0], words[1]), mine, theirs
    )


def _follows(mine: DescribedColumn, theirs: DescribedColumn) -> Difference | None:
    if mine.follows is True and theirs.follows is False:
        return told("onupdate missing", "integrity", ("changes with its row", "nothing changes it"), mine, theirs)
    return None


def _reference(
    mine: DescribedColumn, theirs: DescribedColumn, left: Described, right: Described
) -> Iterator[Difference]:
    if mine.denied:
        return
    target = f"{mine.references}.{mine.referenced_column or 'id'}"
    if mine.references and not theirs.references:
        if mine.references != "?" and not right.is_spec:
            yield told("fk missing", "integrity", (target, "none"), mine, theirs)
        return
    if theirs.references and not mine.references:
        if mine.spoken and not left.is_spec:
            yield told("fk extra", "integrity", ("none", theirs.references), mine, theirs)
        return
    if not mine.references:
        return
    if mine.references != "?" and alike(mine.references) != alike(theirs.references):
        yield told("fk target", "breaking", (target, f"{theirs.references}.{theirs.referenced_column}"), mine, theirs)
    elif mine.on_delete and (mine.on_delete != (theirs.on_delete or "no action")):
        if theirs.on_delete or not right.is_spec:
            yield told("ondelete", "integrity", (mine.on_delete, theirs.on_delete), mine, theirs)
    elif not mine.on_delete and theirs.on_delete not in ("", "no action"):
        yield told("ondelete", "integrity" if mine.spoken else "cosmetic", ("not said", theirs.on_delete), mine, theirs)
