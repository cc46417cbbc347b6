"""Voices of a Spec that contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import TypeVar

from mcp_server.model.spec_table import Spec, SpecColumn, SpecTable, Voice

Value = TypeVar("Value")


def columns_of(spec: Spec) -> Iterator[tuple[SpecTable, SpecColumn]]:
    """Every column of every table that is ours."""
    for table in spec.tables:
        for column in table.columns:
            yield table, column


def contradiction(
    column: SpecColumn, say: Callable[[Voice], Value | None], differ: Callable[[Value, Value], bool]
) -> tuple[Voice, Voice] | None:
    """The first two voices that say different things. say: what a voice says, None for nothing. Sketches are not heard."""
    heard = [(voice, said) for voice in column.voices if voice.strength != "weak" and (said := say(voice)) is not None]
    for (one, mine), (other, theirs) in combinations(heard, 2):
        if differ(mine, theirs):
            return one, other
    return None


def both_places(one: Voice, other: Voice) -> str:
    """`specs/a.md:3 and specs/b.md:9`, the first document's first."""
    first, second = sorted((one.place, other.place), key=lambda place: (place.file, place.line))
    return f"{first} and {second}"


def first_place(one: Voice, other: Voice) -> str:
    """The place that stands first."""
    return str(min((one.place, other.place), key=lambda place: (place.file, place.line)))
