"""The conditions of a plan -> terms: which column, or expression of columns, is compared how, and with what.

Postgres deparses a plan's conditions with an alias before every column (EXPLAIN VERBOSE), so that views, WITH parts,
names without a table and constants are resolved already; what its deparsing says of subplans is no SQL and is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mcp_server.errors import StatementFailed
from mcp_server.world.sql import check_syntax
from mcp_server.world.sql_tree import Node, content, expression_sql, kind_of, nested, tree_of, word

# "(SubPlan 1)", "(hashed SubPlan 1).col1", "$0" and "(InitPlan 1).col1" stand for values found while it runs.
_SUBPLAN = re.compile(r"\((?:hashed |rescan )?(?:SubPlan|AlternativeSubPlan)[^()]*\)(?:\.col\d+)?")
_INITPLAN = re.compile(r"\((?:InitPlan)[^()]*\)\.col\d+|\$0\b")
_RANGES = ("<", "<=", ">", ">=")
_FLIPPED = {
    "<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "@>": "<@", "<@": "@>", "&&": "&&", "<<=": ">>=", ">>=": "<<=", "<<": ">>", ">>": "<<",
}  # fmt: skip
_PATTERNS = ("~~", "~~*", "~", "~*", "^@")
_CONTAINS = ("@>", "<@", "?", "?|", "?&", "@@", "@?", "&&", "<<=", ">>=", "<<", ">>", "-|-")
_PREFIX = re.compile(r"[^%_\\]+%")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on one table.

    alias: the table's, in the plan. column: the column, "" for an expression. sql: the column, expression or condition
    without aliases. kind: equal, among, range, join, prefix, infix, contains, predicate, or bound (a range of another
    table's values). operator: as written. fixed: the other side is a constant, no parameter.
    parameter: the number of the one parameter on the other side, else 0. arms: of an OR, by arm.
    """

    alias: str
    kind: str
    column: str = ""
    sql: str = ""
    operator: str = ""
    fixed: bool = False
    parameter: int = 0
    arms: tuple[tuple[Term, ...], ...] = ()


def read_terms(condition: str) -> tuple[Term, ...]:
    """The terms of a condition; () for one that cannot be read."""
    tree = _expression(_readable(condition))
    return tuple(_terms(tree)) if tree is not None else ()


def read_keys(keys: str) -> tuple[tuple[str, str, str], ...]:
    """(alias, column, way) of the keys of a sort or a group, as far as they are columns from the first on.

    way: as an index has it, "" for ascending, "DESC", "DESC NULLS LAST", "NULLS FIRST".
    """
    tree = _statement(f"select 1 order by {_readable(keys)}")
    if tree is None:
        return ()
    found: list[tuple[str, str, str]] = []
    for node in tree.select_stmt.sort_clause:
        column = column_of(node.sort_by.node)
        if column is None:
            break
        found.append((*column, _way(node.sort_by)))
    return tuple(found)


def _way(key: Node) -> str:
    """How a sort goes by a key; nulls come last in what ascends unless it says otherwise, and first in what descends."""
    descends = word(key, "sortby_dir") == "SORTBY_DESC"
    nulls = word(key, "sortby_nulls")
    if descends:
        return "DESC NULLS LAST" if nulls == "SORTBY_NULLS_LAST" else "DESC"
    return "NULLS FIRST" if nulls == "SORTBY_NULLS_FIRST" else ""


def _readable(text: str) -> str:
    text = _INITPLAN.sub("$9999", text).replace("(ANY (", "((")
    return _SUBPLAN.sub("null", text)


def _expression(text: str) -> Node | None:
    tree = _statement(f"select {text}")
    return tree.select_stmt.target_list[0].res_target.val if tree is not None else None


def _statement(sql: str) -> Node | None:
    try:
        check_syntax(sql)
    except StatementFailed:
        return None
    return tree_of(sql)


def _terms(node: Node) -> Iterator[Term]:
    kind = kind_of(node)
    if kind == "bool_expr":
        yield from _boolean(node)
    elif kind == "a_expr":
        yield from _compared(node)
    elif kind == "null_test":
        yield from _predicate(node, node.null_test.arg, "null")
    elif kind in ("column_ref", "boolean_test"):
        yield from _predicate(node, node if kind == "column_ref" else node.boolean_test.arg, "equal")


