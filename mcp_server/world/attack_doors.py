"""Every door of a table, tried as a user who does not own its rows. Each attempt is rolled back.

What stops a row comes in this order: privileges, policies, then constraints. A constraint that refuses has therefore seen a
row that the policies let through. https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.model.facts import primary_key
from mcp_server.model.isolation import Attempt, Door, Outcome, Owned, Ownership
from mcp_server.model.names import literal, quote, split
from mcp_server.model.schema import Column, Constraint
from mcp_server.world.attack_ground import Ground, Row, Spot, in_sql

if TYPE_CHECKING:
    from mcp_server.world.attack_session import Attacker, Connection

DENIED = "42501"
FOREIGN_KEY = "23503"
NOT_WITH_POLICIES = "0A000"
Told = tuple[Outcome, str]


@dataclass(frozen=True)
class Doors:
    """One table, one attacker, and who has which rows."""

    owned: Ownership
    one: Owned
    ground: Ground
    attacker: Attacker
    crossing: tuple[Constraint, ...] = ()
    columns: tuple[Column, ...] = field(default=())

    @property
    def name(self) -> str:
        return self.one.table

    def row(self, user: str) -> Row:
        return self.ground.rows[self.name, user]

    def made_over(self, user: str) -> Mapping[str, str | None]:
        """The columns that make a row a user's, with their values for that user."""
        if not self.one.path:
            return {self.one.column: user}
        key = self.one.path[0]
        parent = self.ground.rows.get((key.references, user), {})
        return {mine: parent.get(theirs) for mine, theirs in zip(key.columns, key.referenced_columns, strict=True)}

    def own_count(self, user: str) -> int:
        return len(self.ground.spots.get((self.name, user), ()))


async def try_table(doors: Doors) -> AsyncIterator[Attempt]:
    """Try every door of a table."""
    name = doors.name
    if name in doors.ground.untried:
        yield Attempt("read", name, "untried", doors.ground.untried[name])
        return
    plain: tuple[tuple[Door, Callable[[Doors], Awaitable[Told]]], ...] = (
        ("read", _read), ("read without a user", _read_as_nobody), ("update", _update), ("take", _take),
        ("give away", _give_away), ("upsert", _upsert), ("delete", _delete), ("insert", _insert), ("truncate", _truncate),
        ("copy out", _copy_out), ("copy in", _copy_in),
    )  # fmt: skip
    for door, work in plain:
        if doors.one.kind == "user" and door in ("take", "give away", "upsert", "insert", "copy in"):
            continue  # who makes users, and how, is the sign-up's affair
        outcome, detail = await work(doors)
        yield Attempt(door, name, outcome, detail)
    for key in doors.crossing:
        outcome, detail = await _refer(doors, key)
        yield Attempt("refer", key.identity, outcome, detail)
    for part in doors.owned.parts(name):
        outcome, detail = await _see(doors, part, doors.ground.users.stranger)
        yield Attempt("read", part, outcome, detail)


async def sees_own_rows(doors: Doors) -> bool:
    """Whether a user reaches their own rows: where they do not, that others' are out of reach proves nothing."""
    neighbour = doors.ground.users.neighbour
    try:
        spots = await _spots(doors, doors.name, neighbour)
    except asyncpg.PostgresError:
        return False
    return bool(spots & doors.ground.spots.get((doors.name, neighbour), frozenset()))


async def _spots(doors: Doors, relation: str, user: str | None) -> frozenset[Spot]:
    async with doors.attacker.acting_as(user) as session:
        rows = await session.fetch(f"select tableoid::regclass::text as part, ctid::text as spot from {relation}")
    return frozenset((row["part"], row["spot"]) for row in rows)


def _refused(error: asyncpg.PostgresError) -> Told:
    """What an error says of the policies: a constraint is only asked of rows that they let through."""
    state, words = error.sqlstate or "", " ".join(str(error).split())[:160]
    if state.startswith("23"):
        return "through", f"policies let it pass; stopped by a constraint: {words}"
    if state in (DENIED, NOT_WITH_POLICIES):
        return "held", words
    return "untried", words


