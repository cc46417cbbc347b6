"""SQL in a document -> what it states of tables. Read by Postgres's own grammar; what other dialects add is understood, and told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mcp_server.model.spec import (
    Change,
    OnDelete,
    Part,
    Reference,
    SpecType,
    StatedCheck,
    StatedColumn,
    StatedIndex,
    StatedKey,
    StatedTable,
    Unread,
)
from mcp_server.world.action_nodes import type_sql
from mcp_server.world.spec_dialects import (
    enum_made_by,
    inner_indexes,
    values_of_column,
)
from mcp_server.world.spec_script import Script, shortened, split, touched_by, tree_told
from mcp_server.world.spec_tables import read_keys
from mcp_server.world.spec_types import read_type
from mcp_server.world.spec_words import read_default
from mcp_server.world.sql_tree import Node, content, expression_sql, kind_of, nested, word

_QUERIES = re.compile(
    r"^\s*(?:--[^\n]*\n|\s)*(?:select|insert|update|delete|with|explain|set|begin|commit|rollback|vacuum|analyze|reindex|copy|show|drop|truncate|\\)",
    re.I,
)
_ABOUT_TABLES = re.compile(
    r"\b(?:create\s+(?:unlogged\s+|temp\w*\s+)?table|create\s+(?:unique\s+)?index|alter\s+table|create\s+type|drop\s+table|create\s+(?:or\s+replace\s+)?trigger)\b",
    re.I,
)
_DELETES: dict[str, OnDelete] = {"c": "cascade", "r": "restrict", "n": "set null", "d": "set default", "a": ""}


def read_sql(text: str, path: str, line: int, *, external: bool = False) -> tuple[Part, ...]:
    """What the SQL of a fence states. line: of its first. Queries state nothing."""
    if not _ABOUT_TABLES.search(text):
        return ()
    scripts = split(text, path, line)
    if isinstance(scripts, Unread):
        return (scripts,)
    enums = dict(found for script in scripts if (found := enum_made_by(script.sql)))
    touches = dict(touch for script in scripts if (touch := touched_by(script.sql)))
    parts = [part for script in scripts for part in _statement(replace(script, enums=enums, touches=touches))]
    return tuple(replace(part, external=external) if isinstance(part, StatedTable) else part for part in parts)


def _statement(script: Script) -> Iterator[Part]:
    node, told = tree_told(script)
    if node is None:
        if not _QUERIES.match(script.sql):
            yield Unread(script.at(0), shortened(script.sql), told)
        return
    match kind_of(node):
        case "create_stmt":
            yield from _create(content(node), script)
            for offset, name, keys, unique in inner_indexes(script.sql):
                named = content(node).relation.relname
                yield StatedIndex(named, read_keys(keys), script.at(offset), "sql", "strong", name, unique)
        case "index_stmt":
            yield _index(content(node), script)
        case "alter_table_stmt":
            yield from _alter(content(node), script)
        case "drop_stmt":
            yield from _dropped(content(node), script)
        case "create_trig_stmt" if script.touched(content(node).funcname[-1].string.sval):
            trigger, at = content(node), script.at(0)
            column = StatedColumn(script.touched(trigger.funcname[-1].string.sval), at, on_update=True)
            yield StatedTable(trigger.relation.relname, "table", at, "sql", "strong", (column,), adds=True)
        case "create_function_stmt" if content(node).funcname[-1].string.sval in script.touches:
            return
        case "rename_stmt":
            yield from _renamed(content(node), script)
        case "create_enum_stmt" | "comment_stmt" | "transaction_stmt" | "create_extension_stmt" | "variable_set_stmt":
            return
        case _:
            if not _QUERIES.match(script.sql):
                yield Unread(
                    script.at(0),
                    shortened(script.sql),
                    "tables, columns, keys, checks and indexes are compared; this is kept out",
                )


def _create(statement: Node, script: Script) -> Iterator[Part]:
    table, schema = statement.relation.relname, statement.relation.schemaname
    script = replace(script, name=table)
    if schema not in ("", "public"):
        at = script.at(statement.relation.location)
        yield Unread(at, f"{schema}.{table}", "a table of schema public: of which schema a table is, is not kept")
    columns: list[StatedColumn] = []
    others: list[Part] = []
    key: tuple[str, ...] = ()
    for element in statement.table_elts:
        if kind_of(element) == "column_def":
            columns.append(_column(element.column_def, script))
            others += _column_checks(element.column_def, table, script)
        elif kind_of(element) == "constraint":
            constraint = element.constraint
            if word(constraint, "contype") == "CONSTR_PRIMARY":
                key = _names(constraint.keys)
            else:
                others += _constraint(constraint, table, script)
    if len(key) == 1:
        columns = [replace(one, primary_key=True, nullable=None) if one.name == key[0] else one for one in columns]
        key = ()
    yield StatedTable(table, "table", script.at(statement.relation.location), "sql", "strong", tuple(columns), key)
    yield from others


def _names(keys: Sequence[Node]) -> tuple[str, ...]:
    return tuple(one.string.sval for one in keys)


def _column(node: Node, script: Script) -> StatedColumn:
    column = StatedColumn(node.colname, script.at(node.location), _type(node, script))
    kinds = [word(one.constraint, "contype") for one in node.constraints]
    for one in node.constraints:
        column = _constrained(column, one.constraint)
    line = script.sql.encode()[max(node.location, 0) :].decode(errors="ignore").partition("\n")[0]
    if re.search(r"on update (?:current_timestamp|now)", line, re.I):
        column = replace(column, on_update=True)
    if column.nullable is None and not column.primary_key and column.default is None and "CONSTR_NOTNULL" not in kinds:
        automatic = column.type is not None and column.type.automatic
        column = replace(column, nullable=None if automatic else True, silent=True)
    return column


def _type(node: Node, script: Script) -> SpecType | None:
    written = type_sql(node.type_name)
    plain = written.rpartition(".")[2].strip('"').lower()
    if plain in script.enums:
        return SpecType(written, ("enum",), values=script.enums[plain])
    if plain.startswith("text_of"):
        return SpecType("enum", ("enum",), values=values_of_column(script.sql, node.colname))
    found = read_type(written.replace("bpchar", "character"), strict=True)
    if found is None:
        return SpecType(written, (written,))
    return replace(found, written=written, is_array=bool(node.type_name.array_bounds))


def _constrained(column: StatedColumn, constraint: Node) -> StatedColumn:
    match word(constraint, "contype"):
        case "CONSTR_NOTNULL":
            return replace(column, nullable=False)
        case "CONSTR_NULL":
            return replace(column, nullable=True)
        case "CONSTR_PRIMARY":
            return replace(column, primary_key=True)
        case "CONSTR_UNIQUE":
            return replace(column, unique=True)
        case "CONSTR_DEFAULT":
            value = _expression(constraint.raw_expr)
            known = read_default(value)
            return replace(column, default=None if known == "null" else value if known == "?" else known)
        case "CONSTR_IDENTITY":
            return replace(column, type=replace(column.type, automatic=True) if column.type else None)
        case "CONSTR_FOREIGN":
            return replace(column, reference=_reference(constraint))
        case _:
            return column


def _reference(constraint: Node) -> Reference:
    columns = _names(constraint.pk_attrs)
    rule = _DELETES.get(constraint.fk_del_action, "")
    return Reference(constraint.pktable.relname, columns[0] if columns else "", rule)


def _expression(node: Node) -> str:
    return expression_sql(node)


def _column_checks(node: Node, table: str, script: Script) -> list[Part]:
    return [
        part
        for one in node.constraints
        if word(one.constraint, "contype") == "CONSTR_CHECK"
        for part in _constraint(one.constraint, table, script)
    ]


def _constraint(constraint: Node, table: str, script: Script) -> Iterator[Part]:
    at = script.at(constraint.location)
    match word(constraint, "contype"):
        case "CONSTR_CHECK":
            sql = _expression(constraint.raw_expr)
            yield StatedCheck(table, _columns_in(constraint.raw_expr), at, "sql", "strong", sql, constraint.conname)
        case "CONSTR_UNIQUE":
            yield StatedIndex(table, _names(constraint.keys), at, "sql", "strong", constraint.conname, True)
        case "CONSTR_FOREIGN":
            yield StatedKey(table, _names(constraint.fk_attrs), _reference(constraint), at, "sql", "strong")
        case "CONSTR_PRIMARY":
            key = _names(constraint.keys)
            columns = (StatedColumn(key[0], at, primary_key=True),) if len(key) == 1 else ()
            yield StatedTable(table, "table", at, "sql", "strong", columns, key if len(key) > 1 else (), adds=True)
        case _:
            yield Unread(at, shortened(script.sql), "primary keys, unique constraints, foreign keys and checks")


def _columns_in(expression: Node) -> tuple[str, ...]:
    found = [
        message.fields[-1].string.sval
        for field, message in (*nested(expression),)
        if field == "column_ref" and kind_of(message.fields[-1]) == "string"
    ]
    return tuple(dict.fromkeys(found))


def _index(statement: Node, script: Script) -> Part:
    keys = tuple(_key(one.index_elem) for one in statement.index_params)
    method = statement.access_method if statement.access_method not in ("btree", "") else ""
    predicate = _expression(statement.where_clause) if statement.HasField("where_clause") else ""
    at = script.at(statement.relation.location)
    return StatedIndex(
        statement.relation.relname, keys, at, "sql", "strong", statement.idxname, statement.unique, predicate, method
    )


def _key(element: Node) -> str:
    name = element.name or f"({_expression(element.expr)})"
    return name + (" DESC" if word(element, "ordering") == "SORTBY_DESC" else "")


def _dropped(statement: Node, script: Script) -> Iterator[Part]:
    if word(statement, "remove_type") == "OBJECT_TABLE":
        for one in statement.objects:
            yield Change(one.list.items[-1].string.sval, "", "", script.at(0))


def _renamed(statement: Node, script: Script) -> Iterator[Part]:
    kind, table = word(statement, "rename_type"), statement.relation.relname
    if kind in ("OBJECT_TABLE", "OBJECT_COLUMN"):
        yield Change(table, statement.subname if kind == "OBJECT_COLUMN" else "", statement.newname, script.at(0))


def _alter(statement: Node, script: Script) -> Iterator[Part]:
    table = statement.relation.relname
    for one in statement.cmds:
        yield from _command(one.alter_table_cmd, table, script)


def _command(command: Node, table: str, script: Script) -> Iterator[Part]:
    at = script.at(0)
    match word(command, "subtype"):
        case "AT_AddConstraint":
            yield from _constraint(getattr(command, "def").constraint, table, script)
        case "AT_AddColumn":
            node = getattr(command, "def").column_def
            columns = (_column(node, script),)
            yield StatedTable(table, "table", at, "sql", "strong", columns, adds=True)
            yield from _column_checks(node, table, script)
        case "AT_SetNotNull" | "AT_DropNotNull":
            nullable = word(command, "subtype") == "AT_DropNotNull"
            columns = (StatedColumn(command.name, at, nullable=nullable),)
            yield StatedTable(table, "table", at, "sql", "strong", columns, adds=True)
        case "AT_ColumnDefault":
            if command.HasField("def"):
                columns = (StatedColumn(command.name, at, default=_expression(getattr(command, "def"))),)
                yield StatedTable(table, "table", at, "sql", "strong", columns, adds=True)
        case "AT_AlterColumnType":
            node = getattr(command, "def").column_def
            columns = (StatedColumn(command.name, at, _type(node, script)),)
            yield StatedTable(table, "table", at, "sql", "strong", columns, adds=True)
        case "AT_EnableRowSecurity" | "AT_ForceRowSecurity":
            yield Unread(at, shortened(script.sql), "row security is not compared yet")
        case "AT_DropColumn":
            yield Change(table, command.name, "", at)
        case "AT_DropConstraint":
            return
        case _:
            yield Unread(at, shortened(script.sql), "ADD COLUMN, ADD CONSTRAINT, SET NOT NULL, SET DEFAULT or TYPE")
