"""The statements of each hop on which columns get another type, up and down."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.change import Altered
from mcp_server.model.names import literal, quote
from mcp_server.model.plan import Step
from mcp_server.model.schema import Enum
from mcp_server.planning.safe.backfill import batches
from mcp_server.planning.safe.not_null import by_check
from mcp_server.planning.safe.retype import NEW, OLD, PLACES, REMOVE, Exchange, outside, type_beside
from mcp_server.planning.safe.retype_guard import guard, plain, unguard, unique_index
from mcp_server.planning.safe.retype_places import exchange, exchange_back, in_step, without_trigger

Hops = dict[int, tuple[Step, ...]]


def hops(one: Exchange) -> tuple[Hops, Hops]:
    """The statements by the number of the hop."""
    up = {
        20: tuple(_prepare(one)),
        30: tuple(_fill(one, NEW)),
        40: tuple(guard(one)),
        PLACES: tuple(exchange(one)),
        REMOVE: tuple(_remove(one)),
    }
    down = {
        20: tuple(_forget(one)),
        40: tuple(unguard(one)),
        PLACES: tuple(exchange_back(one)),
        REMOVE: tuple(_bring_back(one)),
    }
    return up, down


def asked(one: Exchange) -> dict[int, str]:
    """What has to be deployed before a hop."""
    told = [(column.after.identity, column.before.type, column.after.type) for column in one.columns]
    other = [f"{name} as {new}" for name, old, new in told if old != new]
    again = [f"the new {after.identity}" for _, after in one.types]
    there = (
        f"deploy the application that can read and write {', '.join(other + again)} too, and names columns in INSERT"
    )
    there += ", as those of another type stand last in their tables from then on"
    back = [f"{name} as {old}" for name, old, new in told if old != new] + [
        f"the old {one.identity}" for one, _ in one.types
    ]
    return {PLACES: there, REMOVE: f"wait until nobody wants to go back to {', '.join(back)}"}


def _prepare(one: Exchange) -> Iterator[Step]:
    for before, after in one.types:
        yield from _type(before, after, NEW)
    for column in one.columns:
        collation = f" COLLATE {column.after.collation}" if column.after.collation else ""
        added = f"ADD COLUMN {quote(column.new)} {column.type_new}{collation}"
        yield column.step(f"ALTER TABLE {column.table} {added}")
        yield from in_step(column, NEW, strict=True)


def _type(before: Enum, after: Enum, word: str) -> Iterator[Step]:
    """A type under a name beside its own: the one that it becomes, or the one that it was."""
    values = after.values if word == NEW else before.values
    gone = ", ".join(literal(value) for value in before.values if value not in after.values)
    why = f"a row that is written with {gone} fails from here on" if word == NEW and gone else ""
    change, name = Altered(before, after, ()), type_beside(after, word)
    yield Step(f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, values))})", change, fields=("",), why=why)
    enum = after if word == NEW else before
    if enum.comment:
        yield Step(f"COMMENT ON TYPE {name} IS {literal(enum.comment)}", change, fields=("",))
    if enum.owner:
        yield Step(f"ALTER TYPE {name} OWNER TO {quote(enum.owner)}", change, fields=("",))


def _fill(one: Exchange, word: str) -> Iterator[Step]:
    for table in one.tables:
        columns = one.on(table)
        values = {column.named(word): column.value(word) for column in columns}
        undone = " OR ".join(column.lacks(word) for column in columns)
        undone = f"({undone})" if len(columns) > 1 else undone
        yield batches(columns[0].change, table, values, undone, one.ground)


def _forget(one: Exchange) -> Iterator[Step]:
    for column in one.columns:
        yield without_trigger(column)
        yield column.step(f"DROP FUNCTION {column.function}()", "")
        yield column.step(f"ALTER TABLE {column.table} DROP COLUMN {quote(column.new)}")
    for before, after in one.types:
        yield Step(f"DROP TYPE {type_beside(after, NEW)}", Altered(before, after, ()), fields=("",))


def _remove(one: Exchange) -> Iterator[Step]:
    for column in one.columns:
        yield without_trigger(column)
        yield column.step(f"DROP FUNCTION {column.function}()", "")
        why = f"its values are in {column.after.name}, as {column.after.type}"
        yield column.step(f"ALTER TABLE {column.table} DROP COLUMN {quote(column.old)}", why=why)
    for before, after in one.types:
        yield Step(f"DROP TYPE {type_beside(after, OLD)}", Altered(before, after, ()), fields=("",))


def _bring_back(one: Exchange) -> Iterator[Step]:
    """The old columns, made and filled anew beside those that took their place."""
    for before, after in one.types:
        made = "; ".join(step.sql for step in _type(before, after, OLD))
        absent = f"to_regtype({literal(type_beside(after, OLD))}) IS NULL"
        sql = f"DO $type$\nBEGIN\n    IF {absent} THEN\n        {made};\n    END IF;\nEND\n$type$"
        yield Step(sql, Altered(before, after, ()), fields=("",), transactional=False)
    for column in one.columns:
        collation = f" COLLATE {column.before.collation}" if column.before.collation else ""
        added = f"ADD COLUMN IF NOT EXISTS {quote(column.old)} {column.type_old}{collation}"
        yield column.alone(f"ALTER TABLE {column.table} {added}")
        yield from outside(in_step(column, OLD, strict=column.firm, again="CREATE OR REPLACE"))
    yield from _fill(one, OLD)
    yield from _served(one)


def _served(one: Exchange) -> Iterator[Step]:
    """What serves the old columns, as it was when they had changed places."""
    for column in one.columns:
        if column.firm:
            yield from by_check(column.step("", why="fails when a row holds NULL"), column.table, column.old)
    yield from plain(one, OLD)
    for constraint in one.keys:
        yield from unique_index(one, constraint, OLD)