async def _changed(doors: Doors, user: str, sql: str, most: int) -> Told:
    """Run a statement as a user. Through when it touches more rows than `most`."""
    try:
        async with doors.attacker.acting_as(user) as session:
            status = await session.execute(sql)
    except asyncpg.PostgresError as error:
        return _refused(error)
    count = int(status.rpartition(" ")[2] or 0)
    return ("through", f"{count - most} of others' rows") if count > most else ("held", "")


async def _see(doors: Doors, relation: str, user: str | None) -> Told:
    try:
        seen = await _spots(doors, relation, user) & doors.ground.foreign(doors.name, user or "")
    except asyncpg.PostgresError as error:
        return _refused(error)
    return ("through", f"{len(seen)} of others' rows") if seen else ("held", "")


async def _read(doors: Doors) -> Told:
    users = doors.ground.users
    first = await _see(doors, doors.name, users.stranger)
    return first if first[0] != "held" else await _see(doors, doors.name, users.neighbour)


async def _read_as_nobody(doors: Doors) -> Told:
    told, words = await _see(doors, doors.name, None)
    return ("held", words) if told == "untried" else (told, words)  # a setting that must be there fails closed


async def _update(doors: Doors) -> Told:
    """Change the rows that can be named, then all that a change without WHERE reaches, which reads none of them."""
    users, column = doors.ground.users, quote(doors.columns[0].name)
    named = await _changed(
        doors, users.neighbour, f"update {doors.name} set {column} = {column} where {_named(doors)}", 0
    )
    if named[0] == "through" or doors.one.kind == "user":
        return named
    blind = f"update {doors.name} set {_assigned(doors.made_over(users.stranger))}"
    return named if doors.one.path else await _changed(doors, users.stranger, blind, 0)


def _named(doors: Doors) -> str:
    spots = doors.ground.spots[doors.name, doors.ground.users.victim]
    return f"ctid in ({', '.join(f'{literal(spot)}::tid' for _, spot in sorted(spots))})" + _apart(doors)


def _apart(doors: Doors) -> str:
    """Two partitions may have rows at the same spot."""
    spots = doors.ground.spots[doors.name, doors.ground.users.victim]
    return f" and tableoid::regclass::text in ({', '.join(sorted({literal(part) for part, _ in spots}))})"


def _assigned(values: Mapping[str, str | None]) -> str:
    return ", ".join(f"{quote(name)} = {in_sql(value)}" for name, value in values.items())


async def _take(doors: Doors) -> Told:
    user = doors.ground.users.neighbour
    return await _changed(
        doors, user, f"update {doors.name} set {_assigned(doors.made_over(user))}", doors.own_count(user)
    )


async def _give_away(doors: Doors) -> Told:
    """Without WHERE: a condition would let the policies for reading look at the new row, too."""
    users = doors.ground.users
    sql = f"update {doors.name} set {_assigned(doors.made_over(users.victim))}"
    outcome, detail = await _changed(doors, users.neighbour, sql, 0)
    return outcome, "a row now belongs to another user" if outcome == "through" else detail


async def _delete(doors: Doors) -> Told:
    users = doors.ground.users
    named = await _changed(doors, users.neighbour, f"delete from {doors.name} where {_named(doors)}", 0)
    if named[0] == "through":
        return named
    return await _changed(doors, users.stranger, f"delete from {doors.name}", doors.own_count(users.stranger))


def _inserted(doors: Doors, values: Mapping[str, str | None]) -> str:
    names = ", ".join(map(quote, values))
    always = any(one.identity_kind == "always" for one in doors.columns)
    given = ", ".join(in_sql(value) for value in values.values())
    return f"insert into {doors.name} ({names}){' overriding system value' if always else ''} values ({given})"


async def _insert(doors: Doors) -> Told:
    users = doors.ground.users
    outcome, detail = await _changed(doors, users.neighbour, _inserted(doors, doors.row(users.victim)), 0)
    return outcome, detail.replace("1 of others' rows", "a row that belongs to another user")


