"""Sizes, row estimates and usage counters of a live database: a second reading, apart from the Schema.

They change with every statement, so they are no part of a Schema or of its fingerprint. One round trip each, by the same
COPY as the reader's own sections (catalog.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import asyncpg

from mcp_server.model.names import qualified
from mcp_server.model.schema import Constraint, Function, Table
from mcp_server.model.usage import IndexUsage, RelationUsage, Usage
from mcp_server.world.catalog import read_sections, sections_sql
from mcp_server.world.lookup import GS, RS, US, Sections, flag, parts

_VOLATILITY: dict[str, Literal["immutable", "stable", "volatile"]] = {"i": "immutable", "s": "stable", "v": "volatile"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Some relations in use, and what they are joined with.

    dependents: views by the relation that they read. called: functions of their triggers.
    """

    usage: Usage
    incoming: tuple[Constraint, ...]
    dependents: dict[str, tuple[str, ...]]
    partitions: tuple[Table, ...]
    called: tuple[Function, ...]


async def read_usage(connection: asyncpg.Connection[asyncpg.Record]) -> Usage:
    """The usage of all relations, in one round trip.

    Sizes are measured in a database of at most 400 tables, else estimated from the pages that the last VACUUM or ANALYZE
    counted. Raises DatabaseError.
    """
    return usage_of(await read_sections(connection, sections_sql(connection, ("usage",))))


async def read_surroundings(connection: asyncpg.Connection[asyncpg.Record], relations: Iterable[str]) -> Surroundings:
    """The usage and the neighbours of some relations by identity, in one round trip whatever the size of the database.

    Incoming foreign keys hold what their definition tells: columns, referenced columns, the text. Partitions of all levels
    hold their bound and their own key. Raises DatabaseError.
    """
    query = sections_sql(connection, ("usage", "neighbours"), tuple(relations))
    sections = await read_sections(connection, query)
    return Surroundings(
        usage=usage_of(sections),
        incoming=_incoming(sections),
        dependents=_dependents(sections),
        partitions=_partitions(sections),
        called=_called(sections),
    )


def usage_of(sections: Sections) -> Usage:
    """The usage that a reading with the section `usage` holds."""
    relations = (payload.split(US) for payload in sections.get("usage", {}).values())
    indexes = (payload.split(US) for payload in sections.get("index", {}).values())
    return Usage(
        relations={qualified(field[0], field[1]): _relation(field) for field in relations},
        indexes={qualified(field[0], field[1]): IndexUsage(_number(field[2]), int(field[3] or 0)) for field in indexes},
        since=sections.get("since", {}).get(0, ""),
    )


def _relation(field: list[str]) -> RelationUsage:
    scans, index_scans, inserted, updated, deleted, dead_rows = (int(text or 0) for text in field[6:12])
    return RelationUsage(
        rows=_number(field[2]),
        size=_number(field[3]),
        exact=field[4] == "t",
        index_size=_number(field[5]),
        scans=scans,
        index_scans=index_scans,
        inserted=inserted,
        updated=updated,
        deleted=deleted,
        dead_rows=dead_rows,
        analyzed=field[12],
        vacuumed=field[13],
    )


def _number(text: str) -> int | None:
    return int(text) if text else None


def _incoming(sections: Sections) -> tuple[Constraint, ...]:
    found: list[Constraint] = []
    for payload in sections.get("incoming", {}).values():
        schema, table, name, to_schema, to_table, columns, referenced, definition = payload.split(US)
        found.append(
            Constraint(
                table=qualified(schema, table),
                name=name,
                kind="f",
                columns=parts(columns, GS),
                definition=definition,
                references=qualified(to_schema, to_table),
                referenced_columns=parts(referenced, GS),
            )
        )
    return tuple(sorted(found, key=lambda key: key.identity))


def _dependents(sections: Sections) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for payload in sections.get("dependents", {}).values():
        schema, table, views = payload.split(US)
        names = (view.split(GS) for view in views.split(RS))
        found[qualified(schema, table)] = tuple(sorted(qualified(*name) for name in names))
    return found


def _partitions(sections: Sections) -> tuple[Table, ...]:
    found: list[Table] = []
    for payload in sections.get("partition", {}).values():
        schema, name, of_schema, of_name, bound, key = payload.split(US)
        found.append(
            Table(
                schema=schema,
                name=name,
                kind="partitioned" if key else "table",
                partition_by=key,
                partition_of=qualified(of_schema, of_name),
                partition_bound=bound,
            )
        )
    return tuple(found)


def _called(sections: Sections) -> tuple[Function, ...]:
    found: list[Function] = []
    for payload in sections.get("called", {}).values():
        schema, name, language, volatility, definer, definition = payload.split(US, 5)
        found.append(
            Function(
                schema=schema,
                name=name,
                arguments="",
                kind="function",
                definition=definition.rstrip("\n"),
                returns="trigger",
                language=language,
                volatility=_VOLATILITY[volatility],
                security_definer=flag(definer),
            )
        )
    return tuple(found)
