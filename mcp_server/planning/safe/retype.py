"""A type that would have the table written anew: a second column beside the first, kept in step, filled, and put in its place.

    expand     the new column, and a trigger that writes both
    backfill   the rows that were there
    online     what guards and serves the old column, for the new one
    contract   the two change places; the trigger now keeps the old one in step, so that there is a way back
    contract   the old column goes

A change of places is over at once: columns, indexes and constraints only change their names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mcp_server.model.change import Altered
from mcp_server.model.deparsed import stable
from mcp_server.model.names import literal, object_name, qualified, quote, split
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint, Grant, Index, Schema, Sequence
from mcp_server.planning import casts
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.draft import ACCESS_EXCLUSIVE, SHARE_ROW_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE
from mcp_server.planning.safe.backfill import batches
from mcp_server.planning.safe.ground import Ground, piece
from mcp_server.planning.safe.index import concurrently, drop, named
from mcp_server.planning.safe.not_null import by_check, proof
from mcp_server.planning.safe.wording import with_name
from mcp_server.planning.units import Default, Key, key

PLACES, REMOVE = 50, 100


@dataclass(frozen=True, slots=True)
class Retype:
    """One column on its way to another type. indexes, checks: what stands on it before and after alike."""

    change: Altered
    before: Column
    after: Column
    indexes: tuple[Index, ...]
    checks: tuple[Constraint, ...]
    ground: Ground

    @property
    def table(self) -> str:
        return self.after.table

    @property
    def new(self) -> str:
        return beside(self.after.name, "new")

    @property
    def old(self) -> str:
        return beside(self.after.name, "old")

    @property
    def function(self) -> str:
        schema, table = split(self.table)
        return qualified(schema, f"zz_{object_name(table, self.after.name, 'in_step')}"[:63])

    def step(self, sql: str, lock: str = ACCESS_EXCLUSIVE, why: str = "", main: bool = False) -> Step:
        """A statement inside of a transaction."""
        return Step(sql, self.change, fields=self.change.fields if main else ("",), lock=lock, why=why)

    def alone(self, sql: str, lock: str = ACCESS_EXCLUSIVE, why: str = "") -> Step:
        """A statement outside of any."""
        return piece(self.step(sql), sql, lock, why)


def beside(name: str, word: str) -> str:
    """The name of what stands beside something of this name for a while."""
    return object_name(name, "", word)


def find(change: Altered, ground: Ground, old: Dependencies, new: Dependencies) -> Retype | None:
    """The way for one column, None where something stands on it that cannot be carried over."""
    before, after = change.before, change.after
    if not isinstance(before, Column) or not isinstance(after, Column) or not ground.is_busy(after.table):
        return None
    if before.type == after.type or not _is_plain(before, ground) or not _is_plain(after, ground):
        return None
    indexes = tuple(one for one in _alike(ground, after) if isinstance(one, Index))
    checks = tuple(one for one in _alike(ground, after) if isinstance(one, Constraint))
    found = Retype(change, before, after, indexes, checks, ground)
    carried = {key(one) for one in indexes} | {key(one) for one in checks}
    changed = _changed(ground, after)
    users = old.users(key(after)) | new.users(key(after))
    if any(user[0] != Default.word and user not in carried | changed for user in users):
        return None
    if any(one.kind not in "c" for one in checks) or any(one.constraint for one in indexes):
        return None
    taken = {column.name for column in ground.before.on(after.table, Column)}
    return found if not {found.new, found.old} & taken else None


def _is_plain(column: Column, ground: Ground) -> bool:
    """Whether nothing is set on the column that a second one would not have by itself."""
    settings = column.identity_kind or column.storage or column.compression or column.options or column.inherited
    if settings or column.generated is not None or column.statistics is not None or ground.has_children(column.table):
        return False
    for schema in (ground.before, ground.after):
        if any(one.owned_by == column.identity for one in schema.all(Sequence)):
            return False
        if any(one.target_word == "column" and one.target == column.identity for one in schema.all(Grant)):
            return False
    return True


def _hanging(schema: Schema, column: Column) -> dict[Key, Index | Constraint]:
    found: dict[Key, Index | Constraint] = {key(one): one for one in schema.on(column.table, Index)}
    return found | {key(one): one for one in schema.on(column.table, Constraint)}


def _alike(ground: Ground, column: Column) -> Iterator[Index | Constraint]:
    """What stands on the table before and after as it is, and speaks of the column."""
    new = _hanging(ground.after, column)
    for name, one in _hanging(ground.before, column).items():
        if new.get(name) == one and with_name(one.definition, column.name, "") != one.definition:
            yield one


def _changed(ground: Ground, column: Column) -> set[Key]:
    """What is dropped before and made after, each in a phase of its own."""
    old, new = _hanging(ground.before, column), _hanging(ground.after, column)
    return {name for name in {**old, **new} if old.get(name) != new.get(name)}


def steps(one: Retype) -> tuple[dict[int, tuple[Step, ...]], dict[int, tuple[Step, ...]]]:
    """The statements of each hop, up and down."""
    up = {20: tuple(_prepare(one)), 30: (_fill(one, one.new, one.after, one.before, one.after.name),),
          40: tuple(_guard(one, one.new, "new")), PLACES: tuple(_exchange(one)), REMOVE: tuple(_remove(one))}  # fmt: skip
    down = {20: tuple(_forget(one)), 40: tuple(_unguard(one)), PLACES: tuple(_exchange_back(one)),
            REMOVE: tuple(_bring_back(one))}  # fmt: skip
    return up, down


def _cast(value: str, source: Column, target: Column) -> str:
    return casts.using(value, source.type, target.type) or f"{value}::{target.type}"


def _fill(one: Retype, name: str, target: Column, source: Column, from_name: str) -> Step:
    value = _cast(quote(from_name), source, target)
    undone = f"{quote(name)} IS DISTINCT FROM {value}"
    return batches(one.change, one.table, {name: value}, undone, one.ground)


def _prepare(one: Retype) -> Iterator[Step]:
    column = one.after
    collation = f" COLLATE {column.collation}" if column.collation else ""
    yield one.step(f"ALTER TABLE {one.table} ADD COLUMN {quote(one.new)} {column.type}{collation}")
    yield from _in_step(one, one.new, _cast(f"NEW.{quote(column.name)}", one.before, column), strict=True)


def _in_step(one: Retype, target: str, value: str, strict: bool, again: str = "CREATE") -> Iterator[Step]:
    """The trigger that writes the other column. strict: a value that cannot be converted is refused, else it is left out."""
    line = f"NEW.{quote(target)} := {value};"
    if not strict:
        line = f"BEGIN\n        {line}\n    EXCEPTION WHEN data_exception THEN\n        NEW.{quote(target)} := NULL;\n    END;"
    body = f"BEGIN\n    {line}\n    RETURN NEW;\nEND"
    sql = f"CREATE OR REPLACE FUNCTION {one.function}() RETURNS trigger LANGUAGE plpgsql AS $step$\n{body}\n$step$"
    why = f"{one.after.name} and {target} are kept in step"
    name = quote(split(one.function)[1])
    yield one.step(sql, "", why)
    trigger = f"{again} TRIGGER {name} BEFORE INSERT OR UPDATE ON {one.table}"
    yield one.step(f"{trigger} FOR EACH ROW EXECUTE FUNCTION {one.function}()", SHARE_ROW_EXCLUSIVE, why)


def _no_trigger(one: Retype) -> Step:
    return one.step(f"DROP TRIGGER {quote(split(one.function)[1])} ON {one.table}")


def _forget(one: Retype) -> Iterator[Step]:
    yield _no_trigger(one)
    yield one.step(f"DROP FUNCTION {one.function}()", "")
    yield one.step(f"ALTER TABLE {one.table} DROP COLUMN {quote(one.new)}")


def _guard(one: Retype, column: str, word: str) -> Iterator[Step]:
    """Indexes and checks like those of the column, on the other one, under names beside theirs."""
    for index in one.indexes:
        schema, name = split(index.identity)
        yield drop(one.step(""), qualified(schema, beside(name, word)))
        sql = named(concurrently(stable(index.definition)), beside(name, word))
        yield one.alone(with_name(sql, one.after.name, column), SHARE_UPDATE_EXCLUSIVE)
    for check in one.checks:
        yield from _check(one, beside(check.name, word), with_name(stable(check.definition), one.after.name, column))
    if word == "new" and not one.after.nullable:
        yield from _check(one, proof(one.table, one.new), f"CHECK ({quote(column)} IS NOT NULL)")


def _check(one: Retype, name: str, definition: str) -> Iterator[Step]:
    head = f"ALTER TABLE {one.table} DROP CONSTRAINT IF EXISTS {quote(name)}"
    yield one.alone(f"{head}, ADD CONSTRAINT {quote(name)} {definition} NOT VALID")
    validate = f"ALTER TABLE {one.table} VALIDATE CONSTRAINT {quote(name)}"
    yield one.alone(validate, SHARE_UPDATE_EXCLUSIVE, "rows are read while others write")


def _unguard(one: Retype) -> Iterator[Step]:
    for check in one.checks:
        yield one.alone(f"ALTER TABLE {one.table} DROP CONSTRAINT IF EXISTS {quote(beside(check.name, 'new'))}")
    if not one.after.nullable:
        yield one.alone(f"ALTER TABLE {one.table} DROP CONSTRAINT IF EXISTS {quote(proof(one.table, one.new))}")
    for index in one.indexes:
        schema, name = split(index.identity)
        yield drop(one.step(""), qualified(schema, beside(name, "new")))
    if not one.before.nullable:
        yield from by_check(one.step("", why="fails when a row holds NULL"), one.table, one.after.name)


def _exchange(one: Retype) -> Iterator[Step]:
    table, name = f"ALTER TABLE {one.table}", quote(one.after.name)
    if not one.after.nullable:
        why = "does nothing unless this phase was taken back before; a strong lock is not held yet"
        sql = f"{table} VALIDATE CONSTRAINT {quote(proof(one.table, one.new))}"
        yield one.step(sql, SHARE_UPDATE_EXCLUSIVE, why)
    yield _no_trigger(one)
    yield one.step(f"{table} RENAME COLUMN {name} TO {quote(one.old)}")
    yield one.step(f"{table} RENAME COLUMN {quote(one.new)} TO {name}", main=True)
    if not one.before.nullable:
        yield one.step(f"{table} ALTER COLUMN {quote(one.old)} DROP NOT NULL")
    if not one.after.nullable:
        proven = "the check proves it: no row is read"
        yield one.step(f"{table} ALTER COLUMN {name} SET NOT NULL", why=proven)
        yield one.step(f"{table} DROP CONSTRAINT IF EXISTS {quote(proof(one.table, one.new))}")
    yield from _defaults(one, one.old, one.before, one.after)
    if one.after.comment:
        yield one.step(f"COMMENT ON COLUMN {one.after.identity} IS {literal(one.after.comment)}")
    yield from _names(one, "old", "new")
    back = _cast(f"NEW.{name}", one.after, one.before)
    yield from _in_step(one, one.old, back, strict=False)


def _exchange_back(one: Retype) -> Iterator[Step]:
    table, name = f"ALTER TABLE {one.table}", quote(one.after.name)
    yield _no_trigger(one)
    yield one.step(f"{table} RENAME COLUMN {name} TO {quote(one.new)}")
    yield one.step(f"{table} RENAME COLUMN {quote(one.old)} TO {name}", main=True)
    if not one.after.nullable:
        check = f"ADD CONSTRAINT {quote(proof(one.table, one.new))} CHECK ({quote(one.new)} IS NOT NULL) NOT VALID"
        yield one.step(f"{table} ALTER COLUMN {quote(one.new)} DROP NOT NULL, {check}")
    yield from _defaults(one, one.new, one.after, one.before)
    if one.before.comment:
        yield one.step(f"COMMENT ON COLUMN {one.before.identity} IS {literal(one.before.comment)}")
    yield from _names(one, "new", "old")
    yield from _in_step(one, one.new, _cast(f"NEW.{name}", one.before, one.after), strict=True)


def _defaults(one: Retype, gone: str, before: Column, after: Column) -> Iterator[Step]:
    """The default moves with the name. gone: the column that has lost the name, `before` what it was."""
    table = f"ALTER TABLE {one.table} ALTER COLUMN"
    if before.default is not None:
        yield one.step(f"{table} {quote(gone)} DROP DEFAULT")
    if after.default is not None:
        yield one.step(f"{table} {quote(after.name)} SET DEFAULT {after.default}")


def _names(one: Retype, away: str, back: str) -> Iterator[Step]:
    """What serves the column gives its name to what serves the other."""
    for index in one.indexes:
        schema, name = split(index.identity)
        yield one.step(f"ALTER INDEX {index.identity} RENAME TO {quote(beside(name, away))}", SHARE_UPDATE_EXCLUSIVE)
        other = qualified(schema, beside(name, back))
        yield one.step(f"ALTER INDEX {other} RENAME TO {quote(name)}", SHARE_UPDATE_EXCLUSIVE)
        if index.comment:
            yield one.step(f"COMMENT ON INDEX {index.identity} IS {literal(index.comment)}", SHARE_UPDATE_EXCLUSIVE)
    for check in one.checks:
        head = f"ALTER TABLE {one.table} RENAME CONSTRAINT"
        yield one.step(f"{head} {quote(check.name)} TO {quote(beside(check.name, away))}")
        yield one.step(f"{head} {quote(beside(check.name, back))} TO {quote(check.name)}")
        if check.comment:
            yield one.step(f"COMMENT ON CONSTRAINT {quote(check.name)} ON {one.table} IS {literal(check.comment)}")


def _remove(one: Retype) -> Iterator[Step]:
    yield _no_trigger(one)
    yield one.step(f"DROP FUNCTION {one.function}()", "")
    why = f"its values are in {one.after.name}, as {one.after.type}"
    yield one.step(f"ALTER TABLE {one.table} DROP COLUMN {quote(one.old)}", why=why)


def _bring_back(one: Retype) -> Iterator[Step]:
    """The old column, made and filled anew beside the one that took its place."""
    collation = f" COLLATE {one.before.collation}" if one.before.collation else ""
    added = f"ADD COLUMN IF NOT EXISTS {quote(one.old)} {one.before.type}{collation}"
    yield one.alone(f"ALTER TABLE {one.table} {added}")
    value = _cast(f"NEW.{quote(one.after.name)}", one.after, one.before)
    for step in _in_step(one, one.old, value, strict=False, again="CREATE OR REPLACE"):
        yield piece(step, step.sql, step.lock, step.why)
    yield _fill(one, one.old, one.before, one.after, one.after.name)
    yield from _guard(one, one.old, "old")
