"""Views and functions, tried by what they give away: their answer to a user must not depend on the rows of others.

A user without rows asks twice, the rows of all others are taken away, and the same user asks again. What differs was told
of others. Functions that change something are let through to the end once, and others' rows compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.model.facts import primary_key
from mcp_server.model.isolation import Attempt, Door, Ownership, plain
from mcp_server.model.names import literal, quote
from mcp_server.model.schema import Column, View
from mcp_server.world.attack_ground import Ground, whose
from mcp_server.world.attack_session import named

if TYPE_CHECKING:
    from mcp_server.world.attack_session import Attacker, Connection

MOST = 100
DENIED = "42501"
NEUTRAL = {"boolean": "true", "text": "a", "character varying": "a", "date": "2024-01-01", "jsonb": "{}", "json": "{}"}
FUNCTIONS = """
select p.oid::pg_catalog.regprocedure::text as identity, n.nspname as schema, p.proname as name, p.prokind::text as kind,
  array(select pg_catalog.format_type(t, null) from unnest(p.proargtypes::pg_catalog.oid[]) with ordinality a(t, n) order by n) as types,
  coalesce(p.proargnames[1:p.pronargs], array[]::text[]) as names
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname !~ '^(pg_|information_schema$)' and p.prokind in ('f', 'p')
  and p.prorettype not in ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
  and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')
order by 1
"""


@dataclass(frozen=True)
class Question:
    """Something that a user may ask. answers: what came back, an entry a time."""

    door: Door
    target: str
    sql: str
    answers: list[tuple[str, ...]] = field(default_factory=list)


async def try_bystanders(
    keeper: Connection, attacker: Attacker, owned: Ownership, ground: Ground
) -> tuple[Attempt, ...]:
    """Ask every view and call every function that the attacker may reach."""
    questions = [
        Question("view", one.identity, f"select v::text from {one.identity} v") for one in owned.schema.all(View)
    ]
    calls = await _calls(keeper, owned, ground)
    asked = (questions + calls)[:MOST]
    user = ground.users.stranger
    for _ in range(2):
        for one in asked:
            one.answers.append(await _answer(attacker, one.sql, user))
    changed = await _changes(keeper, attacker, owned, ground, calls[:MOST])
    await _take_away(keeper, owned, ground)
    for one in asked:
        one.answers.append(await _answer(attacker, one.sql, user))
    return _merged([*(_judged(one) for one in asked), *changed])


async def _answer(attacker: Attacker, sql: str, user: str) -> tuple[str, ...]:
    try:
        async with attacker.acting_as(user) as session:
            rows = await session.fetch(sql)
    except asyncpg.PostgresError as error:
        return ("error", error.sqlstate or "", " ".join(str(error).split())[:160])
    return tuple(sorted(str(row[0]) if len(row) else "" for row in rows))


def _judged(one: Question) -> Attempt:
    first, again, without = one.answers
    if first[:1] == ("error",) and without[:2] == first[:2]:
        return _of_error(one, first)
    if first != again:
        return Attempt(one.door, one.target, "untried", "it answers differently each time")
    if first != without:
        return Attempt(one.door, one.target, "through", "its answer tells of others' rows")
    return Attempt(one.door, one.target, "held")


def _of_error(one: Question, answer: tuple[str, ...]) -> Attempt:
    held = answer[1] == DENIED
    return Attempt(one.door, one.target, "held" if held else "untried", answer[2])


def _merged(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """One attempt a target: the worst that any of its calls came to; a call that worked counts before one that failed."""
    order = {"through": 0, "held": 1, "untried": 2}
    found: dict[str, Attempt] = {}
    for one in attempts:
        known = found.get(one.target)
        if known is None or order[one.outcome] < order[known.outcome]:
            found[one.target] = one
    return tuple(found.values())


async def _calls(keeper: Connection, owned: Ownership, ground: Ground) -> list[Question]:
    """The calls of each function: with the id of another user, and with the keys of others' rows."""
    keys = list(_keys(owned, ground))
    found: list[Question] = []
    for row in await keeper.fetch(FUNCTIONS):
        name = f"{quote(row['schema'])}.{quote(row['name'])}"
        names = [*row["names"], *[""] * len(row["types"])]
        variants = dict.fromkeys(_given(row["types"], names, owned, ground, keys))
        for given in list(variants)[:6]:
            listed = ", ".join(f"{literal(value)}::{kind}" for value, kind in zip(given, row["types"], strict=True))
            sql = f"call {name}({listed})" if row["kind"] == "p" else f"select f::text from {name}({listed}) f"
            found.append(Question("function", row["identity"], sql))
    return found


