"""Cases in Markdown: SQL before, SQL after, and what is expected of the way between.

A file is a title, an optional block `sql base` that all its cases begin with, and a section `## name` for each case.
A section holds fenced blocks, told apart by the words after the fence:

    sql before    what the database is before, after the base
    sql after     what it is to become, after the base, on a database of its own
    sql change    instead of `after`: what is done to `before`
    sql rows      rows that the database holds before the upgrade
    sql check     a query that is true after the upgrade
    plan          the statements of the upgrade, in order, white space aside; `*` stands for anything
    residue       a line for each change that has no recipe, as `describe` tells it, or its beginning
    since         the first major version of Postgres that knows it
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CASES = Path(__file__).with_name("cases")
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Case:
    """One case. blocks: texts by the words after their fence."""

    name: str
    base: str
    blocks: dict[str, str] = field(hash=False)

    def __str__(self) -> str:
        return self.name

    @property
    def before(self) -> str:
        return self.base + self.blocks.get("sql before", "select;")

    @property
    def after(self) -> str:
        if "sql change" in self.blocks:
            return self.before + self.blocks["sql change"]
        return self.base + (self.blocks.get("sql after") or "select;")

    @property
    def since(self) -> int:
        return int(self.blocks.get("since", "14"))

    def lines(self, name: str) -> list[str]:
        """The lines of a block that are not empty."""
        return [line.strip() for line in self.blocks.get(name, "").splitlines() if line.strip()]


def read_cases(folder: str) -> tuple[Case, ...]:
    """The cases of every file in a folder of tests/cases, by name."""
    return tuple(_read(folder))


def _read(folder: str) -> Iterator[Case]:
    for path in sorted((CASES / folder).glob("*.md")):
        head, *sections = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        base = _blocks(head).get("sql base", "")
        for section in sections:
            title, _, body = section.partition("\n")
            yield Case(f"{path.stem}: {title.strip()}", base, _blocks(body))


def _blocks(text: str) -> dict[str, str]:
    return {words.strip(): body for words, body in _BLOCK.findall(text)}
