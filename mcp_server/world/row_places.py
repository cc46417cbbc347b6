"""What a Schema says about the rows of one table: which columns are to be given, which are keys, where rows may lie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mcp_server.model.names import split
from mcp_server.model.schema import Column, Constraint, Index, Schema, Table

VERSION_COLUMN = "version_num"
_LITERAL = re.compile(r"E?'((?:[^']|'')*)'")
_NUMBER = re.compile(r"(?<![\w.'])-?\d+(?:\.\d+)?(?![\w.'])")
_FROM = re.compile(r"FOR VALUES FROM \((.*)\) TO \(.*\)\Z", re.DOTALL)
_IN = re.compile(r"FOR VALUES IN \((.*)\)\Z", re.DOTALL)
_KEY = re.compile(r"(?:RANGE|LIST|HASH) \((.*)\)\Z", re.DOTALL)
LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """A table that can be filled.

    given: columns that get a value; the others are left to Postgres. unique: columns that are a key alone. keys: foreign
    keys, without those that Postgres keeps for each partition of a parent. checks: check constraints that new rows must pass. homes: values that lead to a partition, a mapping for each,
    {} where any value does. strict: columns that need a value. is_deferrable: a key of it, or an exclusion, may be checked later.
    """

    table: Table
    given: tuple[Column, ...]
    unique: frozenset[str]
    keys: tuple[Constraint, ...]
    checks: tuple[Constraint, ...]
    homes: tuple[Mapping[str, str], ...]
    strict: frozenset[str]
    is_deferrable: bool = False

    def may_dangle(self, key: Constraint) -> frozenset[str]:
        """The columns of a foreign key that are left empty for a row without a parent; () when it needs one."""
        free = frozenset(key.columns) - self.strict
        return frozenset() if key.match_full and len(free) < len(key.columns) else free


def places(schema: Schema) -> tuple[Place, ...]:
    """Every table that holds rows of its own: no partitions (their parents are filled), no marks of Alembic."""
    children: dict[str, list[Table]] = {}
    tables = list(schema.all(Table))
    for table in tables:
        if table.partition_of:
            children.setdefault(table.partition_of, []).append(table)
    return tuple(
        _place(schema, table, children)
        for table in tables
        if table.kind != "foreign" and table.persistence != "temporary" and not table.partition_of
        and not _is_mark(schema, table)
    )  # fmt: skip


def _is_mark(schema: Schema, table: Table) -> bool:
    return [column.name for column in schema.on(table.identity, Column)] == [VERSION_COLUMN]


def _place(schema: Schema, table: Table, children: Mapping[str, list[Table]]) -> Place:
    name = table.identity
    constraints = schema.on(name, Constraint)
    indexes = [one for one in schema.on(name, Index) if one.unique and not one.predicate]
    alone = {one.columns[0] for one in constraints if one.kind in ("p", "u") and len(one.columns) == 1}
    given = tuple(column for column in schema.on(name, Column) if not _is_left(column))
    return Place(
        table=table,
        given=given,
        unique=frozenset(alone | {one.columns[0] for one in indexes if len(one.columns) == 1}),
        keys=tuple(one for one in constraints if one.kind == "f" and one.enforced and not one.inherited),
        checks=tuple(one for one in constraints if one.kind == "c" and one.enforced),
        homes=tuple(_homes(table, children)),
        strict=frozenset(column.name for column in given if not column.nullable),
        is_deferrable=any(one.kind in ("p", "u", "x") and one.deferrable for one in constraints),
    )


def _is_left(column: Column) -> bool:
    """Whether Postgres makes the value: generated columns, identities, sequences."""
    return bool(column.generated is not None or column.identity_kind or "nextval(" in (column.default or ""))


def _homes(table: Table, children: Mapping[str, list[Table]]) -> Iterator[dict[str, str]]:
    partitions = children.get(table.identity, [])
    if not partitions:
        yield {}
        return
    key = _KEY.match(table.partition_by)
    columns = [split(one.strip())[0] for one in key[1].split(",")] if key and "(" not in key[1] else []
    for child in partitions:
        for bound in _bounds(child.partition_bound, columns):
            for below in _homes(child, children):
                yield {**bound, **below}


def _bounds(bound: str, columns: list[str]) -> list[dict[str, str]]:
    """The values that a partition's bound names, {} when it names none that can be used."""
    if columns and (match := _IN.match(bound)):
        return [{columns[0]: one} for one in _listed(match[1]) if one is not None] or [{}]
    if columns and (match := _FROM.match(bound)):
        lows = _listed(match[1])
        return [{name: low for name, low in zip(columns, lows, strict=False) if low is not None}]
    return [{}]


def _listed(text: str) -> list[str | None]:
    """The values of a bound: literals without their quotes, None for MINVALUE, MAXVALUE and NULL."""
    found: list[str | None] = []
    for part in re.findall(r"E?'(?:[^']|'')*'|[^,\s]+", text):
        literal = _LITERAL.fullmatch(part)
        word = literal[1].replace("''", "'") if literal else part
        found.append(None if not literal and word.upper() in ("MINVALUE", "MAXVALUE", "NULL") else word)
    return found


def hints(expressions: Iterable[str]) -> tuple[str, ...]:
    """Values that checks speak of: what they list, what they compare with, texts of the lengths they name.

    Only candidates: Postgres says which of them pass.
    """
    found: list[str] = []
    for expression in expressions:
        listed = [one.replace("''", "'") for one in _LITERAL.findall(expression)]
        found += listed
        for number in dict.fromkeys([*_NUMBER.findall(expression), *(one for one in listed if _NUMBER.fullmatch(one))]):
            found += _around(number)
            found += ["x" * size for size in _lengths(number)]
        found += SAMPLES if "~" in expression else ()
    return tuple(dict.fromkeys(found))


def _around(number: str) -> list[str]:
    if "." in number:
        return [number]
    return [str(int(number) + step) for step in (0, 1, -1)]


def _lengths(number: str) -> list[int]:
    size = int(float(number))
    return [one for one in (size, size + 1, size - 1) if 0 < one <= LONGEST]


# What patterns in checks usually ask for.
SAMPLES = (
    "abc", "ABC", "Abc", "a", "A", "1", "123", "12345", "abc123", "ABC-123", "abc-def", "abc_def", "a.b", "a@b.co",
    "someone@example.com", "+15551234567", "555-1234", "https://example.com/a", "http://example.com", "example.com",
    "#aabbcc", "#ABC", "2024-02-29", "12:30", "1.0.0", "v1.2.3", "EUR", "DE", "en", "en-US", "/a/b", "192.0.2.1",
    "00000000-0000-4000-8000-000000000001", "deadbeef", "0x1f", "AAAA", "aaaaaaaa", "12345678", "1234567890",
)  # fmt: skip
