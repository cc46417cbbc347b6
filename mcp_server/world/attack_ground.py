"""The ground of an attack: three users on a copy. Two of them have a row in every table that users own, the third has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from mcp_server.model.isolation import Owned, Ownership
from mcp_server.model.names import literal, quote
from mcp_server.model.schema import Column, Constraint
from mcp_server.world.rows import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Spot = tuple[str, str]
Row = Mapping[str, str | None]
COUNT = 8
TEXTS = ("text", "character varying", "character")
UUID = "00000000-0000-4000-8000-00000000000{}"


@dataclass(frozen=True, slots=True)
class Users:
    """The ids of three users, as text. victim and neighbour have rows; the stranger has none but their own user."""

    victim: str
    neighbour: str
    stranger: str


@dataclass
class Ground:
    """Who has which rows. spots: (relation, ctid) of each user's rows, by table and user. rows: one of them as text.

    untried: why a table has no rows of one of them.
    """

    users: Users
    spots: dict[tuple[str, str], frozenset[Spot]] = field(default_factory=dict)
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    untried: dict[str, str] = field(default_factory=dict)

    def foreign(self, table: str, user: str) -> frozenset[Spot]:
        """The rows of a table that are not a user's."""
        everybody = (self.users.victim, self.users.neighbour, self.users.stranger)
        return frozenset(spot for one in everybody if one != user for spot in self.spots.get((table, one), ()))


async def prepare(keeper: Connection, owned: Ownership) -> Ground:
    """Fill a copy and hand its rows to the two users; other rows of owned tables go.

    keeper: a role that no policy and no trigger holds back, and that may do nothing else on the server.
    """
    for name in dict.fromkeys((*(one.table for one in reversed(owned.owned)), owned.user)):
        await keeper.execute(f"delete from {name}" if name else "select")  # migrations may have left rows of their own
    filled = await fill(keeper, owned.schema, count=COUNT)
    ground = Ground(await _users(keeper, owned))
    for one in owned.owned:
        try:
            async with keeper.transaction():
                await (
                    _keep_users(keeper, one, ground) if one.kind == "user" else _hand_over(keeper, owned, one, ground)
                )
        except asyncpg.InvalidTextRepresentationError:
            ground.untried[one.table] = f"its owner's column is {one.type}, and the users' ids are no such values"
        except asyncpg.PostgresError as error:
            ground.untried[one.table] = f"its rows cannot be handed to two users: {error}"
        if one.table in filled.unfilled:
            ground.untried[one.table] = f"no rows could be made: {filled.unfilled[one.table]}"
    for one in owned.owned:
        await _look(keeper, owned, one, ground)
    return ground


async def _users(keeper: Connection, owned: Ownership) -> Users:
    """Three ids of the users' table, else made up by the type of the owner's column."""
    if owned.user:
        user = next((one.column for one in owned.owned if one.kind == "user"), "") or _referenced(owned)
        rows = (
            await keeper.fetch(f"select {quote(user)}::text as id from {owned.user} order by 1 limit 3") if user else []
        )
        if len(rows) == 3:
            return Users(*(row["id"] for row in rows))
    kinds = {one.type.partition("(")[0] for one in owned.owned if one.kind == "direct"}
    form = UUID if "uuid" in kinds else "user-{}" if kinds and kinds <= {*TEXTS} else "{}"  # texts take any of them
    return Users(*(form.format(number) for number in (1, 2, 3)))


def _referenced(owned: Ownership) -> str:
    keys = (
        key for one in owned.owned for key in owned.schema.on(one.table, Constraint) if key.references == owned.user
    )
    return next((key.referenced_columns[0] for key in keys), "")


async def _keep_users(keeper: Connection, one: Owned, ground: Ground) -> None:
    users = ground.users
    listed = ", ".join(literal(each) for each in (users.victim, users.neighbour, users.stranger))
    await keeper.execute(f"delete from {one.table} where {quote(one.column)}::text not in ({listed})")


