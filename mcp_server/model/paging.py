"""Paging by key: what comes behind the last row that was seen, instead of counting from the first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that the pages are ordered by.

    expression: SQL. alias, column: the table's alias and the column in it. type: of the value that stands for it in the
    cursor. stand_in: what stands in the place of NULL, as SQL, "" where NULL is not allowed. tests_null: it is `column is
    null`, which puts NULLs where they belong.
    """

    expression: str
    alias: str
    column: str
    type: str
    descending: bool = False
    stand_in: str = ""
    tests_null: bool = False


@dataclass(frozen=True, slots=True)
class Paging:
    """How to ask for the next page.

    keys: in order. added: how many of them were added so that no two rows are alike. first: the number of the first new
    parameter. condition, order: SQL for WHERE and ORDER BY. python: the same for SQLAlchemy and SQLModel.
    """

    keys: tuple[Key, ...]
    added: int
    first: int
    condition: str
    order: str
    python: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of asking for the same page both ways. rows: on the page; milliseconds: by offset and by key, None unmeasured.

    where: on what it was tried. same: whether both gave the same rows in the same order.
    """

    rows: int
    same: bool
    where: str
    by_offset: float | None = None
    by_key: float | None = None
