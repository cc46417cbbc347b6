"""Tables of a document that list constraints: `| Constraint | Type | Definition |`, also of several tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_server.model.orm import Place
from mcp_server.model.spec import (
    Part,
    Reference,
    StatedCheck,
    StatedColumn,
    StatedIndex,
    StatedKey,
    StatedTable,
    kind_of_name,
)
from mcp_server.world.markdown import Row, plain
from mcp_server.world.spec_outline import Placed
from mcp_server.world.spec_tables import read_keys
from mcp_server.world.spec_words import NAME, read_on_delete, read_words

_HEADERS = {
    "table": re.compile(r"^tables?$", re.I),
    "name": re.compile(r"^constraint(?: name)?$|^name$", re.I),
    "type": re.compile(r"^(?:constraint )?type$|^kind$", re.I),
    "rule": re.compile(r"^(?:rule|definition|details|columns?|expression|condition|sql)$", re.I),
}
_SAYS_CONSTRAINT = re.compile(r"\bconstraint\b", re.I)
_KEY = re.compile(
    rf"^\(?(?P<columns>[^()]*)\)?\s*(?:references|→|->)\s*(?P<target>{NAME}\s*(?:\.\s*{NAME}|\(\s*{NAME}\s*\))?)", re.I
)


def read_constraint_table(placed: Placed, path: str) -> Iterator[Part]:
    """What the rows state; nothing when the table lists something else."""
    header = [plain(cell) for cell in placed.block.rows[0].cells]
    roles = {
        role: index for role, pattern in _HEADERS.items() for index, cell in enumerate(header) if pattern.match(cell)
    }
    if not {"type", "rule"} <= roles.keys() or not any(_SAYS_CONSTRAINT.search(cell) for cell in header):
        return
    for row in placed.block.rows[1:]:
        told = {role: plain(row.cells[index]) for role, index in roles.items() if index < len(row.cells)}
        table = told.get("table") or (placed.subject.name if placed.subject else "")
        if table:
            yield from _row(table, told.get("type", "").lower(), told.get("rule", ""), told.get("name", ""), row, path)


def _row(table: str, kind: str, rule: str, name: str, row: Row, path: str) -> Iterator[Part]:
    at, named = Place(path, row.line), name if re.fullmatch(r"[a-z_]\w*", name) else ""
    keys = read_keys(rule)
    key = _KEY.match(rule)
    if kind.startswith("unique") and keys:
        yield StatedIndex(table, keys, at, "constraints", "middle", named, True)
    elif kind.startswith("check") and re.search(r"[<>=]|\bin\s*\(|\bbetween\b|~", rule, re.I):
        sql = re.sub(r"^check\s*", "", rule, flags=re.I)
        yield StatedCheck(table, _columns_in(sql), at, "constraints", "middle", sql, named)
    elif kind.startswith("foreign") and key:
        led = read_words(f"foreign key {key['target']}").reference or Reference()
        led = Reference(led.table, led.column, read_on_delete(rule))
        yield StatedKey(table, read_keys(key["columns"]), led, at, "constraints", "middle")
    elif kind.startswith("primary") and keys:
        columns = (StatedColumn(keys[0], at, primary_key=True),) if len(keys) == 1 else ()
        several = keys if len(keys) > 1 else ()
        yield StatedTable(table, kind_of_name(table), at, "constraints", "middle", columns, several, adds=True)


def _columns_in(sql: str) -> tuple[str, ...]:
    words = re.findall(NAME, re.sub(r"'[^']*'", "", sql))
    return tuple(dict.fromkeys(word.lower() for word in words if word.lower() not in _SQL_WORDS))[:1]


_SQL_WORDS = frozenset("check in is not null and or between like length char_length lower upper trim any array".split())  # noqa: SIM905
