"""Tables, columns, constraints and indexes as SQLAlchemy constructs. None means: SQLAlchemy has no word for it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mcp_server.model.names import quote, split
from mcp_server.model.schema import Column, Constraint, Index, Sequence, Table
from mcp_server.render.alembic_sql import plain, text
from mcp_server.render.alembic_types import Types
from mcp_server.render.python_source import Source, call, keyword, listed, mapping, string

_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_IDENTITY = {
    "START WITH": "start",
    "INCREMENT BY": "increment",
    "MINVALUE": "minvalue",
    "MAXVALUE": "maxvalue",
    "CACHE": "cache",
}
_OPTION = re.compile(r"(START WITH|INCREMENT BY|MINVALUE|MAXVALUE|CACHE) (-?\d+)|(CYCLE)")
_OPERATOR_CLASS = re.compile(r"[a-z_][a-z0-9_]*\Z")
_EXCLUDE = re.compile(
    r"EXCLUDE USING (?P<method>\w+) \((?P<elements>[^()]+)\)(?: WHERE \((?P<where>.+?)\))?(?: DEFERRABLE.*)?\Z"
)
_ELEMENT = re.compile(r'("(?:[^"]|"")+"|[a-z_][a-z0-9_]*) WITH ([^\s()]+)')
_KINDS = {
    "p": "sa.PrimaryKeyConstraint",
    "u": "sa.UniqueConstraint",
    "f": "sa.ForeignKeyConstraint",
    "c": "sa.CheckConstraint",
}
_UNSPOKEN = (" INCLUDE (", " WITH (", " WITHOUT OVERLAPS", "PERIOD ", " NO INHERIT", " NOT ENFORCED", " NOT VALID")


def schema_of(identity: str) -> Source | None:
    """The `schema=` argument for a relation; none for public, which Alembic's projects leave out."""
    schema = split(identity)[0]
    return keyword("schema", string(schema)) if schema != "public" else None


def name_of(identity: str) -> str:
    """A relation's own name as a string."""
    return string(split(identity)[1])


def constraint_name(name: str) -> Source:
    """`op.f(...)`: the name is final and no naming convention is laid over it."""
    return call("op.f", string(name))


def create_table(
    table: Table, parts: Iterable[object], types: Types, late: frozenset[str], comments: bool
) -> Source | None:
    """`op.create_table(...)`. late: columns whose default comes later. comments: the table's own is included."""
    own = [
        part for part in parts if getattr(part, "table", "") == table.identity and not getattr(part, "inherited", False)
    ]
    columns = sorted((part for part in own if isinstance(part, Column)), key=lambda column: column.position)
    constraints = [part for part in own if isinstance(part, Constraint)]
    owners = {part.owned_by for part in parts if isinstance(part, Sequence)}
    arguments: list[Source] = []
    for column in columns:
        source = column_source(column, types, column.identity in late, _autoincrement(column, constraints, owners))
        if source is None:
            return None
        arguments.append(source)
    for constraint in sorted(constraints, key=lambda one: ("pucfxn".index(one.kind), one.name)):
        source = constraint_source(constraint)
        if source is not None:
            arguments.append(source)
    options = table_options(table)
    if options is None or table.of_type or table.kind == "foreign" or (not arguments and not table.inherits):
        return None
    comment = keyword("comment", string(table.comment)) if table.comment and comments else None
    return call("op.create_table", name_of(table.identity), *arguments, schema_of(table.identity), comment, *options)


def leftovers(parts: Iterable[object]) -> list[Constraint]:
    """The constraints of a new table that need a statement of their own here."""
    constraints = (part for part in parts if isinstance(part, Constraint))
    return [one for one in constraints if constraint_source(one) is None]


def table_options(table: Table) -> list[Source] | None:
    """Storage, partitioning and inheritance as arguments of the PostgreSQL dialect."""
    found: list[Source] = ['prefixes=["UNLOGGED"]'] if table.persistence == "unlogged" else []
    if table.inherits:
        parents = [split(parent) for parent in table.inherits]
        if any(schema != "public" for schema, _ in parents):
            return None  # SQLAlchemy has no way to say the schema of a parent
        found.append(keyword("postgresql_inherits", listed(string(name) for _, name in parents)))
    if table.partition_by:
        found.append(keyword("postgresql_partition_by", string(table.partition_by)))
    if table.access_method not in ("", "heap"):
        found.append(keyword("postgresql_using", string(table.access_method)))
    if table.options:
        found.append(keyword("postgresql_with", _with(table.options)))
    if table.tablespace:
        found.append(keyword("postgresql_tablespace", string(table.tablespace)))
    return found


def _with(options: Iterable[str]) -> Source:
    pairs = (option.partition("=") for option in options)
    return mapping((name, value if value.isdigit() else string(value)) for name, _, value in pairs)


def _listed_options(index: Index) -> list[str]:
    """The storage parameters in the order in which Postgres lists them."""
    return sorted(index.options, key=lambda option: index.definition.find(option.partition("=")[0] + "="))


def _autoincrement(column: Column, constraints: list[Constraint], owned: set[str]) -> str | None:
    """The argument that makes SQLAlchemy write SERIAL just where it is wanted: by itself it does for a lone integer key."""
    keys = [constraint.columns for constraint in constraints if constraint.kind == "p"]
    if column.identity in owned:
        return "autoincrement=True"
    refers = any(constraint.kind == "f" and column.name in constraint.columns for constraint in constraints)
    alone = keys == [(column.name,)] and column.type in _INTEGERS and not refers
    given = column.default is not None or column.identity_kind or column.generated is not None
    return "autoincrement=False" if alone and not given else None