def _boolean(node: Node) -> Iterator[Term]:
    operator, arguments = word(node.bool_expr, "boolop"), node.bool_expr.args
    if operator == "AND_EXPR":
        for one in arguments:
            yield from _terms(one)
    elif operator == "NOT_EXPR" and kind_of(arguments[0]) == "column_ref":
        yield from _predicate(node, arguments[0], "equal")
    elif operator == "OR_EXPR":
        arms = tuple(tuple(_terms(one)) for one in arguments)
        aliases = {term.alias for arm in arms for term in arm}
        if all(arms) and len(aliases) == 1:
            yield Term(aliases.pop(), "or", arms=arms)


def _compared(node: Node) -> Iterator[Term]:
    kind = word(node.a_expr, "kind")
    operator = node.a_expr.name[-1].string.sval
    left, right = node.a_expr.lexpr, node.a_expr.rexpr
    if kind == "AEXPR_OP_ANY":
        yield from _side(node, left, "among" if operator == "=" else "other", operator, right)
    elif kind == "AEXPR_OP" and kind_of(left) == "row_expr" and kind_of(right) == "row_expr":
        yield from _side(node, left.row_expr.args[0], _kind(operator, right), operator, right)
    elif kind == "AEXPR_OP":
        yield from _side(node, left, _kind(operator, right), operator, right)
        if operator in _FLIPPED:
            flipped = _FLIPPED[operator]
            yield from _side(node, right, _kind(flipped, left), flipped, left)


def _side(whole: Node, side: Node, kind: str, operator: str, other: Node) -> Iterator[Term]:
    """The term that a comparison is for the one table of a side; nothing when it has none, or several."""
    mine, theirs = aliases_of(side), aliases_of(other)
    if len(mine) != 1 or kind == "other":
        return
    (alias,) = mine
    column = column_of(side)
    numbers = [one.number for name, one in _all(other) if name == "param_ref"]
    fixed, parameter = not theirs and not numbers, numbers[0] if len(numbers) == 1 and not theirs else 0
    if alias in theirs:
        if theirs == mine and column is not None:
            yield Term(alias, "predicate", column[1], without_aliases(whole), "columns", True)
        return
    if theirs:
        kind = {"equal": "join", "range": "bound"}.get(kind, "other")
    sql = without_aliases(whole if fixed and kind in ("equal", "among") and column is not None else side)
    yield Term(alias, kind, column[1] if column else "", sql, operator, fixed, parameter)


def _kind(operator: str, other: Node) -> str:
    if operator == "=":
        return "equal"
    if operator in _RANGES:
        return "range"
    if operator in _PATTERNS:
        return "prefix" if operator in ("~~", "^@") and _may_be_prefix(other, operator) else "infix"
    return "contains" if operator in _CONTAINS else "other"


def _may_be_prefix(pattern: Node, operator: str) -> bool:
    """Whether a pattern begins with what it looks for; one that is not known may."""
    if operator == "^@":
        return True
    texts = [one.sval for name, one in nested(pattern) if name == "sval"]
    return not texts or bool(_PREFIX.match(texts[0]))


def _predicate(whole: Node, subject: Node, operator: str) -> Iterator[Term]:
    column = column_of(subject)
    if column is not None:
        yield Term(column[0], "predicate", column[1], without_aliases(whole), operator, True)


def column_of(node: Node) -> tuple[str, str] | None:
    """(alias, column) of a reference to a column, also under the cast of varchar to text that changes no value."""
    if kind_of(node) == "type_cast" and node.type_cast.type_name.names[-1].string.sval == "text":
        node = node.type_cast.arg
    if kind_of(node) != "column_ref" or len(node.column_ref.fields) != 2:
        return None
    first, second = node.column_ref.fields
    return (first.string.sval, second.string.sval) if kind_of(second) == "string" else None


def aliases_of(node: Node) -> set[str]:
    """The aliases that an expression refers to."""
    refs = [one for name, one in _all(node) if name == "column_ref"]
    return {ref.fields[0].string.sval for ref in refs if len(ref.fields) > 1}


def without_aliases(node: Node) -> str:
    """The expression as SQL, its columns by their names alone."""
    copy = type(node)()
    copy.CopyFrom(node)
    for name, one in list(_all(copy)):
        if name == "column_ref" and len(one.fields) == 2:
            del one.fields[0]
    return expression_sql(copy)


def _all(node: Node) -> Iterator[tuple[str, Node]]:
    """The node's content and all inside it, by kind."""
    kind = kind_of(node)
    if kind:
        yield kind, content(node)
        yield from nested(content(node))
