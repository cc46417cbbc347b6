"""Sections of a catalog reading become a Schema whose groups are parsed on demand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mcp_server.model.schema import (
    Column,
    DefaultPrivilege,
    EventTrigger,
    Extension,
    Function,
    Grant,
    Group,
    Namespace,
    Publication,
    Schema,
    SchemaObject,
    Sequence,
    Unread,
)
from mcp_server.world.decode_relation import relation_group
from mcp_server.world.decode_type import type_groups
from mcp_server.world.lookup import ENABLED, RS, US, Lookup, Sections, flag, parts, privileges

__all__ = ["Sections", "decode"]

_FUNCTION_KINDS = {"f": "function", "p": "procedure", "a": "aggregate", "w": "window"}
_VOLATILITY = {"i": "immutable", "s": "stable", "v": "volatile"}
_PERSISTENCE = {"p": "permanent", "u": "unlogged", "t": "temporary"}
_DEFAULT_KINDS = {"r": "tables", "S": "sequences", "f": "functions", "T": "types", "n": "schemas", "L": "large objects"}


def decode(sections: Sections) -> Schema:
    """A Schema of one reading; nothing but the names of relations is parsed before it is asked for."""
    lookup = Lookup(sections)
    groups: dict[str, Group | Callable[[], Group]] = {}
    for oid, name in lookup.relation_names.items():
        payload = lookup.section("R").get(oid)
        if payload and payload.split(US, 3)[2] != "c" and not lookup.is_member("relation", oid):
            groups[name] = partial(relation_group, lookup, oid)
    for word, read in _OTHERS.items():
        groups[word] = partial(read, lookup)
    groups.update(type_groups(lookup))
    return Schema(groups, int(lookup.version))


def _namespaces(lookup: Lookup) -> Group:
    found: list[Namespace] = []
    for oid, payload in lookup.section("S").items():
        name, owner, _ = payload.split(US)
        if not lookup.is_member("schema", oid):
            # `public` belongs to the bootstrap role before version 15 and to the database's owner since.
            built_in = name == "public" and (owner == "10" or lookup.role(owner) == "pg_database_owner")
            role = "" if built_in else lookup.owner(owner)
            comment = lookup.comment("schema", oid)
            found.append(Namespace(name, role, "" if comment == "standard public schema" else comment))
    return tuple(found)


def _extensions(lookup: Lookup) -> Group:
    found: list[Extension] = []
    for oid, payload in lookup.section("X").items():
        name, version, namespace, members = payload.split(US)
        comment = lookup.comment("extension", oid) if oid >= 16384 and name != "plpgsql" else ""
        schema = lookup.schemas.get(namespace, "pg_catalog")
        found.append(Extension(name, schema, version, comment, parts(members, RS)))
    return tuple(found)


def _functions(lookup: Lookup) -> Group:
    found: list[Function] = []
    for oid, payload in lookup.section("F").items():
        field = payload.split(US)
        if field[0] not in lookup.schemas:
            continue
        found.append(
            Function(
                schema=lookup.schemas[field[0]],
                name=field[1],
                arguments=field[2],
                kind=_FUNCTION_KINDS[field[3]],  # type: ignore[arg-type]
                definition=US.join(field[10:]).rstrip("\n"),
                returns=field[4],
                language=field[5],
                volatility=_VOLATILITY[field[6]],  # type: ignore[arg-type]
                security_definer=flag(field[7]),
                owner=lookup.owner(field[8]),
                comment=lookup.comment("function", oid),
            )
        )
    return tuple(found)


def _sequences(lookup: Lookup) -> Group:
    found: list[Sequence] = []
    for oid, payload in lookup.section("Q").items():
        field = payload.split(US)
        if field[11] == "i" or field[0] not in lookup.schemas or lookup.is_member("relation", oid):
            continue
        owned = ""
        if field[11] == "a":
            table = int(field[12])
            column = lookup.attributes(table).get(field[13], "")
            owned = Column(lookup.relation_name(table), column, "").identity
        found.append(
            Sequence(
                schema=lookup.schemas[field[0]],
                name=field[1],
                type=field[2],
                start=int(field[3]),
                increment=int(field[4]),
                minimum=int(field[5]),
                maximum=int(field[6]),
                cache=int(field[7]),
                cycle=flag(field[8]),
                owned_by=owned,
                persistence=_PERSISTENCE[field[9]],  # type: ignore[arg-type]
                owner=lookup.owner(field[10]),
                comment=lookup.comment("relation", oid),
            )
        )
    return tuple(found)


def _publications(lookup: Lookup) -> Group:
    found: list[Publication] = []
    for oid, payload in lookup.section("U").items():
        name, everything, owner, operations, root, tables, schemas = payload.split(US)
        found.append(
            Publication(
                name=name,
                all_tables=flag(everything),
                tables=parts(tables, RS),
                schemas=parts(schemas, RS),
                operations=tuple(operations.split()),
                via_root=flag(root),
                owner=lookup.owner(owner),
                comment=lookup.comment("publication", oid),
            )
        )
    return tuple(found)


def _event_triggers(lookup: Lookup) -> Group:
    found: list[EventTrigger] = []
    for oid, payload in lookup.section("e").items():
        name, event, function, tags, enabled, owner = payload.split(US)
        if not lookup.is_member("event trigger", oid):
            comment = lookup.comment("event trigger", oid)
            found.append(
                EventTrigger(name, event, function, parts(tags, RS), ENABLED[enabled], lookup.owner(owner), comment)
            )
    return tuple(found)


def _grants(lookup: Lookup) -> Group:
    """Grants on what has no group of its own: schemas, functions, sequences, types."""
    found: list[SchemaObject] = []
    for oid, payload in lookup.section("S").items():
        name, _, listed = payload.split(US)
        if name == "public":
            found += _public_schema_grants(listed, lookup)
        elif not lookup.is_member("schema", oid):
            found += lookup.grants("schema", Namespace(name).identity, listed)
    for payload in lookup.section("F").values():
        field = payload.split(US)
        if field[9] and field[0] in lookup.schemas:
            target = Function(lookup.schemas[field[0]], field[1], field[2], "function", "").identity
            found += lookup.grants("procedure" if field[3] == "p" else "function", target, field[9])
    for oid, payload in lookup.section("Q").items():
        field = payload.split(US)
        if field[14] and field[0] in lookup.schemas and not lookup.is_member("relation", oid):
            found += lookup.grants("sequence", Sequence(lookup.schemas[field[0]], field[1]).identity, field[14])
    for number, type_ in lookup.types.items():
        if type_.grants and type_.schema in lookup.schemas and not lookup.is_member("type", int(number)):
            found += lookup.grants("type", type_.name, type_.grants)
    return tuple(found)


def _public_schema_grants(listed: str, lookup: Lookup) -> tuple[Grant, ...]:
    """Grants on schema public but for those that initdb itself made.

    initdb lets everybody use it, before version 15 also create in it; its owner is the bootstrap role, or since
    version 15 the owner of the database.
    """
    built_in = ("usage",) if int(lookup.version) >= 150000 else ("create", "usage")
    given, _ = privileges(listed)
    found = [
        item
        for item in lookup.grants("schema", "public", listed)
        if item.grantee not in ("public", "pg_database_owner")
    ]
    everybody = given.get("", ())
    more, less = tuple(sorted(set(everybody) - set(built_in))), tuple(sorted(set(built_in) - set(everybody)))
    if more or less:
        found.append(Grant("schema", "public", "public", more, less))
    return tuple(found)


def _default_privileges(lookup: Lookup) -> Group:
    found: list[DefaultPrivilege] = []
    for payload in lookup.section("d").values():
        role, schema, kind, listed = payload.split(US)
        given, taken = privileges(listed)
        found += [
            DefaultPrivilege(
                role=lookup.owner(role),
                schema=schema,
                target_word=_DEFAULT_KINDS[kind],
                grantee=lookup.grantee(grantee),
                privileges=given.get(grantee, ()),
                revoked=taken.get(grantee, ()),
            )
            for grantee in sorted(given.keys() | taken.keys())
        ]
    return tuple(found)


def _unread(lookup: Lookup) -> Group:
    found: list[Unread] = []
    for oid, payload in lookup.section("V").items():
        kind, name, class_oid = payload.split(US)
        if f"{class_oid} {oid}" not in lookup.members:
            found.append(Unread(kind, name.removeprefix(f"{kind} ").removeprefix("type ")))
    return tuple(found)


_OTHERS: dict[str, Callable[[Lookup], Group]] = {
    "schema": _namespaces,
    "extension": _extensions,
    "function": _functions,
    "sequence": _sequences,
    "publication": _publications,
    "event trigger": _event_triggers,
    "grant": _grants,
    "default privilege": _default_privileges,
    "unread object": _unread,
}
