"""The conditions of a plan's nodes, as Postgres deparsed them -> Comparisons.

Deparsed conditions are SQL but for what stands for another part of the plan, `(hashed SubPlan 1)` or `(InitPlan 1).col1`;
a parameter takes its place. A condition that still is no SQL gives no comparison.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_server.model.condition import Comparison, Shape, Side
from mcp_server.model.query import QueryPlan
from mcp_server.world.sql_tree import Node, content, expression_sql, kind_of, nested, tree_if_sql, word

KINDS = ("Filter", "Index Cond", "Recheck Cond", "Join Filter", "Hash Cond", "Merge Cond", "One-Time Filter")
_PART = re.compile(
    r"\((?:hashed )?(?:SubPlan|InitPlan) \d+[^()]*\)(?:\.col\d+)?|(?<!\w)(?:hashed )?(?:SubPlan|InitPlan) \d+(?:\.col\d+)?"
)
_ROWS_OF = re.compile(r"\((?:ANY|ALL) \(")
_ARITHMETIC = frozenset("+-*/%^") | {"||"}
_JSON = frozenset({"->", "->>", "#>", "#>>"})
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "<>": "<>"}


def read_comparisons(plan: QueryPlan) -> tuple[Comparison, ...]:
    """What every node of a plan compares, in the printed order."""
    return tuple(
        one
        for node in plan.nodes()
        for condition in node.conditions
        if condition.kind in KINDS
        for one in comparisons_of(condition.text, node.number, condition.kind)
    )


def comparisons_of(text: str, node: int = 0, kind: str = "Filter") -> tuple[Comparison, ...]:
    """The comparisons that a condition joins by AND; () when it cannot be read."""
    sql = f"select 1 where {_ROWS_OF.sub('((', _PART.sub('$1', text))}"
    tree = tree_if_sql(sql)
    return tuple(_anded(content(tree).where_clause, node, kind)) if tree is not None else ()


def _anded(expression: Node, node: int, kind: str) -> Iterator[Comparison]:
    if kind_of(expression) == "bool_expr":
        boolean = content(expression)
        joined = word(boolean, "boolop")
        if joined == "AND_EXPR":
            for part in boolean.args:
                yield from _anded(part, node, kind)
            return
        if joined == "OR_EXPR":
            branches = tuple(tuple(_anded(part, node, kind)) for part in boolean.args)
            text = expression_sql(expression)
            yield Comparison(node, kind, "or", Side(text, "other"), text=text, branches=branches)
            return
        if kind_of(boolean.args[0]) == "column_ref":
            yield Comparison(node, kind, "false", side_of(boolean.args[0]), text=expression_sql(expression))
            return
    yield _compared(expression, node, kind)


def _compared(expression: Node, node: int, kind: str) -> Comparison:
    found, text = kind_of(expression), expression_sql(expression)
    if found == "null_test":
        test = content(expression)
        operator = "is null" if word(test, "nulltesttype") == "IS_NULL" else "is not null"
        return Comparison(node, kind, operator, side_of(test.arg), text=text)
    if found == "column_ref":
        return Comparison(node, kind, "true", side_of(expression), text=text)
    if found != "a_expr":
        return Comparison(node, kind, "other", side_of(expression), text=text)
    compared = content(expression)
    operator = compared.name[-1].string.sval
    left, right = side_of(compared.lexpr), side_of(compared.rexpr)
    if word(compared, "kind") in ("AEXPR_OP_ANY", "AEXPR_IN") and operator == "=":
        operator = "in"
    elif left.shape == "constant" and right.shape != "constant" and operator in _MIRRORED:
        left, right, operator = right, left, _MIRRORED[operator]
    return Comparison(node, kind, operator, left, right, text)


def side_of(expression: Node) -> Side:
    """One side of a comparison."""
    if not kind_of(expression):
        return Side("")
    text = expression_sql(expression) if kind_of(expression) != "list" else _list_text(expression)
    columns = list(dict.fromkeys(_columns(expression)))
    alias, column = columns[0] if len(columns) == 1 else ("", "")
    shape, around = _shape(expression) if columns else ("constant", "")
    return Side(text, shape, alias, column, around)


def _list_text(expression: Node) -> str:
    return ", ".join(expression_sql(item) for item in content(expression).items)


def _shape(expression: Node) -> tuple[Shape, str]:
    found = kind_of(expression)
    if found == "column_ref":
        return "column", ""
    inner = content(expression)
    if found == "collate_clause":
        return _shape(inner.arg)
    if found == "type_cast":
        return ("cast", _type(inner)) if kind_of(inner.arg) in ("column_ref", "type_cast") else _shape(inner.arg)
    if found == "func_call":
        return "call", inner.funcname[-1].string.sval
    if found == "a_expr" and inner.name:
        operator = inner.name[-1].string.sval
        return ("json" if operator in _JSON else "arithmetic" if operator in _ARITHMETIC else "other"), operator
    return ("call", "coalesce") if found == "coalesce_expr" else ("other", found)


def _type(cast: Node) -> str:
    return str(cast.type_name.names[-1].string.sval)


def _columns(expression: Node) -> Iterator[tuple[str, str]]:
    """Every column in an expression: (alias or "", name)."""
    messages = [content(expression)] if kind_of(expression) == "column_ref" else []
    messages += [content(one) for _, one in nested(expression) if _is_node(one) and kind_of(one) == "column_ref"]
    for reference in messages:
        names = [field.string.sval for field in reference.fields if kind_of(field) == "string"]
        if names:
            yield (names[-2] if len(names) > 1 else ""), names[-1]


def _is_node(message: Node) -> bool:
    return bool(message.DESCRIPTOR.name == "Node")
