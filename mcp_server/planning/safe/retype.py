"""Types that would have tables written anew: second columns beside the first, kept in step, filled, and put in their place.

    expand     the new columns, and triggers that write both
    backfill   the rows that were there
    online     what guards and serves the old columns, for the new ones: indexes, checks, keys, foreign keys
    contract   they change places; the triggers now keep the old ones in step, so that there is a way back
    contract   the old columns go

A change of places is over at once: columns, indexes and constraints only change their names, keys take over indexes that
stand. All columns of a plan change places together, because foreign keys and keys of several columns join them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mcp_server.model.change import Altered
from mcp_server.model.deparsed import stable
from mcp_server.model.names import object_name, qualified, quote, split
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint, Enum, Index, Sequence
from mcp_server.planning import casts
from mcp_server.planning.draft import ACCESS_EXCLUSIVE
from mcp_server.planning.safe.ground import Ground, piece
from mcp_server.planning.safe.wording import with_name, with_type
from mcp_server.planning.units import Key

PLACES, REMOVE = 45, 100
NEW, OLD = "new", "old"
# Types without an equality of their own are compared as text.
_INCOMPARABLE = frozenset({"json", "xml", "point", "polygon"})


@dataclass(frozen=True, slots=True)
class Retype:
    """One column on its way to another type.

    firm: it belongs to a primary key or is an identity column, so that the old column, too, holds a value in every row.
    type_new, type_old: the types of the second column before they change places, and of the first one after; other than
    those of `after` and `before` where the type itself is made anew, and has the name of neither.
    """

    change: Altered
    before: Column
    after: Column
    firm: bool = False
    type_new: str = ""
    type_old: str = ""

    @property
    def table(self) -> str:
        return self.after.table

    @property
    def new(self) -> str:
        return beside(self.after.name, NEW)

    @property
    def old(self) -> str:
        return beside(self.after.name, OLD)

    @property
    def function(self) -> str:
        schema, table = split(self.table)
        return qualified(schema, f"zz_{object_name(table, self.after.name, 'in_step')}"[:63])

    def named(self, word: str) -> str:
        """The name of the column that stands beside. word: NEW before they change places, OLD after."""
        return self.new if word == NEW else self.old

    def value(self, word: str, of: str = "") -> str:
        """What the column beside holds, out of the column that has the name. of: "NEW." in a trigger."""
        source, target = (self.before.type, self.type_new) if word == NEW else (self.after.type, self.type_old)
        name = f"{of}{quote(self.after.name)}"
        return casts.using(name, source, target) or f"{name}::{target}"

    def lacks(self, word: str) -> str:
        """The condition of rows whose column beside has another value."""
        name, value = quote(self.named(word)), self.value(word)
        if casts.parse(self.type_new if word == NEW else self.type_old).base in _INCOMPARABLE:
            name, value = f"{name}::text", f"({value})::text"
        return f"{name} IS DISTINCT FROM {value}"

    def step(self, sql: str, lock: str = ACCESS_EXCLUSIVE, why: str = "", main: bool = False) -> Step:
        """A statement inside of a transaction."""
        return Step(sql, self.change, fields=self.change.fields if main else ("",), lock=lock, why=why)

    def alone(self, sql: str, lock: str = ACCESS_EXCLUSIVE, why: str = "") -> Step:
        """A statement outside of any."""
        return piece(self.step(sql), sql, lock, why)


@dataclass(frozen=True, slots=True)
class Exchange:
    """All columns of a plan that change places, and what goes along with them.

    indexes, checks, keys, references: what stands on the columns before and after alike; the last two are primary keys
    and unique constraints, and foreign keys at either end. types: those that are made anew, before and after. sequences:
    those that belong to the columns. aside: what is dropped while the columns change places and made again: views,
    policies, triggers, rules, rights, statistics.
    """

    columns: tuple[Retype, ...]
    indexes: tuple[Index, ...]
    checks: tuple[Constraint, ...]
    keys: tuple[Constraint, ...]
    references: tuple[Constraint, ...]
    types: tuple[tuple[Enum, Enum], ...]
    sequences: tuple[Sequence, ...]
    aside: frozenset[Key]
    ground: Ground

    @property
    def rebuilds(self) -> bool:
        """Whether the way back has to build again what a change of places uses up: the indexes of keys, and foreign keys."""
        return bool(self.keys or self.references)

    def on(self, table: str) -> tuple[Retype, ...]:
        """The columns of a table."""
        return tuple(one for one in self.columns if one.table == table)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of the columns."""
        return tuple(dict.fromkeys(one.table for one in self.columns))

    def name(self, table: str, column: str, word: str) -> str:
        """The name of the column that stands beside, or of the column itself where none does."""
        return next((one.named(word) for one in self.on(table) if one.after.name == column), column)

    def text(self, table: str, definition: str, word: str) -> str:
        """What Postgres deparsed, speaking of the columns beside."""
        found = stable(definition)
        for one in self.on(table):
            found = with_name(found, one.after.name, one.named(word))
        for _, after in self.types:
            found = with_type(found, after.identity, type_beside(after, word))
        return found

    def step(self, table: str, sql: str, lock: str = ACCESS_EXCLUSIVE, why: str = "") -> Step:
        """A statement on a table of the columns."""
        return self.on(table)[0].step(sql, lock, why)


def beside(name: str, word: str) -> str:
    """The name of what stands beside something of this name for a while."""
    return object_name(name, "", word)


def type_beside(enum: Enum, word: str) -> str:
    """The identity of a type that stands beside one that is made anew."""
    return qualified(enum.schema, beside(enum.name, word))


def outside(steps: Iterable[Step]) -> Iterator[Step]:
    """Statements that run outside of a transaction."""
    for step in steps:
        yield piece(step, step.sql, step.lock, step.why)
