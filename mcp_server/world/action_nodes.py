"""Names, types, expressions and queries inside a statement's tree, as the plain values that an Action holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mcp_server.model.action import Action
from mcp_server.model.names import quote
from mcp_server.world.sql_tree import Node, expression_sql, kind_of, nested, word

# How the grammar names types inside, and how format_type() writes them.
_WRITTEN = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "varchar": "character varying",
    "bpchar": "character",
    "decimal": "numeric",
    "varbit": "bit varying",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
}
# Keywords, which a name of the user's would have to quote.
_KEYWORD_TYPES = frozenset({"numeric", "interval", "bit", "xml", "json"})
# The fields of an interval come as a mask, first of its modifiers; 32767 stands for all.
# https://www.postgresql.org/docs/current/datatype-datetime.html#DATATYPE-INTERVAL-INPUT
_FIELDS = {
    "4": "year", "2": "month", "8": "day", "1024": "hour", "2048": "minute", "4096": "second",
    "6": "year to month", "1032": "day to hour", "3080": "day to minute", "7176": "day to second",
    "3072": "hour to minute", "7168": "hour to second", "6144": "minute to second",
}  # fmt: skip
SERIALS = frozenset({"serial", "serial2", "serial4", "serial8", "bigserial", "smallserial"})
_ODD_WORDS = {
    "matview": "materialized view",
    "tabconstraint": "constraint",
    "domconstraint": "domain constraint",
    "statistic ext": "statistics",
    "attribute": "attribute",
}
# What reads one kind of statement.
Reading = Callable[[Node], Iterator[Action]]


def relation_name(relation: Node) -> str:
    """The name of a RangeVar: `task`, `app.task`."""
    return ".".join(quote(part) for part in (relation.schemaname, relation.relname) if part)


def dotted(names: Iterable[Node]) -> str:
    """A list of names: `app.mood`."""
    return ".".join(quote(text) for text in texts(names))


def texts(names: Iterable[Node]) -> tuple[str, ...]:
    """The plain texts of a list of names, `*` for a star."""
    return tuple(one.string.sval if kind_of(one) == "string" else "*" for one in names)


def object_name(node: Node) -> str:
    """The name of an object, however its kind of statement holds it: a list, a type, a function with arguments."""
    kind = kind_of(node)
    if kind == "list":
        return dotted(one for one in node.list.items if kind_of(one) == "string")
    if kind == "type_name":
        return type_sql(node.type_name)
    if kind == "object_with_args":
        return dotted(node.object_with_args.objname)
    if kind == "range_var":
        return relation_name(node.range_var)
    return quote(node.string.sval) if kind == "string" else ""


def object_word(message: Node, field: str) -> str:
    """The kind of an object in SQL's words: OBJECT_MATVIEW is "materialized view"."""
    plain = word(message, field).removeprefix("OBJECT_").lower().replace("_", " ")
    return _ODD_WORDS.get(plain, plain)


def type_sql(type_name: Node) -> str:
    """A type as format_type() writes it where the name alone tells; `serial` stays, a type of the user's stays as written.

    `timestamp(3) with time zone[]`, `character varying(50)`, `app.mood`.
    """
    parts = texts(type_name.names)
    if parts[:1] == ("pg_catalog",) and len(parts) == 2:
        parts = parts[1:]
    name = ".".join(quote(part) for part in parts)
    if len(parts) == 1:
        name = parts[0] if parts[0] in _KEYWORD_TYPES else _WRITTEN.get(parts[0], name)
    modifiers = ",".join(expression_sql(one) for one in type_name.typmods)
    if name == "character" and not modifiers:
        name = "bpchar"
    if name == "interval":
        mask, _, modifiers = modifiers.partition(",")
        name = f"{name} {_FIELDS[mask]}" if mask in _FIELDS else name
    if name == "numeric" and modifiers and "," not in modifiers:
        modifiers += ",0"
    if modifiers:
        first, _, rest = name.partition(" with")
        name = f"{first}({modifiers})" + (f" with{rest}" if rest else "")
    return name + "[]" * len(type_name.array_bounds)


