"""Types of a catalog reading: enums, domains, composites, ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from mcp_server.model.schema import (
    Attribute,
    Composite,
    Domain,
    DomainConstraint,
    Enum,
    Group,
    Range,
)
from mcp_server.world.lookup import FS, GS, RS, US, Lookup, Type, flag, parts, records


def type_groups(lookup: Lookup) -> dict[str, Group | Callable[[], Group]]:
    """The groups of all types, by word."""
    return {
        Enum.word: partial(_enums, lookup),
        Domain.word: partial(_domains, lookup),
        Composite.word: partial(_composites, lookup),
        Range.word: partial(_ranges, lookup),
    }


def _of_kind(lookup: Lookup, kind: str) -> Iterator[tuple[int, Type, str]]:
    """(oid, type, schema) of the user's own types of one kind."""
    for oid, type_ in lookup.types.items():
        number = int(oid)
        if (
            type_.kind == kind
            and number >= 16384
            and type_.schema in lookup.schemas
            and not lookup.is_member("type", number)
        ):
            yield number, type_, lookup.schemas[type_.schema]


def _enums(lookup: Lookup) -> Group:
    return tuple(
        Enum(schema, type_.plain, parts(type_.detail, RS), lookup.owner(type_.owner), lookup.comment("type", oid))
        for oid, type_, schema in _of_kind(lookup, "e")
    )


def _ranges(lookup: Lookup) -> Group:
    return tuple(
        Range(schema, type_.plain, type_.detail, lookup.owner(type_.owner), lookup.comment("type", oid))
        for oid, type_, schema in _of_kind(lookup, "r")
    )


def _domains(lookup: Lookup) -> Group:
    found: list[Domain] = []
    for oid, type_, schema in _of_kind(lookup, "d"):
        base, not_null, default, collation, listed = type_.detail.split(RS)
        checks = tuple(
            DomainConstraint(name, definition.removesuffix(" NOT VALID"), flag(validated))
            for name, validated, definition in (entry.split(GS) for entry in parts(listed, FS))
        )
        found.append(
            Domain(
                schema=schema,
                name=type_.plain,
                type=base,
                nullable=not flag(not_null),
                default=default[1:] if default else None,
                collation=lookup.collation(type_.collation, collation),
                constraints=checks,
                owner=lookup.owner(type_.owner),
                comment=lookup.comment("type", oid),
            )
        )
    return tuple(found)


def _composites(lookup: Lookup) -> Group:
    found: list[Composite] = []
    for oid, type_, schema in _of_kind(lookup, "c"):
        relation = int(lookup.section("Y")[oid].split(US)[8])
        found.append(
            Composite(
                schema=schema,
                name=type_.plain,
                attributes=_attributes(lookup, relation),
                owner=lookup.owner(type_.owner),
                comment=lookup.comment("type", oid),
            )
        )
    return tuple(found)


def _attributes(lookup: Lookup, relation: int) -> tuple[Attribute, ...]:
    if relation not in lookup.section("A"):
        return ()
    rows = sorted(records(lookup.section("A")[relation], 7), key=lambda row: int(row[0]))
    return tuple(
        Attribute(
            name=row[1],
            type=lookup.type_name(row[2], row[3]),
            collation=lookup.collation(row[5], lookup.types[row[2]].collation if row[2] in lookup.types else row[5]),
            comment=lookup.comment("relation", relation, row[0]),
        )
        for row in rows
    )
