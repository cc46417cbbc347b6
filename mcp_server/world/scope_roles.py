"""Tests that come out one way only, or only for a role such as an administrator's."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server.world.scope_reading import Reading

ROLE = re.compile(r"admin|superuser|staff|role|permission|moderator|is_root|scopes", re.IGNORECASE)


ORDINARY = frozenset({"user", "member", "customer", "guest", "viewer", "basic"})


def certain(reading: Reading, test: ast.expr) -> bool | None:
    """Whether a test can only come out one way, because it asks whether something is there that is."""
    match test:
        case ast.UnaryOp(op=ast.Not()):
            inner = certain(reading, test.operand)
            return None if inner is None else not inner
        case ast.Compare(ops=[ast.Is() | ast.IsNot() as how], comparators=[ast.Constant(value=None)]):
            inner = certain(reading, test.left)
            return None if inner is None else inner != isinstance(how, ast.Is)
        case ast.Name():
            held = reading.held.get(test.id)
            if held is not None and held.kind == "value" and held.origin == "constant" and held.text == "None":
                return False
            if held is not None and held.kind == "value" and reading.origin(held) in ("trusted",):
                return True
    return None


def role(reading: Reading, test: ast.expr) -> str:
    """Whether a test holds only for ("yes"), or only without ("no"), a role such as an administrator's."""
    match test:
        case ast.UnaryOp(op=ast.Not()):
            return {"yes": "no", "no": "yes"}.get(role(reading, test.operand), "")
        case ast.BoolOp(op=ast.And()):
            return "yes" if any(role(reading, one) == "yes" for one in test.values) else ""
        case ast.BoolOp(op=ast.Or()):
            return "no" if any(role(reading, one) == "no" for one in test.values) else ""
        case ast.Compare() if _names_ordinary(test):
            return ""
        case ast.Compare(ops=[ast.NotEq() | ast.NotIn()]):
            return "no" if _speaks_of_role(reading, test.left) else ""
        case ast.Compare(ops=[ast.Eq() | ast.In()]):
            return "yes" if _speaks_of_role(reading, test.left) or _speaks_of_role(reading, test.comparators[0]) else ""
        case ast.Attribute() | ast.Call() | ast.Name() | ast.Subscript():
            return "yes" if _speaks_of_role(reading, test) else ""
    return ""


def _names_ordinary(test: ast.Compare) -> bool:
    """Whether a role that a test names is one that everybody may have."""
    return any(isinstance(one, ast.Constant) and str(one.value).lower() in ORDINARY for one in ast.walk(test))


def _speaks_of_role(reading: Reading, node: ast.expr) -> bool:
    """Whether it asks somebody who was authenticated for a role; what the request itself says of one proves nothing."""
    if not ROLE.search(ast.unparse(node)):
        return False
    names = [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]
    held = [reading.held[name] for name in names if name in reading.held]
    return not any(reading.origin(one) == "request" or one.kind in ("body", "request") for one in held)