async def _upsert(doors: Doors) -> Told:
    users, mine = doors.ground.users, doors.made_over(doors.ground.users.neighbour)
    if not (key := _arbiter(doors, set(mine))):
        return "held", "no key that ON CONFLICT takes is without the owner"
    values = {**doors.row(users.victim), **mine}
    clause = f" on conflict ({', '.join(map(quote, key))}) do update set {_assigned(mine)}"
    outcome, detail = await _changed(doors, users.neighbour, _inserted(doors, values) + clause, 0)
    if detail.startswith("policies let it pass"):  # the row that is inserted is an own one: that it passes is right
        return "untried", detail.partition("; ")[2]
    return outcome, "an insert with another user's key took the row over" if outcome == "through" else detail


def _arbiter(doors: Doors, owner: set[str]) -> tuple[str, ...]:
    """A key that says nothing of the owner and is checked at once, as ON CONFLICT wants it; the primary one before others."""
    keys = sorted(doors.owned.schema.on(doors.name, Constraint), key=lambda one: one.kind)
    usable = (one.columns for one in keys if one.kind in ("p", "u") and not one.deferrable)
    return next((columns for columns in usable if not owner & set(columns)), ())


async def _truncate(doors: Doors) -> Told:
    try:
        async with doors.attacker.acting_as(doors.ground.users.stranger) as session:
            await session.execute(f"truncate {doors.name}")
    except asyncpg.PostgresError as error:
        # Privileges are asked first, foreign keys afterwards.
        return ("through", "it may; a foreign key stops it") if error.sqlstate == "0A000" else _refused(error)
    return "through", "policies are not asked: the role has TRUNCATE"


async def _copy_out(doors: Doors) -> Told:
    lines = bytearray()

    async def take(data: bytes) -> None:
        lines.extend(data)

    try:
        async with doors.attacker.acting_as(doors.ground.users.stranger) as session:
            await session.copy_from_query(f"select ctid from {doors.name}", output=take)
    except asyncpg.PostgresError as error:
        return _refused(error)
    count = lines.count(b"\n") - doors.own_count(doors.ground.users.stranger)
    return ("through", f"{count} of others' rows") if count > 0 else ("held", "")


async def _copy_in(doors: Doors) -> Told:
    row = doors.row(doors.ground.users.victim)
    values = [_copied(value) for value in row.values()]
    try:
        async with doors.attacker.acting_as(doors.ground.users.neighbour) as session:
            await _copy(session, doors, tuple(row), "\t".join(values).encode() + b"\n")
    except asyncpg.PostgresError as error:
        return _refused(error)
    return "through", "a row that belongs to another user"


async def _copy(session: Connection, doors: Doors, columns: tuple[str, ...], data: bytes) -> None:
    schema, table = split(doors.name)

    async def lines() -> AsyncIterator[bytes]:
        yield data

    await session.copy_to_table(table, schema_name=schema, columns=columns, source=lines())


def _copied(value: str | None) -> str:
    """A value in COPY's text format."""
    if value is None:
        return "\\N"
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


async def _refer(doors: Doors, key: Constraint) -> Told:
    """Let an own row refer to another user's row: the key is only asked whether that one exists."""
    users = doors.ground.users
    target = doors.ground.rows.get((key.references, users.victim))
    if target is None:
        return "untried", f"{key.references} has no row of another user"
    change = {mine: target[theirs] for mine, theirs in zip(key.columns, key.referenced_columns, strict=True)}
    first = await _hang(doors, key, f"update {doors.name} set {_assigned(change)}")
    if first[0] == "through":
        return first
    made = {column.name for column in doors.columns if column.default or column.identity_kind}
    keys = made & set(primary_key(doors.owned.schema, doors.name))
    values = {name: value for name, value in doors.row(users.neighbour).items() if name not in keys}
    second = await _hang(doors, key, _inserted(doors, {**values, **change}))
    return first if second[0] == "untried" else second


async def _hang(doors: Doors, key: Constraint, sql: str) -> Told:
    try:
        async with doors.attacker.acting_as(doors.ground.users.neighbour) as session:
            status = await session.execute(sql)
    except asyncpg.PostgresError as error:
        words = " ".join(str(error).split())[:160]
        held = error.sqlstate in (FOREIGN_KEY, DENIED)
        return ("held" if held else "untried"), words
    is_done = not status.endswith(" 0")
    return ("through", f"a row refers to another user's row of {key.references}") if is_done else ("held", "")