def column_source(column: Column, types: Types, late: bool = False, autoincrement: str | None = None) -> Source | None:
    """`sa.Column(...)`. late: without its default, which comes later."""
    type_ = types.spell(column.type, column.collation)
    if type_ is None or column.compression:
        return None
    arguments: list[Source | None] = [string(column.name), type_]
    if column.identity_kind:
        arguments.append(identity_source(column))
    if column.generated is not None:
        expression = plain(column.generated)
        if expression is None or (not column.stored and types.version < (2, 1)):
            return None
        arguments.append(call("sa.Computed", expression, f"persisted={column.stored}"))
    if column.default is not None and not late and autoincrement != "autoincrement=True":
        default = text(column.default)
        if default is None:
            return None
        arguments.append(keyword("server_default", default))
    arguments += [autoincrement, f"nullable={column.nullable}"]
    arguments.append(keyword("comment", string(column.comment)) if column.comment else None)
    return call("sa.Column", *arguments)


def identity_source(column: Column) -> Source:
    """`sa.Identity(...)`."""
    options = [
        "cycle=True" if match[3] else f"{_IDENTITY[match[1]]}={match[2]}"
        for match in _OPTION.finditer(column.identity_options)
    ]
    return call("sa.Identity", f"always={column.identity_kind == 'always'}", *options)


def constraint_source(constraint: Constraint) -> Source | None:
    """The constraint as an argument of create_table; None for what needs ALTER TABLE."""
    if any(word in f" {constraint.definition}" for word in _UNSPOKEN) or constraint.kind == "n":
        return None
    name = keyword("name", constraint_name(constraint.name))
    timing = deferral(constraint)
    if constraint.kind == "x":
        elements = exclusion(constraint)
        return call("postgresql.ExcludeConstraint", *elements, name, *timing) if elements else None
    if constraint.kind == "c":
        expression = plain(constraint.expression)
        return None if expression is None else call(_KINDS["c"], expression, name, *timing)
    if constraint.kind == "f":
        target = _target(constraint)
        if target is None:
            return None
        return call(_KINDS["f"], strings(constraint.columns), target, name, *actions(constraint), *timing)
    nulls = "postgresql_nulls_not_distinct=True" if constraint.nulls_not_distinct else None
    return call(_KINDS[constraint.kind], *map(string, constraint.columns), name, nulls, *timing)


def exclusion(constraint: Constraint) -> list[Source]:
    """Elements, method and predicate of an exclusion constraint; () when an element is more than a column."""
    match = _EXCLUDE.match(constraint.definition)
    pairs = [_ELEMENT.fullmatch(element) for element in match["elements"].split(", ")] if match else []
    where = plain(match["where"]) if match and match["where"] else None
    if not match or not all(pairs) or (match["where"] and where is None):
        return []
    elements = [call("", string(split(pair[1])[0]), string(pair[2])) for pair in pairs if pair]
    predicate: list[Source] = [keyword("where", where)] if where is not None else []
    return [*elements, *predicate, keyword("using", string(match["method"]))]


def strings(names: Iterable[str]) -> Source:
    """A list of strings."""
    return listed(string(name) for name in names)


def _target(constraint: Constraint) -> Source | None:
    """Referenced columns as `schema.table.column`; None when a dot in a name would be read as a separator."""
    schema, table = split(constraint.references)
    parts = [schema, table] if schema != "public" else [table]
    if constraint.set_columns or any("." in part for part in (*parts, *constraint.referenced_columns)):
        return None
    return listed(string(".".join((*parts, name))) for name in constraint.referenced_columns)


def actions(constraint: Constraint) -> list[Source]:
    """ON UPDATE, ON DELETE, MATCH."""
    found: list[Source] = [keyword("onupdate", string(constraint.on_update))] if constraint.on_update else []
    found += [keyword("ondelete", string(constraint.on_delete))] if constraint.on_delete else []
    return found + (['match="FULL"'] if constraint.match_full else [])


def deferral(constraint: Constraint) -> list[Source]:
    """DEFERRABLE, INITIALLY DEFERRED."""
    found: list[Source] = ["deferrable=True"] if constraint.deferrable else []
    return found + (['initially="DEFERRED"'] if constraint.deferred else [])


def create_index(index: Index, concurrently: bool = False) -> Source | None:
    """`op.create_index(...)`."""
    keys: list[Source] = []
    classes: list[tuple[str, Source]] = []
    for name, key in zip(index.columns, index.keys, strict=True):
        rest = key.removeprefix(quote(name)) if name else key
        if name and not rest:
            keys.append(string(name))
        elif name and _OPERATOR_CLASS.match(rest.strip()):
            keys.append(string(name))
            classes.append((name, string(rest.strip())))
        else:
            expression = text(key)
            if expression is None:
                return None
            keys.append(expression)
    where = text(index.predicate) if index.predicate else None
    if (index.predicate and where is None) or len(dict(classes)) < len(classes):
        return None
    return call(
        "op.create_index",
        constraint_name(index.name),
        name_of(index.table),
        listed(keys),
        f"unique={index.unique}",
        schema_of(index.table),
        keyword("postgresql_using", string(index.method)) if index.method != "btree" else None,
        keyword("postgresql_ops", mapping(classes)) if classes else None,
        keyword("postgresql_include", strings(index.include)) if index.include else None,
        "postgresql_nulls_not_distinct=True" if index.nulls_not_distinct else None,
        keyword("postgresql_with", _with(_listed_options(index))) if index.options else None,
        keyword("postgresql_where", where) if where is not None else None,
        "postgresql_concurrently=True" if concurrently else None,
    )
