"""Names as SQL writes them."""

from __future__ import annotations

import re
from functools import lru_cache

_SAFE = re.compile(r"[a-z_][a-z0-9_$]*\Z")
# Every keyword that Postgres's quote_identifier() quotes: all but the unreserved ones, PostgreSQL 14 to 18.
_KEYWORDS = frozenset(
    """all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both
    case cast char character check coalesce collate collation column concurrently constraint create cross
    current_catalog current_date current_role current_schema current_time current_timestamp current_user dec
    decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign
    freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect
    interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query
    json_scalar json_serialize json_table json_value lateral leading least left like limit localtime
    localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset on
    only or order out outer overlaps overlay placing position precision primary real references returning right
    row select session_user setof similar smallint some substring symmetric system_user table tablesample then
    time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when where
    window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable""".split()  # noqa: SIM905
)


@lru_cache(maxsize=1 << 16)
def quote(name: str) -> str:
    """The name as an SQL identifier, quoted where Postgres would quote it."""
    if _SAFE.match(name) and name not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str, name: str) -> str:
    """`schema.name`, each part quoted where SQL needs it."""
    return f"{quote(schema)}.{quote(name)}"


def literal(text: str) -> str:
    """The text as an SQL string literal."""
    quoted = text.replace("'", "''")
    return f"E'{quoted}'".replace("\\", "\\\\") if "\\" in text else f"'{quoted}'"


_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


def split(identity: str) -> tuple[str, ...]:
    """The plain parts of a qualified name: `public."Odd.name"` gives ("public", "Odd.name")."""
    return tuple(
        match[1].replace('""', '"') if match[1] is not None else match[2] for match in _PART.finditer(identity)
    )


def object_name(first: str, second: str, label: str) -> str:
    """The name that Postgres itself gives to an index, sequence or constraint: `first_second_label`, cut to 63 bytes.

    Source: makeObjectName() in src/backend/commands/indexcmds.c; the longer of the two names is cut.
    """
    room = 63 - len(label) - 1 - (1 if second else 0)
    one, two = len(first.encode()), len(second.encode())
    while one + two > room:
        if one > two:
            one -= 1
        else:
            two -= 1
    return "_".join(part for part in (_cut(first, one), _cut(second, two), label) if part)


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")
