"""What the conditions of a plan compare: taken apart, so that rules need no parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Shape = Literal["column", "cast", "call", "arithmetic", "json", "constant", "other"]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    text: as SQL. shape: "column" bare, or what is wrapped around columns; "constant" when no column is in it.
    alias, column: the one column in it, "" when there are several or none. word: the function, type or operator around it.
    """

    text: str
    shape: Shape = "constant"
    alias: str = ""
    column: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition of a plan node.

    node: its number. kind: "Filter", "Index Cond", "Join Filter", … operator: as SQL, in lower case; "in" for = ANY,
    "is null", "is not null", "true" and "false" for a boolean alone, "or" for alternatives, "other" for all else.
    branches: what each alternative of an "or" asks for. text: the whole as SQL.
    """

    node: int
    kind: str
    operator: str
    left: Side
    right: Side = Side("")
    text: str = ""
    branches: tuple[tuple[Comparison, ...], ...] = ()

    @property
    def is_equality(self) -> bool:
        """Whether an index seeks one value, or one of a list."""
        return self.operator in ("=", "in", "is null", "true", "false")

    @property
    def is_range(self) -> bool:
        """Whether an index seeks a stretch of values."""
        return self.operator in ("<", "<=", ">", ">=")

    @property
    def by_value(self) -> bool:
        """Whether the other side is known before the node runs: no column in it."""
        return self.right.shape == "constant"


def leaves(comparisons: tuple[Comparison, ...]) -> Iterator[Comparison]:
    """The comparisons with those inside of alternatives."""
    for one in comparisons:
        if one.operator != "or":
            yield one
        for branch in one.branches:
            yield from leaves(branch)
