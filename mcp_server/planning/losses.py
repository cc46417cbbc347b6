"""What a database gives up by a change: rows and values, but also what guarded or served them, which is easily overlooked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from mcp_server.model.change import Altered, Changes, Dropped
from mcp_server.model.names import literal, quote, split
from mcp_server.model.schema import Column, Constraint, Enum, Function, Index, Schema, Table, View
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.units import Key, key


def losses(before: Schema, after: Schema, changes: Changes) -> tuple[str, ...]:
    """A sentence for each loss, the gravest first."""
    ranked = [(rank, text) for change in changes for rank, text in _lost(change, before, after)]
    return tuple(text for _, text in sorted(ranked, key=lambda one: one[0]))


def left_behind(before: Schema, moved: Iterable[Key]) -> tuple[str, ...]:
    """Functions whose body speaks of what is dropped or renamed: it is plain text, which Postgres does not follow.

    before: the Schema in which `moved` still has its old names.
    """
    gone = frozenset(moved)
    functions = list(before.all(Function)) if gone else []
    dependencies = Dependencies(before) if functions else None
    found = []
    for function in functions:
        mentioned = dependencies.wishes(key(function)) & gone if dependencies else frozenset()
        tables = {identity for word, identity in mentioned if word == Table.word}
        named = sorted(identity for word, identity in mentioned if word == Table.word or _table(identity) not in tables)
        if named:
            found.append(f"function {function.identity} speaks of {', '.join(named)}, and will not find it")
    return tuple(found)


def _table(column: str) -> str:
    return ".".join(quote(part) for part in split(column)[:2])


def _lost(change: object, before: Schema, after: Schema) -> Iterator[tuple[int, str]]:
    match change:
        case Dropped(Table() as table):
            yield 0, f"table {table.identity} is dropped with all its rows{_with_it(before, table)}"
        case Dropped(Column() as column) if _stays(after, column.table):
            yield 1, f"column {column.identity} is dropped with its values"
        case Dropped(Constraint() as constraint) if _stays(after, constraint.table):
            yield from ((3, text) for text in _constraint(constraint, before, after))
        case Dropped(Index() as index) if not index.constraint and _stays(after, index.table):
            yield from ((4, text) for text in _index(index, after))
        case Altered(before=Constraint() as old, after=Constraint() as new) if old.kind == "f":
            yield from ((3, text) for text in _actions(old, new))
        case Altered(before=Enum() as old, after=Enum() as new):
            gone = [literal(value) for value in old.values if value not in new.values]
            if gone:
                yield 2, f"enum {new.identity} loses {', '.join(gone)}"
        case Altered(before=Column() as old, after=Column() as new, fields=fields):
            yield from ((3, text) for text in _column(old, new, fields))
        case Altered(before=old, after=new, fields=fields) if "comment" in fields and not getattr(new, "comment", ""):
            yield 5, f"{new.word} {new.identity} loses its comment"


def _stays(after: Schema, table: str) -> bool:
    return after.get(Table, table) is not None or after.get(View, table) is not None


def _with_it(before: Schema, table: Table) -> str:
    """What else goes with a table, apart from what every table has."""
    counts = Counter(
        one.word for one in before.group(table.identity) if one.word in ("trigger", "policy", "rule", "grant")
    )
    words = ", ".join(f"{count} {_plural(word, count)}" for word, count in sorted(counts.items()))
    return f", and {words}" if words else ""


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    return f"{word.removesuffix('y')}ies" if word.endswith("y") else f"{word}s"


def _constraint(old: Constraint, before: Schema, after: Schema) -> Iterator[str]:
    columns = {one.name for one in after.on(old.table, Column)}
    if not set(old.columns) <= columns:
        return  # it goes with its column
    others = after.on(old.table, Constraint)
    listed = ", ".join(quote(name) for name in old.columns)
    if old.kind == "f":
        same = next((one for one in others if one.kind == "f" and one.columns == old.columns), None)
        if same is not None:
            yield from _actions(old, same)
        else:
            yield f"foreign key {old.identity} is dropped: nothing ties {listed} to {old.references} any more"
    elif old.kind == "u":
        if not _still_unique(old, after):
            yield f"unique constraint {old.identity} is dropped: duplicates of ({listed}) become possible"
    elif old.kind == "p":
        if not any(one.kind == "p" for one in others):
            yield f"primary key {old.identity} is dropped"
    elif not any(one.kind == old.kind and one.definition == old.definition for one in others):
        word = "check" if old.kind == "c" else "exclusion constraint"
        yield f"{word} {old.identity} is dropped: {old.definition}"


def _still_unique(old: Constraint, after: Schema) -> bool:
    wanted = set(old.columns)
    keys = [one.columns for one in after.on(old.table, Constraint) if one.kind in "pu"]
    indexes = (one for one in after.on(old.table, Index) if one.unique and not one.predicate and all(one.columns))
    return any(set(columns) <= wanted for columns in (*keys, *(one.columns for one in indexes)))


def _actions(old: Constraint, new: Constraint) -> Iterator[str]:
    """What a foreign key no longer does by itself."""
    for word, had, has in (("DELETE", old.on_delete, new.on_delete), ("UPDATE", old.on_update, new.on_update)):
        if had and had != has:
            instead = f", it gets ON {word} {has}" if has else ""
            yield f"foreign key {old.identity} loses ON {word} {had}{instead}"


def _index(old: Index, after: Schema) -> Iterator[str]:
    columns = {one.name for one in after.on(old.table, Column)}
    if not {name for name in (*old.columns, *old.include) if name} <= columns:
        return  # it goes with its column
    others = after.on(old.table, Index)
    serving = (one for one in others if one.method == old.method and one.predicate in ("", old.predicate))
    if not any(one.keys[: len(old.keys)] == old.keys and (one.unique or not old.unique) for one in serving):
        unique = ": duplicates become possible" if old.unique else ""
        yield f"index {old.identity} on {old.table} ({', '.join(old.keys)}) is dropped{unique}"


def _column(old: Column, new: Column, fields: tuple[str, ...]) -> Iterator[str]:
    if "default" in fields and old.default is not None and new.default is None and not new.identity_kind:
        needed = "" if new.nullable else ", and inserts that leave it out fail"
        yield f"column {new.identity} loses DEFAULT {old.default}{needed}"
    if "nullable" in fields and new.nullable:
        yield f"column {new.identity} is no longer NOT NULL"
    if "identity_kind" in fields and old.identity_kind and not new.identity_kind and new.default is None:
        yield f"column {new.identity} no longer counts by itself"
    if "comment" in fields and not new.comment:
        yield f"column {new.identity} loses its comment"
