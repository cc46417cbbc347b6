"""One relation of a catalog reading: the table or view and all that hangs on it."""

from __future__ import annotations

from mcp_server.model.names import quote
from mcp_server.model.schema import (
    Column,
    Group,
    Policy,
    RewriteRule,
    SchemaObject,
    Statistics,
    Table,
    Trigger,
    View,
    ViewColumn,
)
from mcp_server.world.decode_key import constraints, indexes
from mcp_server.world.lookup import ENABLED, FS, GS, RS, US, Lookup, flag, parts

_KINDS = {"r": "table", "p": "partitioned", "f": "foreign"}
_PERSISTENCE = {"p": "permanent", "u": "unlogged", "t": "temporary"}
_STORAGE = {"p": "plain", "e": "external", "x": "extended", "m": "main"}
_COMPRESSION = {"p": "pglz", "l": "lz4"}
_COMMANDS = {"*": "all", "r": "select", "a": "insert", "w": "update", "d": "delete"}


def relation_group(lookup: Lookup, oid: int) -> Group:
    """Everything about one relation."""
    field = lookup.relation_fields(oid)
    name = lookup.relation_name(oid)
    group: list[SchemaObject] = []
    if field[2] in "vm":
        group.append(_view(lookup, oid, field))
    else:
        group.append(_table(lookup, oid, field))
        group += _columns(lookup, oid, name)
        group += constraints(lookup, oid, name)
    group += indexes(lookup, oid, name)
    group += _triggers(lookup, oid, name)
    group += _policies(lookup, oid, name)
    group += _rules(lookup, oid, name)
    group += _statistics(lookup, oid, name)
    group += lookup.grants("table", name, field[20])
    group += _column_grants(lookup, oid, name)
    return tuple(group)


def _table(lookup: Lookup, oid: int, field: list[str]) -> Table:
    parents = tuple(lookup.relation_name(int(parent)) for parent in parts(lookup.section("H").get(oid, ""), RS))
    is_partition = bool(field[11])
    server, _, server_options = field[19].partition(FS)
    return Table(
        schema=lookup.schemas[field[0]],
        name=field[1],
        kind=_KINDS[field[2]],  # type: ignore[arg-type]
        persistence=_PERSISTENCE[field[3]],  # type: ignore[arg-type]
        access_method=lookup.section("m").get(int(field[8]), "") if field[8] != "0" else "",
        tablespace=lookup.tablespace(field[9]),
        options=tuple(sorted(parts(field[10], FS) + parts(server_options, FS))),
        replica_identity={"n": "nothing", "f": "full", "i": field[18]}.get(field[4], ""),
        row_security=flag(field[5]),
        force_row_security=flag(field[6]),
        partition_by=field[12],
        partition_of=parents[0] if is_partition and parents else "",
        partition_bound=field[11],
        inherits=() if is_partition else parents,
        server=server,
        of_type=field[17],
        owner=lookup.owner(field[7]),
        comment=lookup.comment("relation", oid),
    )


def _view(lookup: Lookup, oid: int, field: list[str]) -> View:
    defaults = _defaults(lookup, oid)
    rows = sorted(lookup.rows("A", oid), key=lambda row: int(row[0]))
    return View(
        schema=lookup.schemas[field[0]],
        name=field[1],
        materialized=field[2] == "m",
        definition=field[13],
        columns=tuple(
            ViewColumn(
                row[1],
                lookup.type_name(row[2], row[3]),
                defaults.get(row[0], ""),
                lookup.comment("relation", oid, row[0]),
            )
            for row in rows
        ),
        options=tuple(sorted(parts(field[10], FS))),
        populated=flag(field[14]),
        access_method=lookup.section("m").get(int(field[8]), "") if field[8] != "0" else "",
        tablespace=lookup.tablespace(field[9]),
        owner=lookup.owner(field[7]),
        comment=lookup.comment("relation", oid),
    )


def _defaults(lookup: Lookup, oid: int) -> dict[str, str]:
    """Expressions by attribute number."""
    return dict(record.split(US, 1) for record in parts(lookup.section("D").get(oid, ""), RS))


def _columns(lookup: Lookup, oid: int, table: str) -> list[Column]:
    defaults = _defaults(lookup, oid)
    sequences = lookup.identity_options.get(oid, {})
    found = [
        _column(lookup, oid, table, row, defaults.get(row[0]), sequences.get(row[0], ""))
        for row in lookup.rows("A", oid)
    ]
    return sorted(found, key=lambda column: column.position)


def _column(lookup: Lookup, oid: int, table: str, row: list[str], default: str | None, sequence: str) -> Column:
    number, name, type_oid, type_text, flags, collation, rare = row
    type_ = lookup.types.get(type_oid)
    identity = flags[3:4] if flags[3:4] in ("a", "d") else ""
    generated = flags[3 + len(identity) :]
    compression, statistics, options, _ = rare.split(FS) if rare else ("", "", "", "")
    return Column(
        table=table,
        name=name,
        type=lookup.type_name(type_oid, type_text),
        nullable=not flag(flags[0]),
        default=None if generated else default,
        identity_kind={"a": "always", "d": "by default"}.get(identity, ""),  # type: ignore[arg-type]
        identity_options=sequence,
        generated=default if generated else None,
        stored=generated != "v",
        collation=lookup.collation(collation, type_.collation) if type_ else "",
        storage="" if type_ is None or flags[2] == type_.storage else _STORAGE[flags[2]],
        compression=_COMPRESSION.get(compression, ""),
        statistics=int(statistics) if statistics else None,
        options=tuple(sorted(parts(options, GS))),
        inherited=not flag(flags[1]),
        comment=lookup.comment("relation", oid, number),
        position=int(number),
    )


def _column_grants(lookup: Lookup, oid: int, table: str) -> list[SchemaObject]:
    found: list[SchemaObject] = []
    for row in lookup.rows("A", oid):
        if row[6]:
            found += lookup.grants("column", f"{table}.{quote(row[1])}", row[6].split(FS)[3])
    return found


def _triggers(lookup: Lookup, oid: int, table: str) -> list[Trigger]:
    return [
        Trigger(table, name, definition, ENABLED[enabled], flag(cloned), lookup.comment("trigger", int(number)))
        for name, enabled, cloned, number, definition in sorted(lookup.rows("G", oid))
    ]


def _policies(lookup: Lookup, oid: int, table: str) -> list[Policy]:
    return [
        Policy(
            table=table,
            name=name,
            command=_COMMANDS[command],  # type: ignore[arg-type]
            permissive=flag(permissive),
            roles=() if roles == "0" else tuple(sorted(lookup.role(role) for role in roles.split())),
            using=using,
            check=check,
            comment=lookup.comment("policy", int(number)),
        )
        for name, command, permissive, roles, using, check, number in sorted(lookup.rows("P", oid))
    ]


def _rules(lookup: Lookup, oid: int, table: str) -> list[RewriteRule]:
    return [
        RewriteRule(table, name, definition.rstrip(";"), ENABLED[enabled], lookup.comment("rule", int(number)))
        for name, enabled, number, definition in sorted(lookup.rows("W", oid))
    ]


def _statistics(lookup: Lookup, oid: int, table: str) -> list[Statistics]:
    return [
        Statistics(
            schema=lookup.schemas.get(namespace, "pg_catalog"),
            name=name,
            table=table,
            definition=definition,
            target=int(target) if target else None,
            owner=lookup.owner(owner),
            comment=lookup.comment("statistics", int(number)),
        )
        for namespace, name, owner, target, number, definition in sorted(lookup.rows("Z", oid))
    ]
