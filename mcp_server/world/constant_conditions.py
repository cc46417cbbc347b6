"""Conditions whose truth needs no row: `WHERE true`, `1 = 1`, `NOT false`, `NULL IS NULL`."""

from __future__ import annotations

from typing import Literal, TypeAlias

from mcp_server.world.action_nodes import texts
from mcp_server.world.sql_tree import Node, kind_of, word

Truth: TypeAlias = Literal["true", "false", "null", "open"]
_NOT: dict[Truth, Truth] = {"true": "false", "false": "true", "null": "null", "open": "open"}


def is_always_true(condition: Node) -> bool:
    """Whether a condition holds for every row, as far as constants alone can tell."""
    return truth(condition) == "true"


def truth(node: Node) -> Truth:
    """What a condition is worth; "open" when it depends on rows, or when that is not plain."""
    kind = kind_of(node)
    if kind == "a_const":
        return "null" if node.a_const.isnull else _of_boolean(node)
    if kind == "type_cast":
        return truth(node.type_cast.arg)
    if kind == "bool_expr":
        return _joined(node.bool_expr)
    if kind == "a_expr":
        return _compared(node.a_expr)
    if kind == "null_test":
        value = _value(node.null_test.arg)
        if value is None:
            return "open"
        is_null = value == ("null", "")
        return "true" if is_null == (word(node.null_test, "nulltesttype") == "IS_NULL") else "false"
    return "open"


def _of_boolean(node: Node) -> Truth:
    if not node.a_const.HasField("boolval"):
        return "open"
    return "true" if node.a_const.boolval.boolval else "false"


def _joined(node: Node) -> Truth:
    parts = [truth(one) for one in node.args]
    operator = word(node, "boolop")
    if operator == "NOT_EXPR":
        return _NOT[parts[0]]
    decisive: Truth = "false" if operator == "AND_EXPR" else "true"
    if decisive in parts:
        return decisive
    return next((one for one in ("open", "null") if one in parts), _NOT[decisive])


def _compared(node: Node) -> Truth:
    operator = texts(node.name)
    left, right = (_value(node.lexpr), _value(node.rexpr)) if node.HasField("lexpr") else (None, None)
    if word(node, "kind") != "AEXPR_OP" or left is None or right is None or operator not in (("=",), ("<>",), ("!=",)):
        return "open"
    if ("null", "") in (left, right):
        return "null"
    if left[0] != right[0]:
        return "open"
    return "true" if (left == right) == (operator == ("=",)) else "false"


def _value(node: Node) -> tuple[str, str] | None:
    """A constant's kind and text; None for anything else."""
    if kind_of(node) != "a_const":
        return None
    constant = node.a_const
    if constant.isnull:
        return "null", ""
    kind = constant.WhichOneof("val") or ""
    return kind, str(getattr(constant, kind))
