"""An index that might be made, and what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mcp_server.model.names import object_name, quote, split


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """An index that might be made.

    table: its identity. keys: each key as SQL, `made DESC`, `(lower(email))`, `name text_pattern_ops`. columns: the plain
    column of each key, "" for an expression. include: plain columns. where: the predicate as SQL. extension: one that
    its operator class comes from.
    """

    table: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    include: tuple[str, ...] = ()
    where: str = ""
    method: str = "btree"
    extension: str = ""

    def statement(self, name: str = "") -> str:
        """CREATE INDEX under a name, or under the one that Postgres gives."""
        return f"CREATE INDEX {quote(name)} ON {self.shape}" if name else f"CREATE INDEX ON {self.shape}"

    @property
    def shape(self) -> str:
        """What stands behind ON."""
        method = f" USING {self.method}"
        include = f" INCLUDE ({', '.join(quote(name) for name in self.include)})" if self.include else ""
        where = f" WHERE {self.where}" if self.where else ""
        return f"{self.table}{method} ({', '.join(self.keys)}){include}{where}"

    @property
    def short(self) -> str:
        """The same for a reader: without the schema public and without the usual method."""
        return self.shape.removeprefix("public.").replace(" USING btree (", "(", 1).replace(" USING ", " using ", 1)

    @property
    def name(self) -> str:
        """A name for it, as SQLAlchemy's convention has it."""
        words = [name or _told(key) for key, name in zip(self.keys, self.columns, strict=True)]
        words += (
            ["with", *self.include] if self.include and len(self.include) < 3 else ["covering"] * bool(self.include)
        )
        words += ["partial"] * bool(self.where)
        words += [self.method] * (self.method != "btree") + ["pattern"] * any("pattern_ops" in key for key in self.keys)
        return object_name("ix_" + split(self.table)[-1], "_".join(words), "idx").removesuffix("_idx")

    @property
    def lean(self) -> Candidate:
        """The same without what it holds besides its keys: often a sixth of the size for most of the gain."""
        return replace(self, include=())

    @property
    def stored(self) -> frozenset[str]:
        """The columns whose values it holds."""
        return frozenset(name for name in (*self.columns, *self.include) if name)


def _told(expression: str) -> str:
    """An expression in a few words: `(lower(email::text))` is `lower_email`."""
    words = [word.lower() for word in re.findall(r"[A-Za-z_]\w*", expression) if word.lower() != "text"]
    return "_".join(words[:3]) or "expr"


@dataclass(frozen=True, slots=True)
class Timing:
    """A statement before and after, in milliseconds; the average where it was run with several values.

    measured: else the planner's units. used: indexes by their place. values: with how many values it was run.
    """

    query: str
    before: float
    after: float
    used: tuple[int, ...] = ()
    measured: bool = False
    values: int = 1

    @property
    def speedup(self) -> float:
        return self.before / self.after if self.after > 0 else 1.0

    @property
    def slower(self) -> bool:
        """By at least a tenth, and by so much that a clock can tell."""
        return self.after >= 1.1 * self.before and self.after - self.before >= 2.0

    @property
    def faster(self) -> bool:
        """By at least a tenth, and by so much that a clock can tell."""
        return self.before >= 1.1 * self.after and self.before - self.after >= 0.05


@dataclass(frozen=True, slots=True)
class Struck:
    """A candidate that was tried and is not advised. reason: with its figures."""

    candidate: Candidate
    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """An index that is advised. size: bytes, measured or predicted. build_ms: what building it took. write_ms: what 1,000
    more rows cost more with it, None when not measured. reason: what of the statements it serves."""

    candidate: Candidate
    size: int
    measured: bool = False
    build_ms: float | None = None
    write_ms: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dropping:
    """An index that is there and need not be. reason: why."""

    name: str
    reason: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """All that was found. timings: of every statement. weights: seconds of the workload that a statement's cost stands for.

    outdone: how many were built and are not advised because others served better. is_cut: time was
    up before all was tried. proven: measured on a copy with the rows; else the planner's estimates. asked: how many plans were asked of the planner;
    runs: how many statements were measured. notes: what limits the advice, one sentence each.
    """

    accepted: tuple[Accepted, ...]
    timings: tuple[Timing, ...]
    struck: tuple[Struck, ...] = ()
    outdone: int = 0
    is_cut: bool = False
    dropping: tuple[Dropping, ...] = ()
    proven: bool = False
    asked: int = 0
    runs: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