def calls_in(*nodes: Node) -> tuple[str, ...]:
    """The functions that expressions call, sorted: `app.next_number`, `now`, `current_timestamp`."""
    found: set[str] = set()
    for node in nodes:
        for field, message in nested(node):
            if field == "func_call":
                parts = [part for part in texts(message.funcname) if part != "pg_catalog"]
                found.add(".".join(quote(part) for part in parts))
            elif field == "sqlvalue_function":
                found.add(word(message, "op").removeprefix("SVFOP_").removesuffix("_N").lower())
    return tuple(sorted(found))


def relations_in(node: Node) -> tuple[str, ...]:
    """The relations that a query reads, without the names of its own WITH parts; each once, in order."""
    own: set[str] = set()
    found: dict[str, None] = {}
    for field, message in nested(node):
        if field == "common_table_expr":
            own.add(quote(message.ctename))
        elif field == "range_var":
            found[relation_name(message)] = None
    return tuple(name for name in found if name not in own)


def compared_columns(condition: Node) -> tuple[str, ...]:
    """The columns that a WHERE, joined by AND, compares for equality with what is no column of a table."""
    return tuple(dict.fromkeys(_compared(condition)))


def _compared(condition: Node) -> Iterator[str]:
    kind = kind_of(condition)
    if kind == "bool_expr" and word(condition.bool_expr, "boolop") == "AND_EXPR":
        for one in condition.bool_expr.args:
            yield from _compared(one)
    elif kind == "a_expr":
        comparison = condition.a_expr
        sides = kind_of(comparison.lexpr), kind_of(comparison.rexpr)
        if texts(comparison.name) == ("=",) and sides[0] == "column_ref" and sides[1] != "column_ref":
            yield texts(comparison.lexpr.column_ref.fields)[-1]


def options_of(elements: Iterable[Node]) -> tuple[str, ...]:
    """The options of a list of DefElem: ("fillfactor=70",)."""
    return tuple(_option(one.def_elem) for one in elements if kind_of(one) == "def_elem")


def _option(element: Node) -> str:
    name = f"{element.defnamespace}.{element.defname}" if element.defnamespace else element.defname
    value = _value(element.arg) if element.HasField("arg") else ""
    return f"{name}={value}" if value else name


def _value(node: Node) -> str:
    kind = kind_of(node)
    if kind == "string":
        return str(node.string.sval)
    if kind == "integer":
        return str(node.integer.ival)
    if kind == "boolean":
        return "true" if node.boolean.boolval else "false"
    if kind == "float":
        return str(node.float.fval)
    if kind == "type_name":
        return type_sql(node.type_name)
    if kind == "list":
        return ".".join(texts(node.list.items))
    return expression_sql(node) if kind == "a_const" else ""


def role_name(role: Node) -> str:
    """The name of a RoleSpec, `current_user` and its like as they stand."""
    kind = word(role, "roletype").removeprefix("ROLESPEC_").lower()
    return quote(role.rolename) if kind == "cstring" else kind


def casts_of(expression: Node, column: str) -> tuple[str, ...] | None:
    """The types that an expression casts the column to, one after the other; None when it does more than that."""
    found: list[str] = []
    while kind_of(expression) == "type_cast":
        found.insert(0, type_sql(expression.type_cast.type_name))
        expression = expression.type_cast.arg
    is_column = kind_of(expression) == "column_ref" and texts(expression.column_ref.fields) == (column,)
    return tuple(found) if is_column else None


def flags_of(**told: bool) -> frozenset[str]:
    """The names of those that hold, with spaces for underscores: flags_of(if_exists=True) is {"if exists"}."""
    return frozenset(name.rstrip("_").replace("_", " ") for name, holds in told.items() if holds)
