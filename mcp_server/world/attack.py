"""The attack: on a throw-away copy two users get rows, and a third tries every way to them. -> Attack

Nothing else is touched: the rows, the roles and the copy are made for it and gone afterwards; what a killed process leaves is
swept by its name (owner.py). What the copy's own functions and views run as is a role that owns the copy and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.errors import Refused
from mcp_server.model import schema as objects
from mcp_server.model.isolation import Attack, Attempt, Owned, Ownership, Passing
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Constraint
from mcp_server.world.attack_bystanders import refresh, try_bystanders
from mcp_server.world.attack_doors import Doors, sees_own_rows, try_table
from mcp_server.world.attack_ground import Ground, prepare
from mcp_server.world.attack_session import Attacker, attacker, grantees, joinable, passing_roles, settings_of
from mcp_server.world.database import translating
from mcp_server.world.handover import given_over

if TYPE_CHECKING:
    from mcp_server.world.attack_session import Connection
    from mcp_server.world.rehearsal import Copy

MOST_ROLES = 3
ASSUMED = "a role with SELECT, INSERT, UPDATE and DELETE on all tables, no owner, without BYPASSRLS"
BLIND = "the user does not see their own rows either, so that nothing is proven: policies refuse everybody, or learn of the user in a way that is not known here"
Crossing = Callable[[Ownership, Owned], tuple[Constraint, ...]]
IS_SUPERUSER = "select rolsuper from pg_catalog.pg_roles where rolname = current_user"


async def attack(copy: Copy, owned: Ownership, subject: str, crossings: Crossing) -> Attack:
    """Try to reach the rows of others on a copy that looks like `owned.schema` and is empty.

    crossings: the foreign keys of a table that may lead to others' rows. Raises Refused where our role on the server of the
    copies cannot make roles and rows past the policies.
    """
    await require_superuser(copy)
    named = grantees(owned)
    roles = (await joinable(copy.connection, named))[:MOST_ROLES]
    left = [name for name in named if name not in roles]
    attempts: list[Attempt] = []
    async with given_over(copy) as lease:
        await keep(copy)
        async with lease.session() as keeper:
            with translating("preparing an attack"):
                ground = await prepare(keeper, owned)
                await refresh(keeper, owned)
            for number, role in enumerate(roles or ("",)):
                async with attacker(copy, owned, role) as one:
                    is_last = number == max(len(roles), 1) - 1
                    attempts += [
                        Attempt(each.door, each.target, each.outcome, each.detail, role)
                        for each in await _attempts(keeper, one, owned, ground, crossings, is_last=is_last)
                    ]
    found = await passing_roles(copy.connection, named)
    passing = tuple(
        Passing(name, "is a superuser" if is_super else "has BYPASSRLS") for name, is_super, _ in found if name in named
    )
    as_whom = f"a member of {', '.join(roles)}" if roles else ASSUMED
    notes = (f"Not attacked as {', '.join(left)}.",) if left else ()
    return Attack(subject, owned, tuple(attempts), as_whom, settings_of(owned.schema), passing, notes)


async def require_superuser(copy: Copy) -> None:
    """Raise Refused where our role on the server of the copies cannot make roles and rows past the policies."""
    with translating("asking for the sandbox's role"):
        if not await copy.connection.fetchval(IS_SUPERUSER):
            raise Refused(
                "The attack was not made: it needs a superuser on the server of the throw-away copies, for its roles and rows.",
                "Leave DBARCH_SANDBOX_URL out, so that the embedded Postgres is used.",
            )


async def keep(copy: Copy) -> None:
    """Let the copy's owner pass policies and triggers, so that it can make rows and look at all of them."""
    name = quote(copy.sandbox.name)
    with translating("preparing an attack"):
        await copy.connection.execute(
            f"alter role {name} bypassrls; alter role {name} set session_replication_role = replica"
        )


async def _attempts(
    keeper: Connection, one: Attacker, owned: Ownership, ground: Ground, crossings: Crossing, *, is_last: bool
) -> Sequence[Attempt]:
    """All doors of all tables; views and functions only at the last, because they need the rows gone."""
    found: list[Attempt] = []
    for each in owned.owned:
        columns = tuple(column for column in owned.schema.on(each.table, Column) if column.generated is None)
        doors = Doors(owned, each, ground, one, crossings(owned, each), columns)
        tried = [attempt async for attempt in try_table(doors)]
        if each.table not in ground.untried and not _is_open(tried) and not await sees_own_rows(doors):
            tried = [Attempt("read", each.table, "untried", BLIND)]
        found += tried
    for sequence in owned.schema.all(objects.Sequence):
        if any(sequence.owned_by.startswith(f"{each.table}.") for each in owned.owned):
            found.append(await _sequence(one, sequence, ground.users.stranger))
    if is_last:
        found += await try_bystanders(keeper, one, owned, ground)
    return found


def _is_open(tried: Sequence[Attempt]) -> bool:
    return any(one.outcome == "through" for one in tried)


async def _sequence(one: Attacker, sequence: objects.Sequence, user: str) -> Attempt:
    """A sequence that can be read tells how many rows everybody has made."""
    try:
        async with one.acting_as(user) as session:
            await session.fetchval(f"select last_value from {sequence.identity}")
    except asyncpg.PostgresError as error:
        return Attempt("sequence", sequence.identity, "held", " ".join(str(error).split())[:160])
    return Attempt("sequence", sequence.identity, "through", "its last value can be read")