def _keys(owned: Ownership, ground: Ground) -> Iterator[tuple[str, str, str]]:
    """The other user's rows by their keys: (table, type, value)."""
    for one in owned.owned:
        key = primary_key(owned.schema, one.table)
        row = ground.rows.get((one.table, ground.users.victim))
        if row is not None and len(key) == 1 and row.get(key[0]) is not None:
            column = next(each for each in owned.schema.on(one.table, Column) if each.name == key[0])
            yield one.table, column.type, str(row[key[0]])


def _given(
    types: list[str], names: list[str], owned: Ownership, ground: Ground, keys: list[tuple[str, str, str]]
) -> Iterator[tuple[str, ...]]:
    user_type = next((one.type for one in owned.owned), "bigint")
    wanted = {plain(one) for one in owned.owners}

    def value(kind: str, name: str, key: tuple[str, str, str] | None) -> str:
        is_user = plain(name).removeprefix("p") in wanted or "user" in name
        if kind == user_type and (is_user or key is None):
            return ground.users.victim
        if key is not None and kind == key[1]:
            return key[2]
        return NEUTRAL.get(kind, "1")

    for key in (None, *keys):
        yield tuple(value(kind, name, key) for kind, name in zip(types, names, strict=False))


async def _changes(
    keeper: Connection, attacker: Attacker, owned: Ownership, ground: Ground, calls: list[Question]
) -> list[Attempt]:
    """Let each call run to its end, and look whether others' rows are what they were."""
    found: list[Attempt] = []
    saved = await _save(keeper, owned)
    before = await _digest(keeper, owned, ground)
    for one in calls:
        if any(each.target == one.target for each in found) or not await _committed(attacker, one, ground):
            continue
        if await _digest(keeper, owned, ground) != before:
            found.append(Attempt("function", one.target, "through", "it changes others' rows"))
        await _restore(keeper, saved)
    return found


async def _committed(attacker: Attacker, one: Question, ground: Ground) -> bool:
    session = attacker.connection
    try:
        async with session.transaction():
            for name in attacker.settings:
                await session.execute("select set_config($1, $2, true)", name, named(name, ground.users.stranger))
            await session.fetch(one.sql)
    except asyncpg.PostgresError:
        return False
    return True


async def _digest(keeper: Connection, owned: Ownership, ground: Ground) -> tuple[str, ...]:
    users = ", ".join(literal(one) for one in (ground.users.victim, ground.users.neighbour))
    found = []
    for one in owned.owned:
        row = f"({one.table}.*)::text"
        query = f"select coalesce(md5(string_agg({row}, '|' order by {row})), '') from {one.table} where {whose(owned, one)} in ({users})"
        found.append(await keeper.fetchval(query))
    return tuple(found)


async def _save(keeper: Connection, owned: Ownership) -> list[tuple[str, str, str]]:
    """Copies of all owned tables, out of sight of anybody else: (table, copy, columns)."""
    saved = []
    for number, one in enumerate(owned.owned):
        columns = ", ".join(quote(each.name) for each in owned.schema.on(one.table, Column) if each.generated is None)
        await keeper.execute(f"create temporary table dbarch_saved_{number} as select {columns} from {one.table}")
        saved.append((one.table, f"dbarch_saved_{number}", columns))
    return saved


async def _restore(keeper: Connection, saved: list[tuple[str, str, str]]) -> None:
    async with keeper.transaction():
        for table, _, _ in reversed(saved):
            await keeper.execute(f"delete from {table}")
        for table, copy, columns in saved:
            await keeper.execute(
                f"insert into {table} ({columns}) overriding system value select {columns} from {copy}"
            )


async def _take_away(keeper: Connection, owned: Ownership, ground: Ground) -> None:
    """Remove the rows of the two users, children first, and let materialised views follow."""
    users = ", ".join(literal(one) for one in (ground.users.victim, ground.users.neighbour))
    for one in reversed(owned.owned):
        await keeper.execute(f"delete from {one.table} where {whose(owned, one)} in ({users})")
    await refresh(keeper, owned)


async def refresh(keeper: Connection, owned: Ownership) -> None:
    """Bring materialised views up to date; one that fails stays as it is."""
    for one in owned.schema.all(View):
        if one.materialized:
            try:
                await keeper.execute(f"refresh materialized view {one.identity}")
            except asyncpg.PostgresError:
                continue
