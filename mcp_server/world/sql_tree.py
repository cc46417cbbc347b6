"""The parser's other door: the tree of a statement, where sql.py reads tokens alone.

The tree travels in a format that refuses nesting beyond a hundred levels; such a text has no tree here, and whoever asks must
do with its tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias, cast

from mcp_server.model.names import quote
from mcp_server.world.sql import check_syntax

# The messages of libpg_query's tree: fields are those of Postgres's own nodes (src/include/nodes/parsenodes.h).
Node: TypeAlias = Any


def statements_of(sql: str) -> tuple[str, ...]:
    """The statements of a text, without the semicolons between them. Raises StatementFailed when it is not SQL."""
    from postgast import split

    check_syntax(sql)
    return tuple(text.strip() for text in split(sql) if text.strip())


def tree_of(statement: str) -> Node | None:
    """The node of one statement that the grammar takes; None when it is nested too deep, or there is none."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from postgast import parse

    try:
        tree = parse(statement)
    except DecodeError:
        return None
    return tree.stmts[0].stmt if tree.stmts else None


def tree_if_sql(text: str) -> Node | None:
    """The node of a text's first statement; None when the grammar does not take it, or it is nested too deep."""
    from postgast import PgQueryError

    try:
        return tree_of(text)
    except (PgQueryError, UnicodeEncodeError):
        return None


def whole_tree(sql: str) -> Node:
    """The tree of a text, to be changed and written again. Raises DecodeError when it is nested too deep."""
    from postgast import parse

    return parse(sql)


def written(tree: Node) -> str:
    """A whole tree as SQL."""
    from postgast import deparse

    return str(deparse(tree))


def kind_of(node: Node) -> str:
    """Which statement or expression a node holds, `alter_table_stmt`; "" for an empty one."""
    return cast("str", node.WhichOneof("node") or "")


def content(node: Node) -> Node:
    """What a node holds."""
    return getattr(node, kind_of(node))


def word(message: Node, field: str) -> str:
    """The name of an enumerated field's value, `AT_AddColumn`."""
    kind = message.DESCRIPTOR.fields_by_name[field].enum_type
    return cast("str", kind.values_by_number[getattr(message, field)].name)


def nested(message: Node) -> Iterator[tuple[str, Node]]:
    """Every message inside of a message, with the name of the field that holds it, outermost first."""
    waiting = _inside(message)
    while waiting:
        name, one = waiting.pop()
        yield name, one
        waiting += _inside(one)


def _inside(message: Node) -> list[tuple[str, Node]]:
    """The messages directly inside of a message, the last one first."""
    return [
        (field.name, one)
        for field, value in reversed(message.ListFields())
        if field.message_type is not None
        for one in (reversed(value) if field.is_repeated else (value,))
    ]


def expression_sql(expression: Node) -> str:
    """An expression as SQL."""
    return _plain(expression) or _deparsed(expression)


def _plain(expression: Node) -> str:
    """A column, or two of them with an operator between them, as SQL; "" for anything else, which takes far longer."""
    kind = kind_of(expression)
    if kind == "column_ref":
        fields = [content(field) for field in expression.column_ref.fields if kind_of(field) == "string"]
        names = [field.sval for field in fields]
        whole = len(names) == len(expression.column_ref.fields) and all(quote(name) == name for name in names)
        return ".".join(names) if whole else ""
    if kind != "a_expr" or len(expression.a_expr.name) != 1 or word(expression.a_expr, "kind") != "AEXPR_OP":
        return ""
    compared = expression.a_expr
    left, right = _plain(compared.lexpr), _plain(compared.rexpr)
    columns = kind_of(compared.lexpr) == kind_of(compared.rexpr) == "column_ref"
    return f"{left} {compared.name[0].string.sval} {right}" if left and right and columns else ""


def _deparsed(expression: Node) -> str:
    from postgast.pg_query_pb2 import Node as Message
    from postgast.pg_query_pb2 import ResTarget

    return _select(Message(res_target=ResTarget(val=expression)))


def _select(target: Node) -> str:
    from postgast import deparse
    from postgast.pg_query_pb2 import LIMIT_OPTION_DEFAULT, SETOP_NONE, ParseResult, RawStmt, SelectStmt
    from postgast.pg_query_pb2 import Node as Message

    select = SelectStmt(target_list=[target], limit_option=LIMIT_OPTION_DEFAULT, op=SETOP_NONE)
    return str(deparse(ParseResult(stmts=[RawStmt(stmt=Message(select_stmt=select))]))).removeprefix("SELECT ")


def block_texts(statement: str) -> tuple[tuple[str, bool], ...]:
    """The SQL inside a CREATE FUNCTION in PL/pgSQL, in order: (text, whether it is an expression that yields SQL).

    A statement that PL/pgSQL runs as it stands is (sql, False); what EXECUTE runs is (expression, True). Conditions and
    assignments are left out. () when the body cannot be read.
    """
    from postgast import PgQueryError, parse_plpgsql

    try:
        tree = parse_plpgsql(statement)
    except (PgQueryError, json.JSONDecodeError, RecursionError):
        return ()
    return tuple(_block_texts(tree))


def _block_texts(part: object) -> Iterator[tuple[str, bool]]:
    if isinstance(part, list):
        for one in part:
            yield from _block_texts(one)
    elif isinstance(part, dict):
        for name, value in part.items():
            yield from _text_of(name, value)
            yield from _block_texts(value)


_RUN = {
    "PLpgSQL_stmt_execsql": "sqlstmt",
    "PLpgSQL_stmt_perform": "expr",
    "PLpgSQL_stmt_fors": "query",
    "PLpgSQL_stmt_call": "expr",
}
_DYNAMIC = {"PLpgSQL_stmt_dynexecute": "query", "PLpgSQL_stmt_dynfors": "query"}


def _text_of(name: str, value: object) -> Iterator[tuple[str, bool]]:
    field = _RUN.get(name) or _DYNAMIC.get(name)
    if field and isinstance(value, dict) and field in value:
        yield value[field]["PLpgSQL_expr"]["query"], name in _DYNAMIC
