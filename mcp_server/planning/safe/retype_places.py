"""Columns change places: for a moment, in one transaction, there and back.

There is a way back for as long as the old columns stand. A key's index goes with the key when it changes its columns, so
on the way back the indexes of the new columns are built again outside of a transaction, for another way there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mcp_server.model.change import Altered, diff
from mcp_server.model.names import literal, object_name, qualified, quote, split
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint, Schema
from mcp_server.planning.draft import ACCESS_EXCLUSIVE, SHARE_ROW_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE
from mcp_server.planning.planner import steps as planned
from mcp_server.planning.recipes.identity import identity_clause
from mcp_server.planning.safe.not_null import proof
from mcp_server.planning.safe.retype import NEW, OLD, Exchange, Retype, beside, type_beside
from mcp_server.planning.safe.retype_guard import cleared, described, keys, on_reference, proven, unvalidated
from mcp_server.planning.safe.unique import taking_over
from mcp_server.planning.units import key

TAKES_OVER = "the index is there: no row is read"
PROVEN = "the check proves it: no row is read"
ASIDE = "it steps aside for as long as the transaction lasts"


def exchange(one: Exchange) -> Iterator[Step]:
    """The new columns take the names."""
    for column in one.columns:
        if not column.after.nullable:
            why = "does nothing unless this phase was taken back before; a strong lock is not held yet"
            sql = f"ALTER TABLE {column.table} VALIDATE CONSTRAINT {quote(proof(column.table, column.new))}"
            yield column.step(sql, SHARE_UPDATE_EXCLUSIVE, why)
    yield from _aside(one, one.ground.before, gone=True)
    yield from _freed(one)
    for column in one.columns:
        yield without_trigger(column)
    yield from _types(one, away=OLD, back=NEW)
    for column in one.columns:
        yield from _renamed(column, column.old, column.new, column.before, column.after, one)
    yield from _taken(one, NEW)
    yield from _names(one, OLD, NEW)
    for reference in one.references:
        head = f"ALTER TABLE {reference.table} RENAME CONSTRAINT"
        sql = f"{head} {quote(beside(reference.name, NEW))} TO {quote(reference.name)}"
        yield _on(reference, sql)
        yield from [_on(reference, described(reference), SHARE_UPDATE_EXCLUSIVE)] if reference.comment else []
    for column in one.columns:
        yield from in_step(column, OLD, strict=column.firm)
    yield from _aside(one, one.ground.after, gone=False)


def exchange_back(one: Exchange) -> Iterator[Step]:
    """The old columns take their names again."""
    listed = tuple(_back(one))
    if not one.rebuilds:
        yield from listed
        return
    yield _at_once(one, listed)
    for reference in one.references:
        yield from [proven(reference, reference.name)] if reference.validated else []
    yield from cleared(one)
    yield from keys(one)


def _back(one: Exchange) -> Iterator[Step]:
    yield from _aside(one, one.ground.after, gone=True)
    yield from _freed(one)
    for column in one.columns:
        yield without_trigger(column)
    yield from _types(one, away=NEW, back=OLD)
    for column in one.columns:
        yield from _renamed(column, column.new, column.old, column.after, column.before, one)
    yield from _taken(one, OLD)
    yield from _names(one, NEW, OLD)
    for reference in one.references:
        added = f"ADD CONSTRAINT {quote(reference.name)} {unvalidated(reference.definition)} NOT VALID"
        yield _on(reference, f"ALTER TABLE {reference.table} {added}")
        yield from [_on(reference, described(reference), SHARE_UPDATE_EXCLUSIVE)] if reference.comment else []
    for column in one.columns:
        yield from in_step(column, NEW, strict=True)
    yield from _aside(one, one.ground.before, gone=False)


def _at_once(one: Exchange, listed: Iterable[Step]) -> Step:
    """Statements as one, which does nothing when it was done before: what follows it can then be run again."""
    first = one.columns[0]
    body = "\n".join(f"        {_performed(step.sql)};" for step in listed)
    there = f"attrelid = {literal(first.table)}::regclass AND attname = {literal(first.old)} AND NOT attisdropped"
    sql = f"""DO $places$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE {there}) THEN
{body}
    END IF;
