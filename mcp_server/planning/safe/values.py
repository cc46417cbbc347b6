"""Values for a column that is added to a table of rows: for new rows a default, for old ones a backfill in batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mcp_server.model.change import Added, Altered, Dropped
from mcp_server.model.names import literal, object_name, qualified, quote, split
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column
from mcp_server.planning.draft import ACCESS_EXCLUSIVE
from mcp_server.planning.parts import EXPAND, Part
from mcp_server.planning.safe.backfill import batches, demand
from mcp_server.planning.safe.ground import Ground
from mcp_server.planning.safe.retype_hops import asked, hops
from mcp_server.planning.safe.stand_in import comes_back, stand_in

_BACKFILL = 30


@dataclass(slots=True)
class Filling:
    """Statements that join those of the hops. first: before the hop's own on the way up; the others after them.

    instead, back: what takes the place of a step of the way up, and of the way down, by the (beginning of the) step's
    SQL. asks: what has to be deployed before a hop.
    """

    first: dict[int, tuple[Step, ...]] = field(default_factory=dict)
    upgrade: dict[int, tuple[Step, ...]] = field(default_factory=dict)
    downgrade: dict[int, tuple[Step, ...]] = field(default_factory=dict)
    last: dict[int, tuple[Step, ...]] = field(default_factory=dict)
    instead: dict[str, Step] = field(default_factory=dict)
    asks: dict[int, str] = field(default_factory=dict)
    back: dict[str, tuple[Step, ...]] = field(default_factory=dict)

    @property
    def numbers(self) -> set[int]:
        """The hops that it has a part in."""
        return {*self.first, *self.upgrade, *self.downgrade, *self.last}

    def join(self, number: int, upgrade: list[Step], downgrade: list[Step]) -> None:
        """Put what belongs to a hop around what it has."""
        own = [self._exchanged(step) for step in upgrade]
        upgrade[:] = [*self.first.get(number, ()), *own, *self.upgrade.get(number, ())]
        down = [other for step in downgrade for other in self.back.get(step.sql, (step,))]
        downgrade[:] = [*self.downgrade.get(number, ()), *down, *self.last.get(number, ())]

    def _exchanged(self, step: Step) -> Step:
        for head, other in self.instead.items():
            if step.sql.startswith(head):
                return other
        return step


def fillings(parts: Iterable[Part], ground: Ground) -> list[Filling]:
    """What each column needs that was added in parts."""
    listed = tuple(parts)
    found: list[Filling] = []
    for part in listed:
        item = part.change.item
        if part.stage == EXPAND and isinstance(part.change, Added) and isinstance(item, Column):
            whole = ground.after.get(Column, item.identity)
            if whole is not None and whole != item:
                found.append(_filling(whole, part.change, ground))
        elif isinstance(part.change, Dropped) and isinstance(item, Column) and item.default is None:
            found += _coming_back(item, ground)
    for group in {id(part.retype): part.retype for part in listed if part.retype is not None}.values():
        there, back = hops(group)
        found.append(Filling(upgrade=there, downgrade=back, asks=asked(group)))
    return found


def _coming_back(column: Column, ground: Ground) -> list[Filling]:
    """A required column that goes: on the way back its rows need a value."""
    value = "" if column.nullable or column.identity_kind or column.generated else stand_in(column, ground.before)
    sql = f"ALTER TABLE {column.table} ADD COLUMN {quote(column.name)} {column.type}"
    sql += f" COLLATE {column.collation}" if column.collation else ""
    return [Filling(back={sql: comes_back(column, value)})] if value else []


def _filling(column: Column, change: Added, ground: Ground) -> Filling:
    if column.identity_kind:
        return _numbered(column, change, ground)
    if column.default is not None:
        step = batches(change, column.table, {column.name: column.default}, f"{quote(column.name)} IS NULL", ground)
        return Filling(upgrade={_BACKFILL: (step,)})
    return Filling(upgrade={_BACKFILL: (demand(change, column),)})


def _numbered(column: Column, change: Added, ground: Ground) -> Filling:
    """An identity column: numbers come from a sequence of its own until the column is one.

    ADD COLUMN ... GENERATED AS IDENTITY writes the table anew; ALTER COLUMN ADD GENERATED does not.
    """
    schema, table = split(column.table)
    sequence = qualified(schema, object_name(table, column.name, "new"))
    prefix = f"ALTER TABLE {column.table} ALTER COLUMN {quote(column.name)}"
    number = f"nextval({literal(sequence)}::regclass)"
    made = Step(f"CREATE SEQUENCE {sequence}", change, fields=("",), why=f"numbers for {column.identity} come from it")
    default = Step(f"{prefix} SET DEFAULT {number}", change, fields=("",), lock=ACCESS_EXCLUSIVE)
    gone = Step(f"DROP SEQUENCE {sequence}", change, fields=("",))
    whole = Altered(change.item, column, ("identity_kind", "identity_options"))
    own = f"pg_catalog.pg_get_serial_sequence({literal(column.table)}, {literal(column.name)})"
    resumed = Step(f"SELECT pg_catalog.setval({own}, {number}, false)", whole, fields=("",),
                   why="the numbers go on after those that the rows hold")  # fmt: skip
    back = f"SELECT pg_catalog.setval({literal(sequence)}::regclass, nextval({own}), false)"
    return Filling(
        first={20: (made,), 50: (Step(f"{prefix} DROP DEFAULT", whole, fields=("",), lock=ACCESS_EXCLUSIVE),)},
        upgrade={
            20: (default,),
            _BACKFILL: (batches(change, column.table, {column.name: number}, f"{quote(column.name)} IS NULL", ground),),
            50: (gone,),
        },
        downgrade={50: (made, Step(back, whole, fields=("",)))},
        last={50: (default,), 20: (gone,)},
        instead={f"SELECT pg_catalog.setval({own}, ": resumed},
    )
