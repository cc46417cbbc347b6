"""Constraints and indexes, composed from raw catalog arrays.

pg_get_constraintdef and pg_get_indexdef cost ten to twenty times the raw row; the texts composed here are the same,
which tests/test_catalog_compose.py proves against the server.
"""

from __future__ import annotations

from mcp_server.model.names import object_name, quote
from mcp_server.model.schema import Constraint, Index, SchemaObject, qualified
from mcp_server.world.lookup import GS, US, Lookup, flag, option, parts

_ACTIONS = {"a": "", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_DESCENDING, _NULLS_FIRST = 1, 2
_ORDERED = "btree"
# anyarray, anyenum, anyrange, anymultirange, record: a class for one of these serves every type of its family.
_POLYMORPHIC = frozenset({"2277", "3500", "3831", "4537", "2249"})
# (input type of the class, type of the column) that share a default class: text and varchar, inet and cidr.
_COERCIBLE = frozenset({("25", "1043"), ("869", "650")})

# (type oid, collation oid) of each column by attribute number.
ColumnTypes = dict[str, tuple[str, str]]


def constraints(lookup: Lookup, oid: int, table: str) -> list[SchemaObject]:
    """The constraints of a table, by name."""
    relation = lookup.relation_fields(oid)[1]
    rows = sorted(row for row in lookup.rows("C", oid) if row[1] != "n" or _says_more(lookup, oid, relation, row))
    return [_constraint(lookup, oid, table, row) for row in rows]


def _says_more(lookup: Lookup, oid: int, relation: str, row: list[str]) -> bool:
    """Whether a not null constraint says more than that its column is: by its own name, state or comment."""
    name, _, _, _, validated, no_inherit, inherited = row[:7]
    if not flag(validated) or flag(no_inherit) or lookup.comment("constraint", int(row[11])):
        return True
    (column,) = lookup.column_names(oid, row[9])
    if flag(inherited) or name == f"{relation}_{column}_not_null":
        return False
    number = name[len(name.rstrip("0123456789")) :]  # Postgres counts on when the usual name is taken in the schema
    return name != object_name(relation, column, f"not_null{number}")


def _constraint(lookup: Lookup, oid: int, table: str, row: list[str]) -> Constraint:
    (
        name,
        kind,
        deferrable,
        deferred,
        validated,
        no_inherit,
        inherited,
        enforced,
        temporal,
        key,
        index,
        number,
        detail,
    ) = row
    columns = lookup.column_names(oid, key)
    comment = lookup.comment("constraint", int(number))
    foreign = _foreign(lookup, oid, detail) if kind == "f" else _Foreign()
    raw_index = _raw_index(lookup, oid, index) if kind in "pu" else None
    body = _body(lookup, oid, kind, columns, detail, foreign, raw_index, flag(temporal), flag(no_inherit))
    suffix = "" if kind == "x" else _suffix(flag(deferrable), flag(deferred), flag(validated), flag(enforced))
    return Constraint(
        table=table,
        name=name,
        kind=kind,  # type: ignore[arg-type]
        columns=columns,
        definition=body + suffix,
        references=foreign.table,
        referenced_columns=foreign.columns,
        on_update=foreign.on_update,
        on_delete=foreign.on_delete,
        set_columns=foreign.set_columns,
        match_full=foreign.match_full,
        expression=detail if kind == "c" else "",
        deferrable=flag(deferrable),
        deferred=flag(deferred),
        validated=flag(validated),
        enforced=flag(enforced),
        no_inherit=flag(no_inherit) and kind in "cn",
        nulls_not_distinct=bool(raw_index) and flag(raw_index[6]) if raw_index else False,
        temporal=flag(temporal),
        inherited=flag(inherited),
        comment=comment,
    )


class _Foreign:
    """The other side of a foreign key."""

    table = ""
    columns: tuple[str, ...] = ()
    on_update = ""
    on_delete = ""
    set_columns: tuple[str, ...] = ()
    match_full = False


def _foreign(lookup: Lookup, oid: int, detail: str) -> _Foreign:
    target, numbers, update, delete, match, set_numbers = detail.split(GS)
    foreign = _Foreign()
    foreign.table = lookup.relation_name(int(target))
    foreign.columns = lookup.column_names(int(target), numbers)
    foreign.on_update, foreign.on_delete = _ACTIONS[update], _ACTIONS[delete]
    foreign.set_columns = lookup.column_names(oid, set_numbers)
    foreign.match_full = match == "f"
    return foreign


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(quote(column) for column in columns)


def _body(
    lookup: Lookup,
    oid: int,
    kind: str,
    columns: tuple[str, ...],
    detail: str,
    foreign: _Foreign,
    index: list[str] | None,
    temporal: bool,
    no_inherit: bool,
) -> str:
    """The definition without deferrability and validity."""
    match kind:
        case "x":
            return detail
        case "c":
            return f"CHECK ({detail})" + (" NO INHERIT" if no_inherit else "")
        case "n":
            return f"NOT NULL {_names(columns)}" + (" NO INHERIT" if no_inherit else "")
        case "f":
            return _foreign_key(columns, foreign, temporal)
    text = "PRIMARY KEY" if kind == "p" else "UNIQUE"
    if index and flag(index[6]):
        text += " NULLS NOT DISTINCT"
    text += f" ({_names(columns)}{' WITHOUT OVERLAPS' if temporal else ''})"
    if index:
        included = index[8].split()[int(index[7]) :]
        if included:
            text += f" INCLUDE ({_names(lookup.column_names(oid, ' '.join(included)))})"
        if index[12]:
            text += f" WITH ({', '.join(option(entry) for entry in parts(index[12], GS))})"
    return text


def _foreign_key(columns: tuple[str, ...], foreign: _Foreign, temporal: bool) -> str:
    here, there = [quote(name) for name in columns], [quote(name) for name in foreign.columns]
    if temporal:
        here[-1], there[-1] = f"PERIOD {here[-1]}", f"PERIOD {there[-1]}"
    text = f"FOREIGN KEY ({', '.join(here)}) REFERENCES {foreign.table}({', '.join(there)})"
    if foreign.match_full:
        text += " MATCH FULL"
    if foreign.on_update:
        text += f" ON UPDATE {foreign.on_update}"
    if foreign.on_delete:
        text += f" ON DELETE {foreign.on_delete}"
        if foreign.set_columns:
            text += f" ({_names(foreign.set_columns)})"
    return text


def _suffix(deferrable: bool, deferred: bool, validated: bool, enforced: bool) -> str:
    text = " DEFERRABLE" if deferrable else ""
    text += " INITIALLY DEFERRED" if deferred else ""
    return text + (" NOT ENFORCED" if not enforced else " NOT VALID" if not validated else "")


def _raw_index(lookup: Lookup, oid: int, number: str) -> list[str] | None:
    return next((row for row in lookup.rows("I", oid) if row[0] == number), None)


def indexes(lookup: Lookup, oid: int, table: str) -> list[SchemaObject]:
    """The indexes of a table or materialised view, by name; those that carry a constraint name it."""
    rows = sorted(lookup.rows("I", oid), key=lambda row: row[1])
    carried = {row[10]: row[0] for row in lookup.rows("C", oid) if row[1] in "pux"} if rows else {}
    columns = {row[0]: (row[2], row[5] or "100") for row in lookup.rows("A", oid)} if rows else {}
    schema = lookup.schemas[lookup.section("R")[oid].split(US, 1)[0]]
    return [_index(lookup, oid, table, schema, row, carried.get(row[0], ""), columns) for row in rows]


def _index(
    lookup: Lookup, oid: int, table: str, schema: str, row: list[str], constraint: str, columns: ColumnTypes
) -> Index:
    method = lookup.section("m")[int(row[2])]
    numbers = row[8].split()
    count = int(row[7])
    names = lookup.column_names(oid, row[8])
    keys = tuple(_keys(lookup, row, method, numbers[:count], names, columns))
    include = tuple(quote(name) for name in names[count:])
    options = parts(row[12], GS)
    definition = (
        f"CREATE {'UNIQUE ' if flag(row[3]) else ''}INDEX {quote(row[1])} ON {'ONLY ' if row[18] == 'I' else ''}{table}"
    )
    definition += f" USING {method} ({', '.join(keys)})"
    definition += f" INCLUDE ({', '.join(include)})" if include else ""
    definition += " NULLS NOT DISTINCT" if flag(row[6]) else ""
    definition += f" WITH ({', '.join(option(entry) for entry in options)})" if options else ""
    definition += f" WHERE {row[15]}" if row[15] else ""
    return Index(
        schema=schema,
        name=row[1],
        table=table,
        method=method,
        columns=names[:count],
        keys=keys,
        definition=row[17] or definition,
        include=names[count:],
        unique=flag(row[3]),
        nulls_not_distinct=flag(row[6]),
        predicate=row[15],
        valid=flag(row[4]),
        constraint=constraint,
        parent=row[14],
        options=tuple(sorted(options)),
        tablespace=lookup.tablespace(row[13]),
        clustered=flag(row[5]),
        comment=lookup.comment("relation", int(row[0])),
    )


def _keys(
    lookup: Lookup, row: list[str], method: str, numbers: list[str], names: tuple[str, ...], columns: ColumnTypes
) -> list[str]:
    """Each key of an index as SQL: column or expression, collation, operator class, order."""
    expressions = parts(row[16], GS)
    found: list[str] = []
    orders, classes, collations = row[9].split(), row[10].split(), row[11].split()
    for place, number in enumerate(numbers):
        type_oid, own = columns.get(number, ("", ""))
        text = expressions[place] if number == "0" else quote(names[place])
        if number == "0":
            own = "100" if collations[place] == "100" else ""
        collation = collations[place]
        if collation not in ("0", own):
            text += f" COLLATE {lookup.collation(collation, '').removeprefix('pg_catalog.')}"
        text += _operator_class(lookup, classes[place], type_oid)
        found.append(text + _order(int(orders[place]), method))
    return found


def _operator_class(lookup: Lookup, number: str, type_oid: str) -> str:
    schema, name, is_default, input_type = lookup.section("O")[int(number)].split(US)
    base = lookup.types.get(type_oid)
    fits = (
        not type_oid
        or input_type == type_oid
        or input_type in _POLYMORPHIC
        or (input_type, type_oid) in _COERCIBLE
        or (base is not None and base.kind == "d")
    )
    if flag(is_default) and fits:
        return ""
    return f" {quote(name)}" if schema == "pg_catalog" else f" {qualified(schema, name)}"


def _order(bits: int, method: str) -> str:
    if method != _ORDERED and not bits:
        return ""
    if bits & _DESCENDING:
        return " DESC" + ("" if bits & _NULLS_FIRST else " NULLS LAST")
    return " NULLS FIRST" if bits & _NULLS_FIRST else ""
