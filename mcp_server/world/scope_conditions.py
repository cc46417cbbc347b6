"""What a condition keeps: columns compared with the user's id, with other columns, with values of the request."""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from mcp_server.world.scope_values import NOTHING, UNKNOWN, Condition, Held, Statement, all_of, any_of

if TYPE_CHECKING:
    from mcp_server.world.scope_reading import Reading

NAMED = "named by"


def compared(reading: Reading, node: ast.expr) -> Held:
    """A comparison, `&`, `|` or `~`, in SQL or in Python."""
    match node:
        case ast.BinOp(op=ast.BitAnd()):
            return _held(_of(reading, node.left) & _of(reading, node.right))
        case ast.BinOp(op=ast.BitOr()):
            return _held(_of(reading, node.left) | _of(reading, node.right))
        case ast.UnaryOp(op=ast.Invert() | ast.Not()):
            return _held(_of(reading, node.operand).negated())
        case ast.Compare(ops=[ast.Eq() | ast.Is()], comparators=[right]):
            return _held(equal(reading, reading.value(node.left), reading.value(right)))
        case ast.Compare():
            sides = [reading.value(one) for one in (node.left, *node.comparators)]
            for first, second in pairwise(sides):
                _meet(reading, first, second)
            return Held("condition")
        case ast.UnaryOp():
            return reading.value(node.operand)
    return UNKNOWN


def _held(condition: Condition) -> Held:
    return Held("condition", condition=condition)


def _of(reading: Reading, node: ast.expr) -> Condition:
    return as_condition(reading, reading.value(node))


def as_condition(reading: Reading, held: Held) -> Condition:
    """What something keeps that stands where a condition is wanted."""
    if held.statement is not None:
        return semijoin(held.statement)
    return held.condition


def semijoin(statement: Statement) -> Condition:
    """EXISTS, or IN with a subquery: the conditions of the inner statement hold, too."""
    where = statement.where
    return replace(where, models=where.models | set(statement.models))


def both(reading: Reading, nodes: list[ast.expr]) -> Condition:
    """and_(...)"""
    return all_of(_of(reading, one) for one in nodes)


def one_of(reading: Reading, nodes: list[ast.expr]) -> Condition:
    """or_(...)"""
    return any_of(_of(reading, one) for one in nodes)


def equal(reading: Reading, left: Held, right: Held) -> Condition:
    """`Task.user_id == user.id`, `Task.project_id == Project.id`, `task.user_id == user.id`."""
    _meet(reading, left, right)
    columns = [one for one in (left, right) if one.kind == "column"]
    if len(columns) == 2:
        return _joined(reading, columns[0], columns[1])
    if not columns:
        return NOTHING
    column = columns[0]
    other = right if column is left else left
    if other.statement is not None:
        return among(column, other.statement)
    return fixed(reading, column, other)


def _joined(reading: Reading, first: Held, second: Held) -> Condition:
    """Two columns that are equal: their rows belong together when one of them names a row, and not by an equal title."""
    if first.model == second.model or not any(_names_row(reading, one) for one in (first, second)):
        return NOTHING
    return Condition(links=frozenset({frozenset({first.model, second.model})}))


def _names_row(reading: Reading, column: Held) -> bool:
    one = reading.classes.get(column.model)
    known = {one.owner, *(name for name, _ in one.references)} if one is not None else set()
    return column.attribute in known or column.attribute.lower().endswith(("id", "pk", "key"))


def among(column: Held, statement: Statement) -> Condition:
    """`column IN (subquery)`: the rows are joined to those of the subquery."""
    links = {frozenset({column.model, name}) for name in statement.models if name != column.model}
    return replace(semijoin(statement), links=statement.where.links | links)


def fixed(reading: Reading, column: Held, value: Held) -> Condition:
    """A column that has a given value."""
    one = reading.classes.get(column.model)
    if one is None:
        return NOTHING
    only = frozenset({column.model})
    origin = reading.origin(value)
    is_owner = column.attribute == one.owner or (one.is_user and column.attribute == "id")
    if is_owner:
        if origin == "request":
            return Condition(scoped=only, asked=frozenset({(column.model, value.text or value.key)}))
        return Condition(scoped=only)  # rows of nobody are no other user's either
    if origin == "row" or value.kind == "row" or (origin == "trusted" and not one.is_user):
        return Condition(scoped=only)
    if value.key and _is_tied(reading, column, value):
        return Condition(scoped=only)
    return Condition(asked=frozenset({(column.model, f"{NAMED} {value.key}")})) if value.key else NOTHING


def _is_tied(reading: Reading, column: Held, value: Held) -> bool:
    """Whether the request's value was used before to fetch the row that this column refers to, which was somebody's."""
    one = reading.classes.get(column.model)
    target = next((name for attribute, name in one.references if attribute == column.attribute), "") if one else ""
    return (target or column.model, value.key) in reading.findings.tied


def _meet(reading: Reading, left: Held, right: Held) -> None:
    """What a comparison in Python says: a row's owner is looked at, or a value of the request is the user's."""
    for one, other in ((left, right), (right, left)):
        if one.attribute == "owner" and one.kind == "value" and one.pending and other.text != "None":
            if reading.origin(other) == "request":
                waiting = reading.findings.waiting.get(min(one.pending))
                if waiting is not None:
                    what = f"its owner is compared with {other.text or other.key}"
                    reading.fault("request", "select", one.model, waiting.span, what)
            reading.findings.close(one.pending)
        if one.origin == "request" and one.key and other.origin == "trusted":
            reading.findings.verify(one.key)
