"""What guards and serves columns, on the columns beside them: indexes, checks, the indexes of keys, and foreign keys."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.change import Altered
from mcp_server.model.names import literal, qualified, quote, split
from mcp_server.model.plan import Step
from mcp_server.model.schema import Constraint, Index
from mcp_server.planning.draft import ACCESS_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE
from mcp_server.planning.safe.ground import piece
from mcp_server.planning.safe.index import concurrently, drop, named
from mcp_server.planning.safe.not_null import by_check, proof
from mcp_server.planning.safe.retype import NEW, OLD, Exchange, beside

LEFT = "a run that was cut off may have come as far as that"
SPARE = "it becomes the key again on the way back"


def guard(one: Exchange) -> Iterator[Step]:
    """All that the new columns need before they can take the names."""
    yield from cleared(one)
    yield from plain(one, NEW)
    for column in one.columns:
        if not column.after.nullable:
            condition = f"CHECK ({quote(column.new)} IS NOT NULL)"
            yield from _check(one, column.table, proof(column.table, column.new), condition)
    yield from keys(one)


def keys(one: Exchange) -> Iterator[Step]:
    """The indexes that keys take over, there and back, and the foreign keys that rest on those of the new columns."""
    for key in one.keys:
        yield from unique_index(one, key, NEW)
        yield from unique_index(one, key, OLD, of=key.columns)
    for reference in one.references:
        sql = f"DROP CONSTRAINT IF EXISTS {quote(beside(reference.name, NEW))}, ADD CONSTRAINT "
        sql += f"{quote(beside(reference.name, NEW))} {_reference(one, reference)} NOT VALID"
        yield on_reference(reference, sql, "new rows are held to it from here on")
        if reference.validated:
            yield proven(reference, beside(reference.name, NEW))


def cleared(one: Exchange) -> Iterator[Step]:
    """Foreign keys of a run that was cut off: the indexes that they rest on could not be made again."""
    if one.keys or one.indexes:
        for reference in one.references:
            yield on_reference(reference, f"DROP CONSTRAINT IF EXISTS {quote(beside(reference.name, NEW))}", LEFT)


def plain(one: Exchange, word: str) -> Iterator[Step]:
    """Indexes and checks like those of the columns, on those beside, under names beside theirs."""
    for index in one.indexes:
        yield from _build(one, index, beside(index.name, word), one.text(index.table, index.definition, word))
    for check in one.checks:
        definition = one.text(check.table, check.definition, word)
        yield from _check(one, check.table, beside(check.name, word), definition)


def unique_index(one: Exchange, key: Constraint, word: str, of: tuple[str, ...] = ()) -> Iterator[Step]:
    """The index that a key takes over when it changes its columns. of: the columns as they are named by now."""
    index = carrier(one, key)
    definition = index.definition if of else one.text(index.table, index.definition, word)
    yield from _build(one, index, beside(key.name, word), definition, SPARE if word == OLD else "")


def carrier(one: Exchange, key: Constraint) -> Index:
    """The index that carries a key."""
    return next(index for index in one.ground.after.on(key.table, Index) if index.constraint == key.name)


def _build(one: Exchange, index: Index, name: str, definition: str, why: str = "") -> Iterator[Step]:
    step = one.step(index.table, "")
    yield drop(step, qualified(index.schema, name))
    yield piece(step, named(concurrently(definition), name), SHARE_UPDATE_EXCLUSIVE, why)


def _check(one: Exchange, table: str, name: str, definition: str) -> Iterator[Step]:
    head = f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {quote(name)}"
    step = one.step(table, "")
    yield piece(step, f"{head}, ADD CONSTRAINT {quote(name)} {definition} NOT VALID", ACCESS_EXCLUSIVE)
    validate = f"ALTER TABLE {table} VALIDATE CONSTRAINT {quote(name)}"
    yield piece(step, validate, SHARE_UPDATE_EXCLUSIVE, "rows are read while others write")


def on_reference(reference: Constraint, sql: str, why: str = "") -> Step:
    """A statement on a foreign key's own table, outside of a transaction; the other table is locked too."""
    step = Step("", Altered(reference, reference, ()), fields=("",))
    return piece(step, f"ALTER TABLE {reference.table} {sql}", ACCESS_EXCLUSIVE, why)


def proven(reference: Constraint, name: str) -> Step:
    """VALIDATE of a foreign key."""
    step = on_reference(reference, f"VALIDATE CONSTRAINT {quote(name)}", "rows are read while others write")
    return piece(step, step.sql, SHARE_UPDATE_EXCLUSIVE, step.why)


def _reference(one: Exchange, reference: Constraint) -> str:
    """The foreign key's definition between the columns beside."""
    ends = ((reference.table, reference.columns), (reference.references, reference.referenced_columns))
    own, other = (", ".join(quote(one.name(table, name, NEW)) for name in names) for table, names in ends)
    head = f"FOREIGN KEY ({own}) REFERENCES {reference.references}({other})"
    return head + unvalidated(reference.definition).removeprefix(reference_head(reference))


def reference_head(reference: Constraint) -> str:
    """How the definition of a foreign key begins."""
    own, other = (", ".join(map(quote, names)) for names in (reference.columns, reference.referenced_columns))
    return f"FOREIGN KEY ({own}) REFERENCES {reference.references}({other})"


def unvalidated(definition: str) -> str:
    """A definition without the words that are written by whoever adds it."""
    return definition.removesuffix(" NOT VALID")


def unguard(one: Exchange) -> Iterator[Step]:
    """All of it goes again; the old columns may have lost their NOT NULL when they had changed places."""
    for reference in one.references:
        yield on_reference(reference, f"DROP CONSTRAINT IF EXISTS {quote(beside(reference.name, NEW))}")
    for check in one.checks:
        yield _without(one, check.table, beside(check.name, NEW))
    for column in one.columns:
        if not column.after.nullable:
            yield _without(one, column.table, proof(column.table, column.new))
    for index in one.indexes:
        yield drop(one.step(index.table, ""), qualified(index.schema, beside(index.name, NEW)))
    for key in one.keys:
        for word in (NEW, OLD):
            schema = split(key.table)[0]
            yield drop(one.step(key.table, ""), qualified(schema, beside(key.name, word)))
    for column in one.columns:
        if not column.before.nullable and not column.firm:
            yield from by_check(column.step("", why="fails when a row holds NULL"), column.table, column.after.name)


def _without(one: Exchange, table: str, name: str) -> Step:
    sql = f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {quote(name)}"
    return piece(one.step(table, ""), sql, ACCESS_EXCLUSIVE)


def described(constraint: Constraint) -> str:
    """COMMENT ON a constraint."""
    return f"COMMENT ON CONSTRAINT {quote(constraint.name)} ON {constraint.table} IS {literal(constraint.comment)}"
