"""Identity columns and the numbers they go on from."""

from __future__ import annotations

import re

from mcp_server.model.names import literal, object_name, qualified, split
from mcp_server.model.schema import Column
from mcp_server.planning import casts
from mcp_server.planning.draft import ACCESS_EXCLUSIVE, Draft, Drafts
from mcp_server.planning.units import Key

_OPTION = re.compile(r"(START WITH|INCREMENT BY|MINVALUE|MAXVALUE|CACHE) (-?\d+)|(CYCLE)")
BOUNDS = {"smallint": 32767, "integer": 2147483647, "bigint": 9223372036854775807}


def identity_clause(column: Column) -> str:
    """`GENERATED ALWAYS AS IDENTITY (...)`."""
    options = f" ({column.identity_options})" if column.identity_options else ""
    return f"GENERATED {column.identity_kind.upper()} AS IDENTITY{options}"


def alter_identity(prefix: str, before: Column, after: Column, fields: tuple[str, ...]) -> Drafts:
    """Make a column an identity column, or change the one it is."""
    if not before.identity_kind:
        names = ("identity_kind", "identity_options")
        sql = f"{prefix} ADD {identity_clause(after)}"
        yield Draft(sql, names, lock=ACCESS_EXCLUSIVE, takes=sequence_name(after))
        table, column = literal(after.table), literal(after.name)
        yield resumed(after, f"pg_catalog.pg_get_serial_sequence({table}, {column})", ())
        return
    if "identity_kind" in fields:
        sql = f"{prefix} SET GENERATED {after.identity_kind.upper()}"
        yield Draft(sql, ("identity_kind",), lock=ACCESS_EXCLUSIVE)
    if "identity_options" in fields:
        old, new = _options(before), _options(after)
        words = " ".join(f"SET {name}{value}" for name, value in new.items() if old.get(name) != value)
        table, column = literal(after.table), literal(after.name)
        sequence = f"pg_catalog.pg_get_serial_sequence({table}, {column})::regclass"
        inside, restart = moved_inside(sequence, _bounds(old), _bounds(new), int(new["INCREMENT BY"]) > 0)
        yield from inside
        yield Draft(f"{prefix} {words}{restart}", ("identity_options",), lock=ACCESS_EXCLUSIVE)


def moved_inside(
    sequence: str, old: tuple[int, int, int], new: tuple[int, int, int], up: bool
) -> tuple[tuple[Draft, ...], str]:
    """What lets a sequence that has not come so far begin at its new bound: (a statement before, a word of the ALTER).

    sequence: as SQL. old, new: minimum, maximum, start. up: it counts upwards. One that stands inside goes on from there; one that has
    passed its new end is left to fail, as its numbers would come again.
    """
    low, high, start = new
    if high < old[0] or low > old[1]:
        return (), " RESTART"
    if (low <= old[0]) if up else (high >= old[1]):
        return (), ""
    first = start if old[0] <= start <= old[1] else low if up else high
    stands = f"coalesce(pg_catalog.pg_sequence_last_value({sequence}), {old[2]})"
    sql = f"SELECT pg_catalog.setval({sequence}, {first}, false) WHERE {stands} {f'< {low}' if up else f'> {high}'}"
    return (Draft(sql, ("",), why="the sequence begins at its new bound"),), ""


def _bounds(options: dict[str, str]) -> tuple[int, int, int]:
    """Minimum, maximum and start."""
    low, high, start = (int(options[name]) for name in ("MINVALUE", "MAXVALUE", "START WITH"))
    return low, high, start


def sequence_name(column: Column) -> str:
    """The identity of the sequence that Postgres makes for an identity column."""
    schema, table = split(column.table)
    return qualified(schema, object_name(table, column.name, "seq"))


def resumed(column: Column, sequence: str, needs: tuple[Key, ...]) -> Draft:
    """Let a sequence go on after the highest number that the column holds. Does nothing on an empty table."""
    extreme = "min" if "INCREMENT BY -" in column.identity_options else "max"
    value = f"{extreme}({column.identity.removeprefix(column.table + '.')})"
    sql = f"SELECT pg_catalog.setval({sequence}, {value}) FROM {column.table} HAVING {value} IS NOT NULL"
    return Draft(sql, needs=needs, why="the numbers go on after those that the rows hold")


def _options(column: Column) -> dict[str, str]:
    """Every option of an identity column's sequence as SQL; those not named have Postgres's default."""
    named = {match[1] or match[3]: match[2] or "" for match in _OPTION.finditer(column.identity_options)}
    up = int(named.get("INCREMENT BY", "1")) > 0
    bound = BOUNDS.get(casts.parse(column.type).base, BOUNDS["bigint"])
    low, high = (1, bound) if up else (-bound - 1, -1)
    low, high = int(named.get("MINVALUE", low)), int(named.get("MAXVALUE", high))
    start = int(named.get("START WITH", low if up else high))
    numbers = {"INCREMENT BY": named.get("INCREMENT BY", "1"), "MINVALUE": low, "MAXVALUE": high, "START WITH": start}
    found = {name: f" {value}" for name, value in numbers.items()}
    found["CACHE"] = f" {named.get('CACHE', '1')}"
    found["CYCLE" if "CYCLE" in named else "NO CYCLE"] = ""
    return found
