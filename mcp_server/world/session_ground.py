"""What a copy needs for calls of the application: two users' rows as an application would have them, and a look past all policies.

A call's transaction is rolled back, so that only its own connection sees what it did; and policies may hide rows from its role.
Functions that run as the role that made the rows answer to it: look() gives all rows, remove() takes a user's away, bare() what
hangs on a table's.
https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.model.facts import primary_key
from mcp_server.model.isolation import Owned, Ownership
from mcp_server.model.names import literal, quote, split
from mcp_server.model.schema import Column, Constraint
from mcp_server.world.attack_ground import whose

if TYPE_CHECKING:
    from mcp_server.world.attack_ground import Ground
    from mcp_server.world.attack_session import Connection

PRIVILEGE = re.compile(r"admin|superuser|staff|moderator|root", re.IGNORECASE)
GONE = re.compile(r"deleted|archived|removed|disabled|banned|blocked|locked|expired|revoked", re.IGNORECASE)
ALIVE = re.compile(r"active|enabled|verified|confirmed|approved", re.IGNORECASE)
ROLES = ("user", "member", "USER", "MEMBER", "viewer", "customer")


def plain(table: str) -> str:
    """A table as the guest knows it: `schema.name`, without quotes."""
    return ".".join(split(table))


async def make_lookout(keeper: Connection, owned: Ownership) -> None:
    """Make look(), remove() and bare() in a schema of their own. keeper: whom no policy holds back."""
    looks = "\nunion all ".join(_look(owned, one) for one in owned.owned)
    removes = "".join(
        f"delete from {one.table} where {whose(owned, one)} = name; "
        for one in reversed(owned.owned)
        if one.kind != "user"
    )
    body = "set search_path = pg_catalog, pg_temp security definer"
    await keeper.execute(
        "create schema dbarch_attack; grant usage on schema dbarch_attack to public; "
        "create function dbarch_attack.look(out relation text, out key text, out owner text, out content text) returns setof record"
        f" language sql stable {body} as $look$ {looks} $look$; "
        "create function dbarch_attack.remove(name text) returns void"
        f" language sql volatile {body} as $remove$ {removes or 'select'} $remove$; "
        "create function dbarch_attack.bare(name text) returns void"
        f" language plpgsql {body} as $bare$ begin {''.join(_bares(owned))} end $bare$;"
    )


def _bares(owned: Ownership) -> Iterator[str]:
    """What removes all that hangs on the rows of a table, for each table."""
    for one in owned.owned:
        below = _below(owned, one.table)
        if below:
            listed = "".join(f"delete from {each.table}; " for each in reversed(owned.owned) if each.table in below)
            yield f"if name = {literal(plain(one.table))} then {listed}end if; "


def _below(owned: Ownership, table: str) -> frozenset[str]:
    """The tables of users that refer to a table, through others, too."""
    found: set[str] = set()
    todo = [table]
    while todo:
        above = todo.pop()
        for one in owned.owned:
            keys = owned.schema.on(one.table, Constraint)
            if one.table not in (table, *found) and any(key.kind == "f" and key.references == above for key in keys):
                found.add(one.table)
                todo.append(one.table)
    return frozenset(found)


def _look(owned: Ownership, one: Owned) -> str:
    content = f"(select pg_catalog.to_jsonb(x)::text from (select {one.table}.*) x)"
    keys = [f"{quote(name)}::text" for name in primary_key(owned.schema, one.table)]
    key = f"pg_catalog.concat_ws('|', {', '.join(keys)})" if keys else content
    return f"select {literal(plain(one.table))}::text, {key}, {whose(owned, one)}, {content} from {one.table}"


async def make_ordinary(keeper: Connection, owned: Ownership, ground: Ground) -> tuple[str, ...]:
    """Let users be no administrators, and rows be neither deleted nor disabled, where a column tells. -> what could not be."""
    notes: list[str] = []
    for one in owned.owned:
        for column in owned.schema.on(one.table, Column):
            if column.generated is None and column.name not in one.columns:
                value = next(iter(_ordinary(one, column)), None)
                if value is not None and not await _set(keeper, one.table, column.name, value):
                    notes.append(f"{plain(one.table)}.{column.name} could not be made {value}.")
        if one.kind == "user":
            notes += await _demote(keeper, owned, one)
    return tuple(notes)


def _ordinary(one: Owned, column: Column) -> Iterator[str]:
    name = column.name
    if column.type == "boolean":
        if (one.kind == "user" and PRIVILEGE.search(name)) or GONE.search(name):
            yield "false"
        elif ALIVE.search(name):
            yield "true"
    elif column.nullable and GONE.search(name):
        yield "null"


async def _demote(keeper: Connection, owned: Ownership, one: Owned) -> list[str]:
    """A role as a text or an enum: the first of the usual names that it takes."""
    roles = [
        column.name
        for column in owned.schema.on(one.table, Column)
        if re.search(r"role", column.name) and column.type != "boolean"
    ]
    failed = []
    for name in roles:
        for role in ROLES:
            if await _set(keeper, one.table, name, literal(role)):
                break
        else:
            failed.append(f"{plain(one.table)}.{name}: which of its values is an ordinary user's is not known.")
    return failed


async def _set(keeper: Connection, table: str, column: str, value: str) -> bool:
    try:
        async with keeper.transaction():
            await keeper.execute(f"update {table} set {quote(column)} = {value}")
    except asyncpg.PostgresError:
        return False
    return True


def rows_of(owned: Ownership, ground: Ground) -> dict[str, dict[str, object]]:
    """A row of each of the two, as texts, by table: who calls is the neighbour, whose rows are asked for the victim."""
    users = {"mine": ground.users.neighbour, "theirs": ground.users.victim}
    return {
        plain(one.table): {
            who: dict(ground.rows[one.table, user]) for who, user in users.items() if (one.table, user) in ground.rows
        }
        for one in owned.owned
    }