async def _hand_over(keeper: Connection, owned: Ownership, one: Owned, ground: Ground) -> None:
    """Give the first row to the victim and the second to the neighbour, with all that they refer to; drop the others."""
    rows = await keeper.fetch(
        f"select tableoid::regclass::text as part, ctid::text as spot from {one.table} limit {COUNT}"
    )
    kept = [(row["part"], row["spot"]) for row in rows][:2]
    for row in rows[2:]:
        await keeper.execute(f"delete from {row['part']} where ctid = {literal(row['spot'])}::tid")
    for user, (part, spot) in zip((ground.users.victim, ground.users.neighbour), kept, strict=False):
        changes = dict(_theirs(owned, one, ground, user))
        if changes:
            listed = ", ".join(f"{quote(name)} = {in_sql(value)}" for name, value in changes.items())
            await keeper.execute(f"update {one.table} set {listed} where tableoid = {literal(part)}::regclass and ctid = {literal(spot)}::tid")  # fmt: skip
    await _remember(keeper, owned, one, ground)


def _theirs(owned: Ownership, one: Owned, ground: Ground, user: str) -> Iterator[tuple[str, str | None]]:
    """The columns of a row that make it a user's, and all that it refers to, too."""
    for key in owned.schema.on(one.table, Constraint):
        parent = owned.of(key.references) if key.kind == "f" else None
        if parent is None or parent.kind == "user":
            continue
        if key.references == one.table:
            yield from ((name, None) for name in key.columns if _nullable(owned, one.table, name))
            continue
        row = ground.rows.get((key.references, user))
        if row is not None:
            yield from ((mine, row[theirs]) for mine, theirs in zip(key.columns, key.referenced_columns, strict=True))
    if one.kind == "direct":
        yield one.column, user


def _nullable(owned: Ownership, table: str, name: str) -> bool:
    return any(one.nullable for one in owned.schema.on(table, Column) if one.name == name)


def in_sql(value: str | None) -> str:
    """A value as text, or NULL, as SQL."""
    return "null" if value is None else literal(value)


def whose(owned: Ownership, one: Owned) -> str:
    """An expression on a table, as SQL, for the id of the owner of a row."""
    if not one.path:
        return f"{quote(one.column)}::text"
    return _through(one.path, one.column, one.table)


def _through(path: tuple[Constraint, ...], column: str, child: str) -> str:
    key, *rest = path
    joined = " and ".join(
        f"{key.references}.{quote(theirs)} = {child}.{quote(mine)}"
        for mine, theirs in zip(key.columns, key.referenced_columns, strict=True)
    )
    inner = _through(tuple(rest), column, key.references) if rest else f"{key.references}.{quote(column)}::text"
    return f"(select {inner} from {key.references} where {joined} limit 1)"


async def _remember(keeper: Connection, owned: Ownership, one: Owned, ground: Ground) -> None:
    """Keep one row of each user as text, by column, for those that refer to it."""
    columns = [each for each in owned.schema.on(one.table, Column) if each.generated is None]
    listed = ", ".join(f"{quote(each.name)}::text as {quote(each.name)}" for each in columns)
    for row in await keeper.fetch(f"select {whose(owned, one)} as dbarch_owner, {listed or 'null'} from {one.table}"):
        ground.rows[one.table, row["dbarch_owner"]] = {each.name: row[each.name] for each in columns}


async def _look(keeper: Connection, owned: Ownership, one: Owned, ground: Ground) -> None:
    """Note where each user's rows are, and which user has none."""
    found: dict[str, set[Spot]] = {}
    query = f"select {whose(owned, one)} as dbarch_owner, tableoid::regclass::text as part, ctid::text as spot from {one.table}"
    for row in await keeper.fetch(query):
        found.setdefault(row["dbarch_owner"], set()).add((row["part"], row["spot"]))
    for user, spots in found.items():
        ground.spots[one.table, user] = frozenset(spots)
    await _remember(keeper, owned, one, ground)
    missing = [each for each in (ground.users.victim, ground.users.neighbour) if each not in found]
    if missing:
        ground.untried.setdefault(one.table, "it could not be given a row for each of two users")
