"""Tables, and their attachment to a partitioned one."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.change import Altered, Change
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Constraint, Index, Schema, SchemaObject, Table, qualified
from mcp_server.planning.draft import (
    ACCESS_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    Draft,
    Drafts,
    Phase,
    Recipe,
    Refusal,
    Site,
    comment,
    differing,
    options,
    owner,
    set_options,
)
from mcp_server.planning.partitions import parent_column
from mcp_server.planning.recipes import columns
from mcp_server.planning.units import Attachment, Default, Key, is_inherited, key

FIXED = {
    "kind": "Postgres cannot turn a table into one of another kind: make a new table and move the rows",
    "partition_by": "Postgres cannot change how a table is partitioned: make a new table and move the rows",
    "server": "Postgres cannot move a foreign table to another server: make it anew",
}
DECLARED = "columns stay declared on the table itself: Postgres has no statement that makes one an inherited one"
_KEY_ORDER = {"n": 0, "p": 1, "u": 2, "x": 3, "c": 4, "f": 5}


def is_fixed(change: Change) -> str:
    """Why a table cannot be altered so, "" when it can."""
    if not isinstance(change, Altered) or not isinstance(change.after, Table):
        return ""
    return next((FIXED[name] for name in change.fields if name in FIXED), "")


def create(table: Table, site: Site) -> Drafts:
    """CREATE TABLE with all that was bundled into it, then what that cannot say."""
    attached = any(isinstance(unit, Attachment) for unit in site.members)
    yield Draft(_partition_of(table, site) if attached else _create_table(table, site))
    plain = replace(table, replica_identity="", row_security=False, force_row_security=False, owner="", comment="")
    yield from alter(plain, table, differing(plain, table), site)


def beyond_parent(column: Column, site: Site) -> Drafts:
    """What an inherited column has that its parent does not give it."""
    parent = parent_column(column, site.new.schema)
    if parent is None:
        return
    needs: tuple[Key, ...] = ((Default.word, parent.identity),)
    given = replace(parent, table=column.table, inherited=True, statistics=None, options=(), comment="")
    table = site.new.schema.get(Table, column.table)
    if not (table and table.partition_of and site.since(17)):  # only partitions share an identity column, since 17
        given = replace(given, identity_kind="", identity_options="")
    for draft in columns.alter(given, column, differing(given, column), site):
        yield replace(draft, needs=needs) if isinstance(draft, Draft) else draft


def _create_table(table: Table, site: Site) -> str:
    unlogged = "UNLOGGED " if table.persistence == "unlogged" else ""
    foreign = "FOREIGN " if table.kind == "foreign" else ""
    head = f"CREATE {unlogged}{foreign}TABLE {table.identity}"
    if table.of_type:
        lines = [*_typed_columns(site), *_constraints(site)]
        return head + f" OF {table.of_type}" + _block(lines) * bool(lines) + _tail(table)
    own = [unit for unit in site.members if isinstance(unit, Column)]
    own.sort(key=lambda column: column.position)
    lines = [columns.definition(column, site) for column in own]
    return head + _block(lines + _constraints(site)) + _tail(table)


def _typed_columns(site: Site) -> list[str]:
    """The columns of a typed table that have something of their own."""
    lines: list[str] = []
    for column in sorted((unit for unit in site.members if isinstance(unit, Column)), key=lambda one: one.position):
        words = columns.definition(column, site).removeprefix(f"{quote(column.name)} {column.type}")
        if words:
            lines.append(f"{quote(column.name)} WITH OPTIONS{words}")
    return lines


def _partition_of(table: Table, site: Site) -> str:
    unlogged = "UNLOGGED " if table.persistence == "unlogged" else ""
    foreign = "FOREIGN " if table.kind == "foreign" else ""
    head = f"CREATE {unlogged}{foreign}TABLE {table.identity} PARTITION OF {table.partition_of}"
    lines = _constraints(site)
    return head + _block(lines) * bool(lines) + f" {table.partition_bound}" + _tail(table)


def _constraints(site: Site) -> list[str]:
    found = [unit for unit in site.members if isinstance(unit, Constraint)]
    found.sort(key=lambda one: (_KEY_ORDER[one.kind], one.name))
    return [f"CONSTRAINT {quote(one.name)} {one.definition}" for one in found]


def _block(lines: list[str]) -> str:
    return " (\n    " + ",\n    ".join(lines) + "\n)" if lines else " ()"


def _tail(table: Table) -> str:
    words = [f"INHERITS ({', '.join(table.inherits)})"] if table.inherits else []
    words += [f"PARTITION BY {table.partition_by}"] if table.partition_by else []
    if table.kind == "foreign":
        words += [f"SERVER {table.server}"]
        words += [f"OPTIONS ({_foreign_options(table.options)})"] if table.options else []
        return " " + " ".join(words)
    words += [f"USING {quote(table.access_method)}"] if table.access_method not in ("", "heap") else []
    words += [f"WITH ({options(table.options)})"] if table.options else []
    words += [f"TABLESPACE {quote(table.tablespace)}"] if table.tablespace else []
    return "".join(f" {word}" for word in words)


def _foreign_options(pairs: tuple[str, ...], action: str = "") -> str:
    split = (pair.partition("=") for pair in pairs)
    return ", ".join(f"{action}{quote(name)} '{value.replace(chr(39), chr(39) * 2)}'" for name, _, value in split)


def drop(table: Table, site: Site) -> Drafts:
    """DROP TABLE and everything on it."""
    word = "FOREIGN TABLE" if table.kind == "foreign" else "TABLE"
    destructive = table.kind != "foreign" and table.kind != "partitioned"
    why = "the table's rows are lost" if destructive else ""
    yield Draft(f"DROP {word} {table.identity}", destructive=destructive, lock=ACCESS_EXCLUSIVE, why=why)


def alter(before: Table, after: Table, fields: tuple[str, ...], site: Site) -> Drafts:
    """ALTER TABLE, a statement for each thing that changes."""
    name = f"TABLE {after.identity}"
    if "persistence" in fields:
        word = "LOGGED" if after.persistence == "permanent" else "UNLOGGED"
        yield Draft(f"ALTER {name} SET {word}", ("persistence",), lock=ACCESS_EXCLUSIVE, why="the table is rewritten")
    if "access_method" in fields and "kind" not in fields:
        sql = f"ALTER {name} SET ACCESS METHOD {quote(after.access_method or 'DEFAULT')}"
        yield Draft(sql, ("access_method",), lock=ACCESS_EXCLUSIVE, why="the table is rewritten")
    if "tablespace" in fields:
        sql = f"ALTER {name} SET TABLESPACE {quote(after.tablespace or 'pg_default')}"
        yield Draft(sql, ("tablespace",), lock=ACCESS_EXCLUSIVE, why="the table's files are copied")
    if "options" in fields:
        yield from _alter_options(before, after)
    yield from _alter_parents(name, before, after, fields, site)
    yield from _alter_identity_and_security(name, before, after, fields, site)
    if "comment" in fields:
        word = "FOREIGN TABLE" if after.kind == "foreign" else "TABLE"
        yield comment(f"{word} {after.identity}", after.comment, SHARE_UPDATE_EXCLUSIVE)
    if "owner" in fields:
        yield owner(name, after.owner, ACCESS_EXCLUSIVE)


def _alter_options(before: Table, after: Table) -> Drafts:
    prefix = f"ALTER TABLE {after.identity}"
    if after.kind != "foreign":
        yield from set_options(prefix, before.options, after.options, SHARE_UPDATE_EXCLUSIVE)
        return
    had = {pair.partition("=")[0] for pair in before.options}
    has = {pair.partition("=")[0] for pair in after.options}
    added = tuple(pair for pair in after.options if pair.partition("=")[0] not in had)
    changed = tuple(pair for pair in after.options if pair.partition("=")[0] in had and pair not in before.options)
    words = [_foreign_options(added, "ADD "), _foreign_options(changed, "SET ")]
    words += [f"DROP {quote(name)}" for name in sorted(had - has)]
    yield Draft(f"ALTER FOREIGN TABLE {after.identity} OPTIONS ({', '.join(word for word in words if word)})",
                ("options",), lock=ACCESS_EXCLUSIVE)  # fmt: skip


def _alter_parents(name: str, before: Table, after: Table, fields: tuple[str, ...], site: Site) -> Drafts:
    if "inherits" in fields:
        kept = tuple(parent for parent in before.inherits if parent in after.inherits)
        kept = kept if after.inherits[: len(kept)] == kept else ()
        for parent in before.inherits:
            if parent not in kept:
                yield Draft(f"ALTER {name} NO INHERIT {parent}", ("inherits",), lock=ACCESS_EXCLUSIVE)
        for parent in after.inherits:
            if parent not in kept:
                yield Draft(f"ALTER {name} INHERIT {parent}", ("inherits",), lock=ACCESS_EXCLUSIVE)
                if any(column.inherited for column in site.new.schema.on(after.identity, Column)):
                    yield Refusal(("inherits",), DECLARED)
    if "of_type" in fields:
        word = f"OF {after.of_type}" if after.of_type else "NOT OF"
        yield Draft(f"ALTER {name} {word}", ("of_type",), lock=ACCESS_EXCLUSIVE)


def _alter_identity_and_security(name: str, before: Table, after: Table, fields: tuple[str, ...], site: Site) -> Drafts:
    if "replica_identity" in fields:
        words = {"": "DEFAULT", "full": "FULL", "nothing": "NOTHING"}
        value = words.get(after.replica_identity, f"USING INDEX {quote(after.replica_identity)}")
        chosen = (Index.word, qualified(after.schema, after.replica_identity))
        needs = (chosen, *site.new.of(chosen))
        index = before.replica_identity
        frees = tuple(site.old.of((Index.word, qualified(before.schema, index)))) if index else ()
        sql = f"ALTER {name} REPLICA IDENTITY {value}"
        yield Draft(sql, ("replica_identity",), needs, frees=frees, lock=ACCESS_EXCLUSIVE)
    if "row_security" in fields:
        word = "ENABLE" if after.row_security else "DISABLE"
        yield Draft(f"ALTER {name} {word} ROW LEVEL SECURITY", ("row_security",), lock=ACCESS_EXCLUSIVE)
    if "force_row_security" in fields:
        word = "FORCE" if after.force_row_security else "NO FORCE"
        yield Draft(f"ALTER {name} {word} ROW LEVEL SECURITY", ("force_row_security",), lock=ACCESS_EXCLUSIVE)


def attach(attachment: Attachment, site: Site) -> Drafts:
    """ATTACH PARTITION, after the indexes and constraints that the parent will take over."""
    table = attachment.item
    taken: tuple[Index | Constraint, ...] = (
        *site.new.schema.on(table.identity, Index),
        *site.new.schema.on(table.identity, Constraint),
    )
    needs = tuple(key(unit) for unit in taken if is_inherited(unit) and not _is_clone(unit))
    sql = f"ALTER TABLE {table.partition_of} ATTACH PARTITION {table.identity} {table.partition_bound}"
    why = "the table is read through to see that its rows lie within the bounds"
    settles = _not_nulls(table, site.old.schema, site.new.schema)
    yield Draft(sql, Attachment.fields, needs, settles=settles, lock=ACCESS_EXCLUSIVE, why=why)


def _is_clone(unit: SchemaObject) -> bool:
    return isinstance(unit, Constraint) and unit.kind == "f"


def _not_nulls(table: Table, one: Schema, other: Schema) -> tuple[Constraint, ...]:
    """NOT NULLs under a name of their own, which count as the parent's while the table is attached."""
    kept = {unit.name for unit in other.on(table.identity, Constraint)}
    return tuple(unit for unit in one.on(table.identity, Constraint) if unit.kind == "n" and unit.name not in kept)


def detach(attachment: Attachment, site: Site) -> Drafts:
    """DETACH PARTITION."""
    table = attachment.item
    sql = f"ALTER TABLE {table.partition_of} DETACH PARTITION {table.identity}"
    settles = _not_nulls(table, site.new.schema, site.old.schema)
    yield Draft(sql, Attachment.fields, settles=settles, lock=ACCESS_EXCLUSIVE)


def reattach(before: Attachment, after: Attachment, fields: tuple[str, ...], site: Site) -> Drafts:
    """A partition with other bounds or another parent is detached and attached."""
    yield from detach(before, site)
    yield from attach(after, site)


TABLE = Recipe(create, drop, alter, make=Phase.RELATION, remove=Phase.REMOVE)
ATTACHMENT = Recipe(attach, detach, reattach, order=8)
