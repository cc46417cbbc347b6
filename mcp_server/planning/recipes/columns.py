"""Columns and their defaults."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.names import literal, object_name, quote, split
from mcp_server.model.schema import Attribute, Column, Composite, Constraint, Enum, Sequence
from mcp_server.planning import casts
from mcp_server.planning.draft import (
    ACCESS_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    Draft,
    Drafts,
    Phase,
    Recipe,
    Refusal,
    Site,
    bracketed,
    comment,
    differing,
    set_options,
)
from mcp_server.planning.recipes.identity import alter_identity, identity_clause, resumed, sequence_name
from mcp_server.planning.units import Attachment, Default, Key, Ownership, key

_SERIALS = {"smallint": "smallserial", "integer": "serial", "bigint": "bigserial"}
_MAXIMA = {"smallint": 32767, "integer": 2147483647, "bigint": 9223372036854775807}
_MAIN = frozenset({"numeric", "inet", "cidr"})
_STRINGY = frozenset(
    {"text", "character varying", "character", "bytea", "json", "jsonb", "xml", "tsvector", "bit", "bit varying"}
)


def definition(column: Column, site: Site) -> str:
    """The column as CREATE TABLE and ADD COLUMN write it."""
    if sequence := serial(column, site):
        return f"{quote(column.name)} {_SERIALS[sequence.type]} NOT NULL"
    words = [quote(column.name), column.type]
    words += [f"COMPRESSION {column.compression}"] if column.compression else []
    words += [f"COLLATE {column.collation}"] if column.collation else []
    if column.generated is not None:
        words.append(f"GENERATED ALWAYS AS {bracketed(column.generated)} {'STORED' if column.stored else 'VIRTUAL'}")
    words += [identity_clause(column)] if column.identity_kind and not column.inherited else []
    if column.default is not None and (column.inherited or any(_is_default_of(unit, column) for unit in site.members)):
        words.append(f"DEFAULT {column.default}")
    words += ["NOT NULL"] if not column.nullable and not _named_not_null(column, site) else []
    return " ".join(words)


def _is_default_of(unit: object, column: Column) -> bool:
    return isinstance(unit, Default) and unit.item == column


def serial(column: Column, site: Site) -> Sequence | None:
    """The sequence that the pseudo-type serial would make for this column, when it is made along and is just that."""
    for unit in site.members:
        if isinstance(unit, Sequence) and unit.owned_by == column.identity:
            return unit if is_serial(column, unit) else None
    return None


def is_serial(column: Column, sequence: Sequence) -> bool:
    """True when column and sequence are what the pseudo-type serial makes."""
    schema, table = split(column.table)
    plain = Sequence(schema, object_name(table, column.name, "seq"), column.type, maximum=_MAXIMA.get(column.type, 0))
    expected = replace(plain, owned_by=column.identity, comment=sequence.comment, owner=sequence.owner)
    default = f"nextval({literal(sequence.identity)}::regclass)"
    bare = not (column.compression or column.collation or column.nullable or column.inherited)
    return bare and sequence == expected and column.default == default


def _named_not_null(column: Column, site: Site) -> Constraint | None:
    """The constraint with a name of its own that makes the column NOT NULL, when this plan makes it."""
    for constraint in site.new.schema.on(column.table, Constraint):
        if constraint.kind == "n" and constraint.columns == (column.name,) and key(constraint) in site.made:
            return constraint
    return None


def create(column: Column, site: Site) -> Drafts:
    """ADD COLUMN, then what that cannot say."""
    bare = column.default is None and not column.identity_kind and column.generated is None
    fails = bare and not column.nullable
    yield Draft(
        f"ALTER TABLE {column.table} ADD COLUMN {definition(column, site)}",
        lock=ACCESS_EXCLUSIVE,
        why="fails when the table has rows: the column is NOT NULL and has no default" if fails else "",
    )
    yield from settings(column, site)


def settings(column: Column, site: Site) -> Drafts:
    """What a column has beyond its definition: storage, statistics, options, comment."""
    plain = replace(column, storage="", statistics=None, options=(), comment="")
    prefix = f"ALTER TABLE {column.table} "
    for draft in alter(plain, column, differing(plain, column), site):  # children have their own
        alone = draft.sql.replace(prefix, _alone(column, site), 1) if isinstance(draft, Draft) else ""
        yield replace(draft, sql=alone) if isinstance(draft, Draft) else draft


def _alone(column: Column, site: Site) -> str:
    """ALTER TABLE that does not go down to children, also to those that the plan makes or drops."""
    has_children = column.table in site.new.children or column.table in site.old.children
    return f"ALTER TABLE {'ONLY ' * has_children}{column.table} "


def drop(column: Column, site: Site) -> Drafts:
    """DROP COLUMN; the values are lost unless the column is generated and comes back."""
    again = site.new.units.get(key(column))
    computed = isinstance(again, Column) and again.generated is not None and column.generated is not None
    yield Draft(
        f"ALTER TABLE {column.table} DROP COLUMN {quote(column.name)}",
        destructive=not computed,
        lock=ACCESS_EXCLUSIVE,
        why="" if computed else "the column's values are lost",
    )


def replaces(before: Column, after: Column, fields: tuple[str, ...], site: Site) -> bool:
    """True where Postgres has no ALTER for the generated expression."""
    if "generated" not in fields and "stored" not in fields:
        return "type" in fields and after.generated is not None
    if before.generated is None or ("stored" in fields and after.generated is not None):
        return True
    return not before.stored if after.generated is None else not site.since(17) or "type" in fields


def alter(before: Column, after: Column, fields: tuple[str, ...], site: Site) -> Drafts:
    """ALTER COLUMN, a statement for each thing that changes, in an order that Postgres accepts."""
    prefix = f"ALTER TABLE {after.table} ALTER COLUMN {quote(after.name)}"
    if "identity_kind" in fields and not after.identity_kind:
        names = ("identity_kind", "identity_options")
        yield Draft(f"{prefix} DROP IDENTITY", names, lock=ACCESS_EXCLUSIVE, gives=sequence_name(before))
    if "generated" in fields:
        yield _alter_generated(prefix, after)
    if {"type", "collation"} & set(fields):
        yield _alter_type(prefix, before, after, site)
    if "nullable" in fields and (after.nullable or not _named_not_null(after, site)):
        yield _alter_nullable(prefix, after)
    if "default" in fields and (before.inherited or after.inherited):
        value = f"SET DEFAULT {after.default}" if after.default is not None else "DROP DEFAULT"
        yield Draft(f"{prefix} {value}", ("default",), lock=ACCESS_EXCLUSIVE)
    if after.identity_kind:
        yield from alter_identity(prefix, before, after, fields)
    yield from _alter_storage(prefix, before, after, fields, site)
    if "comment" in fields:
        yield comment(f"COLUMN {after.identity}", after.comment, SHARE_UPDATE_EXCLUSIVE)
    if "inherited" in fields and after.inherited and (Attachment.word, after.table) not in site.made:
        yield Refusal(("inherited",), "Postgres has no statement that makes a declared column an inherited one")


def _alter_generated(prefix: str, after: Column) -> Draft:
    if after.generated is None:
        return Draft(f"{prefix} DROP EXPRESSION", ("generated", "stored"), lock=ACCESS_EXCLUSIVE)
    return Draft(f"{prefix} SET EXPRESSION AS {bracketed(after.generated)}", ("generated",), lock=ACCESS_EXCLUSIVE)


def _alter_nullable(prefix: str, after: Column) -> Draft:
    if after.nullable:
        return Draft(f"{prefix} DROP NOT NULL", ("nullable",), lock=ACCESS_EXCLUSIVE)
    return Draft(f"{prefix} SET NOT NULL", ("nullable",), lock=ACCESS_EXCLUSIVE, why="fails when a row holds NULL")


def _alter_type(prefix: str, before: Column, after: Column, site: Site) -> Draft:
    name = quote(after.name)
    gone = lost_values(before, after, site)
    if before.type == after.type and type_keys(after, site) & (site.replaced | site.made):
        expression = _converted(name, before, after, site)
        why = f"rows that hold {', '.join(gone)} make it fail" if gone else ""
        destructive = bool(gone)
    else:
        expression = casts.using(name, before.type, after.type, _is_replaced_type(after, site))
        why, destructive = casts.risk(before.type, after.type), casts.is_lossy(before.type, after.type)
    sql = f"{prefix} TYPE {after.type}"
    sql += f" COLLATE {after.collation}" if after.collation else ""
    sql += f" USING {expression}" if expression else ""
    return Draft(sql, ("type", "collation"), destructive=destructive, lock=ACCESS_EXCLUSIVE, why=why, retypes=True)


def type_keys(column: Column, site: Site) -> frozenset[Key]:
    """The user's own types that a column's type rests on."""
    words = ("enum", "domain", "composite type", "range type")
    return frozenset(one for one in site.new.of(key(column)) if one[0] in words)


def _is_replaced_type(column: Column, site: Site) -> bool:
    return bool(type_keys(column, site) & site.replaced)


def lost_values(before: Column, after: Column, site: Site) -> tuple[str, ...]:
    """The enum values that the old type of a column has and the new one has not."""
    for name in type_keys(after, site):
        old, new = site.old.units.get(name), site.new.units.get(name)
        if isinstance(old, Enum) and isinstance(new, Enum) and before.type == after.type:
            return tuple(literal(value) for value in old.values if value not in new.values)
    return ()


def _converted(name: str, before: Column, after: Column, site: Site) -> str:
    """The value of a column whose type was made anew under the same name: by way of text, a row by its attributes."""
    own = (Composite.word, after.type)
    old, new = site.old.units.get(own), site.new.units.get(own)
    if isinstance(old, Composite) and isinstance(new, Composite) and own in site.replaced:
        had = {attribute.name: attribute for attribute in old.attributes}
        values = (_attribute(name, had.get(one.name), one, site) for one in new.attributes)
        row = f"ROW({', '.join(values)})::{after.type}"
        return f"CASE WHEN {name} IS DISTINCT FROM NULL THEN {row} END"
    arrays = "[]" * casts.parse(before.type).dimensions
    return f"{name}::text{arrays}::{after.type}"


def _attribute(name: str, old: Attribute | None, new: Attribute, site: Site) -> str:
    """The value of one attribute of a row."""
    if old is None:
        return "NULL"
    value = f"({name}).{quote(new.name)}"
    if old.type != new.type:
        return casts.using(value, old.type, new.type) or value
    anew = any(one[1] == new.type.removesuffix("[]") for one in site.replaced)
    return f"{value}::text{'[]' * casts.parse(new.type).dimensions}::{new.type}" if anew else value


def _alter_storage(prefix: str, before: Column, after: Column, fields: tuple[str, ...], site: Site) -> Drafts:
    if "storage" in fields:
        storage = after.storage or ("default" if site.since(16) else _own_storage(after.type))
        yield Draft(f"{prefix} SET STORAGE {storage.upper()}", ("storage",), lock=ACCESS_EXCLUSIVE)
    if "compression" in fields:
        value = after.compression or "default"
        yield Draft(f"{prefix} SET COMPRESSION {value}", ("compression",), lock=ACCESS_EXCLUSIVE)
    if "statistics" in fields:
        target = -1 if after.statistics is None else after.statistics
        sql = f"{_alone(after, site)}ALTER COLUMN {quote(after.name)} SET STATISTICS {target}"
        yield Draft(sql, ("statistics",), lock=SHARE_UPDATE_EXCLUSIVE)
    if "options" in fields:
        yield from set_options(prefix, before.options, after.options, SHARE_UPDATE_EXCLUSIVE)


def _own_storage(type_: str) -> str:
    """The storage of a type, for servers that do not know SET STORAGE DEFAULT (before 16)."""
    parsed = casts.parse(type_)
    if parsed.dimensions or parsed.base in _STRINGY:
        return "extended"
    return "main" if parsed.base in _MAIN else "plain"


def create_default(default: Default, site: Site) -> Drafts:
    """SET DEFAULT on a column that stands already."""
    column = default.item
    sql = f"ALTER TABLE {column.table} ALTER COLUMN {quote(column.name)} SET DEFAULT {column.default}"
    yield Draft(sql, Default.fields, lock=ACCESS_EXCLUSIVE)
    if key(column) not in site.made:
        sequence = site.new.owned.get(column.identity)
        if sequence and key(sequence) in site.made and sequence.identity in (column.default or ""):
            yield resumed(column, f"{literal(sequence.identity)}::regclass", (key(Ownership(sequence)),))


def drop_default(default: Default, site: Site) -> Drafts:
    """DROP DEFAULT."""
    column = default.item
    sql = f"ALTER TABLE {column.table} ALTER COLUMN {quote(column.name)} DROP DEFAULT"
    yield Draft(sql, Default.fields, lock=ACCESS_EXCLUSIVE)


def alter_default(before: Default, after: Default, fields: tuple[str, ...], site: Site) -> Drafts:
    """SET DEFAULT over another one."""
    yield from create_default(after, site)


COLUMN = Recipe(create, drop, alter, replaces, Phase.RELATION, Phase.REMOVE, 1)
DEFAULT = Recipe(create_default, drop_default, alter_default, order=2)
