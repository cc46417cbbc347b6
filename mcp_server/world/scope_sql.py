"""SQL that stands in the code as a text."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from mcp_server.model.code_scope import Verb

if TYPE_CHECKING:
    from mcp_server.world.scope_reading import Reading

SQL = re.compile(r"\s*(?:select|update|delete|with)\b", re.IGNORECASE)


def read_raw(reading: Reading, node: ast.Call) -> None:
    """SQL as a text: it must name the owner's column where it names a table of users."""
    text = _literal(node.args[0])
    if not SQL.match(text):
        return
    for one in reading.classes.listed:
        table = one.table.replace('"', "").rpartition(".")[2]
        named = re.search(
            rf'\b(?:from|join|update|into)\s+(?:only\s+)?(?:\w+\.)?"?{re.escape(table)}"?(?![\w"])', text, re.IGNORECASE
        )
        if named and one.is_owned and not one.is_user and not _speaks_of_owner(reading, text, one.owner):
            word = text.split()[0].lower()
            verb: Verb = "update" if word == "update" else "delete" if word == "delete" else "select"
            reading.fault("raw", verb, one.name, node, " ".join(text.split())[:80])


def _speaks_of_owner(reading: Reading, text: str, owner: str) -> bool:
    """Whether SQL compares an owner's column; naming it in the list of columns is not enough."""
    names = "|".join(sorted({re.escape(owner) or "user_id", *("user_?id", "owner_?id")}))
    return bool(re.search(rf'"?(?:{names})"?\s*(?:=|in\b|is not distinct)', text, re.IGNORECASE))


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "?" for part in node.values)  # type: ignore[misc]
    return ""