END
$places$"""
    return first.alone(sql, ACCESS_EXCLUSIVE, "the old columns take their names again, for a moment and all at once")


def _performed(sql: str) -> str:
    return f"PERFORM {sql.removeprefix('SELECT ')}" if sql.startswith("SELECT ") else sql


def _on(reference: Constraint, sql: str, lock: str = ACCESS_EXCLUSIVE) -> Step:
    return replace(on_reference(reference, ""), sql=sql, lock=lock, transactional=True)


def _aside(one: Exchange, schema: Schema, gone: bool) -> Iterator[Step]:
    """What stands on the columns and is over at once: dropped, or made as the Schema has it."""
    if not one.aside:
        return
    without = Schema.of([item for item in schema if key(item) not in one.aside], schema.server_version)
    pair = (schema, without) if gone else (without, schema)
    for step in planned(*pair, diff(*pair))[0]:
        yield Step(step.sql, one.columns[0].change, fields=("",), lock=step.lock, why=ASIDE)


def _freed(one: Exchange) -> Iterator[Step]:
    """Foreign keys, and the keys that they rest on, let go of their columns."""
    for reference in one.references:
        yield _on(reference, f"ALTER TABLE {reference.table} DROP CONSTRAINT {quote(reference.name)}")
    for constraint in one.keys:
        yield one.step(constraint.table, f"ALTER TABLE {constraint.table} DROP CONSTRAINT {quote(constraint.name)}")


def _taken(one: Exchange, word: str) -> Iterator[Step]:
    """Keys take over the indexes of their columns."""
    for constraint in one.keys:
        sql = f"ALTER TABLE {constraint.table} ADD {taking_over(constraint, beside(constraint.name, word))}"
        yield one.step(constraint.table, sql, why=TAKES_OVER)
        if constraint.comment:
            yield one.step(constraint.table, described(constraint), SHARE_UPDATE_EXCLUSIVE)


def _types(one: Exchange, away: str, back: str) -> Iterator[Step]:
    for before, after in one.types:
        here = Altered(before, after, ())
        for source, name in (
            (after.identity, beside(after.name, away)),
            (type_beside(after, back), after.name),
        ):
            yield Step(f"ALTER TYPE {source} RENAME TO {quote(name)}", here, fields=("",))


def _renamed(one: Retype, gone: str, coming: str, before: Column, after: Column, all_: Exchange) -> Iterator[Step]:
    """One column gives its name to another. gone: what it is called then; coming: what the other was called."""
    table, name = f"ALTER TABLE {one.table}", quote(one.after.name)
    kept = bool(one.after.identity_kind)
    if kept:
        yield from _kept(one)
    yield one.step(f"{table} RENAME COLUMN {name} TO {quote(gone)}")
    yield one.step(f"{table} RENAME COLUMN {quote(coming)} TO {name}", main=True)
    if kept:
        yield one.step(f"{table} ALTER COLUMN {quote(gone)} DROP IDENTITY")
    yield from _not_null(one, gone, before, after, all_)
    if kept:
        yield from _numbered(one, after)
    for sequence in all_.sequences:
        if sequence.owned_by == one.after.identity:
            yield one.step(f"ALTER SEQUENCE {sequence.identity} OWNED BY {one.after.identity}", "")
    yield from _defaults(one, gone, before, after)
    if after.comment:
        yield one.step(f"COMMENT ON COLUMN {one.after.identity} IS {literal(after.comment)}")


def _not_null(one: Retype, gone: str, before: Column, after: Column, all_: Exchange) -> Iterator[Step]:
    table, name = f"ALTER TABLE {one.table}", quote(one.after.name)
    to_new = gone == one.old
    if one.firm and to_new and all_.ground.since(18):
        yield _not_null_renamed(one, one.after.name, gone)
    if not before.nullable and to_new and not one.firm:
        yield one.step(f"{table} ALTER COLUMN {quote(gone)} DROP NOT NULL")
    if not after.nullable and to_new:
        yield one.step(f"{table} ALTER COLUMN {name} SET NOT NULL", why=PROVEN)
        yield one.step(f"{table} DROP CONSTRAINT IF EXISTS {quote(proof(one.table, one.new))}")
    if not before.nullable and not to_new:
        check = f"ADD CONSTRAINT {quote(proof(one.table, one.new))} CHECK ({quote(one.new)} IS NOT NULL) NOT VALID"
        yield one.step(f"{table} ALTER COLUMN {quote(one.new)} DROP NOT NULL, {check}")
    if one.firm and not to_new and all_.ground.since(18):
        yield _not_null_renamed(one, one.old, one.after.name)


def _not_null_renamed(one: Retype, source: str, target: str) -> Step:
    """Since PostgreSQL 18 a NOT NULL has a name, which the other column is to have."""
    table = split(one.table)[1]
    names = (quote(object_name(table, name, "not_null")) for name in (source, target))
    return one.step(f"ALTER TABLE {one.table} RENAME CONSTRAINT {' TO '.join(names)}")


def _kept(one: Retype) -> Iterator[Step]:
    """The number at which an identity column stands: its sequence goes with what it was."""
    yield one.step(f"CREATE SEQUENCE {_keeper(one)} MINVALUE {-(2**63)} START WITH 1", "")
    yield _stands_at(one, literal(_keeper(one)), _own(one))


def _numbered(one: Retype, after: Column) -> Iterator[Step]:
    head = f"ALTER TABLE {one.table} ALTER COLUMN {quote(one.after.name)} ADD"
    yield one.step(f"{head} {identity_clause(after)}")
    yield _stands_at(one, _own(one), literal(_keeper(one)))
    yield one.step(f"DROP SEQUENCE {_keeper(one)}", "")


def _stands_at(one: Retype, target: str, source: str) -> Step:
    """One sequence stands where another does, which may have come to its end, within its own bounds. Both as SQL."""
    last = f"pg_catalog.pg_sequence_last_value({source}::regclass) AS last"
    stand = f"LATERAL (SELECT coalesce(last, nextval({source}::regclass)) AS value) AS stand"
    value = "greatest(least(value, seqmax), seqmin), last IS NOT NULL AND value >= seqmin"
    sql = f"SELECT pg_catalog.setval({target}::regclass, {value}) FROM {last}, {stand}, pg_catalog.pg_sequence"
    sql += f" WHERE seqrelid = {target}::regclass"
    return one.step(sql, "", "the numbers go on where they stood")


def _own(one: Retype) -> str:
    return f"pg_catalog.pg_get_serial_sequence({literal(one.table)}, {literal(one.after.name)})"


def _keeper(one: Retype) -> str:
    schema, table = split(one.table)
    return qualified(schema, object_name(table, one.after.name, "kept"))


def _defaults(one: Retype, gone: str, before: Column, after: Column) -> Iterator[Step]:
    """The default moves with the name. gone: the column that has lost the name, `before` what it was."""
    table = f"ALTER TABLE {one.table} ALTER COLUMN"
    if before.default is not None:
        yield one.step(f"{table} {quote(gone)} DROP DEFAULT")
    if after.default is not None:
        yield one.step(f"{table} {quote(after.name)} SET DEFAULT {after.default}")


def _names(one: Exchange, away: str, back: str) -> Iterator[Step]:
    """What serves the columns gives its name to what serves the others."""
    for index in one.indexes:
        step = one.step(index.table, "", SHARE_UPDATE_EXCLUSIVE)
        sql = f"ALTER INDEX {index.identity} RENAME TO {quote(beside(index.name, away))}"
        yield replace(step, sql=sql)
        other = qualified(index.schema, beside(index.name, back))
        yield replace(step, sql=f"ALTER INDEX {other} RENAME TO {quote(index.name)}")
        if index.comment:
            yield replace(step, sql=f"COMMENT ON INDEX {index.identity} IS {literal(index.comment)}")
    for check in one.checks:
        head = f"ALTER TABLE {check.table} RENAME CONSTRAINT"
        yield one.step(check.table, f"{head} {quote(check.name)} TO {quote(beside(check.name, away))}")
        yield one.step(check.table, f"{head} {quote(beside(check.name, back))} TO {quote(check.name)}")
        if check.comment:
            yield one.step(check.table, described(check))


def in_step(one: Retype, word: str, strict: bool, again: str = "CREATE") -> Iterator[Step]:
    """The trigger that writes the column beside. strict: a value that cannot be converted is refused, else it is left out."""
    target = one.named(word)
    line = f"NEW.{quote(target)} := {one.value(word, 'NEW.')};"
    if not strict:
        line = f"BEGIN\n        {line}\n    EXCEPTION WHEN data_exception THEN\n        NEW.{quote(target)} := NULL;\n    END;"
    body = f"BEGIN\n    {line}\n    RETURN NEW;\nEND"
    sql = f"CREATE OR REPLACE FUNCTION {one.function}() RETURNS trigger LANGUAGE plpgsql AS $step$\n{body}\n$step$"
    why = f"{one.after.name} and {target} are kept in step"
    yield one.step(sql, "", why)
    trigger = f"{again} TRIGGER {quote(split(one.function)[1])} BEFORE INSERT OR UPDATE ON {one.table}"
    yield one.step(f"{trigger} FOR EACH ROW EXECUTE FUNCTION {one.function}()", SHARE_ROW_EXCLUSIVE, why)


def without_trigger(one: Retype) -> Step:
    """The two columns are not kept in step any more."""
    return one.step(f"DROP TRIGGER {quote(split(one.function)[1])} ON {one.table}")
