"""The attacker: a role of its own that logs in, may use the tables, and passes no policy; gone at the end."""

from __future__ import annotations

import itertools
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from mcp_server.model.isolation import Ownership
from mcp_server.model.names import literal, quote
from mcp_server.model.schema import Function, Grant, Namespace, Policy, Schema
from mcp_server.world.database import connect, finish, translating
from mcp_server.world.owner import new_name
from mcp_server.world.urls import Target, read_url

if TYPE_CHECKING:
    from mcp_server.world.rehearsal import Copy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
PLAIN = "app.user_id"
LIMIT_MS = 5_000
_SETTING = re.compile(r"current_setting\(\s*'([\w.]+)'", re.IGNORECASE)
_CLAIMS = re.compile(r"\bauth\.(?:uid|user_id|jwt)\(|request\.jwt", re.IGNORECASE)
_numbers = itertools.count(1_000_000_000)


@dataclass(frozen=True, slots=True)
class Attacker:
    """A session of the attacker. settings: what names the user to policies. target: the way in as the same role."""

    connection: Connection
    settings: tuple[str, ...]
    target: Target

    @asynccontextmanager
    async def acting_as(self, user: str | None) -> AsyncIterator[Connection]:
        """A transaction as a user, or as nobody, that is rolled back whatever happens."""
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            for name in self.settings if user is not None else ():
                await self.connection.execute("select set_config($1, $2, true)", name, named(name, user or ""))
            yield self.connection
        finally:
            await transaction.rollback()


def named(name: str, user: str) -> str:
    """What a setting must hold to name a user: the id, or the claims of a token."""
    return json.dumps({"sub": user, "user_id": user, "role": "authenticated"}) if name.endswith("claims") else user


def settings_of(schema: Schema) -> tuple[str, ...]:
    """The settings by which policies and functions of a schema learn who the user is."""
    texts = [text for one in schema.all(Policy) for text in (one.using, one.check)]
    texts += [one.definition for one in schema.all(Function)]
    found = dict.fromkeys(name for text in texts for name in _SETTING.findall(text) if "." in name)
    if any(_CLAIMS.search(text) for text in texts):
        found |= dict.fromkeys(("request.jwt.claims", "request.jwt.claim.sub"))
    return tuple(found) or (PLAIN,)


def grantees(owned: Ownership) -> tuple[str, ...]:
    """The roles that the schema itself lets at the tables of users, by name."""
    tables = {one.table for one in owned.owned}
    named = (
        one.grantee
        for one in owned.schema.all(Grant)
        if one.target_word in ("table", "column") and _table(one) in tables
    )
    return tuple(dict.fromkeys(name for name in named if name not in ("", "public")))


def _table(grant: Grant) -> str:
    return grant.target if grant.target_word == "table" else grant.target.rpartition(".")[0]


@asynccontextmanager
async def attacker(copy: Copy, owned: Ownership, role: str = "") -> AsyncIterator[Attacker]:
    """A session as a new role: a member of `role`, or, where the schema names none, one that may use every table."""
    name, password = new_name(next(_numbers)), secrets.token_hex(16)
    await finish(_make(copy, owned.schema, name, password, role))
    try:
        target = replace(read_url(copy.sandbox.url), user=name, password=password)
        connection = await connect(target)
        try:
            await connection.execute(f"set statement_timeout = {LIMIT_MS}; set lock_timeout = {LIMIT_MS}")
            yield Attacker(connection, settings_of(owned.schema), target)
        finally:
            await finish(connection.close(timeout=5))
    finally:
        await finish(_unmake(copy, name))


async def _make(copy: Copy, schema: Schema, name: str, password: str, role: str) -> None:
    attributes = "login nosuperuser nobypassrls nocreatedb nocreaterole noreplication"
    with translating("making the attacker's role"):
        await copy.connection.execute(f"create role {quote(name)} {attributes} password {literal(password)}")
        for sql in [f"grant {quote(role)} to {quote(name)}"] if role else _grants(schema, name):
            await copy.connection.execute(sql)


def _grants(schema: Schema, name: str) -> Iterator[str]:
    """What an application's role has where nobody says otherwise."""
    for one in schema.all(Namespace):
        yield f"grant usage on schema {one.identity} to {quote(name)}"
        yield f"grant select, insert, update, delete on all tables in schema {one.identity} to {quote(name)}"
        yield f"grant usage on all sequences in schema {one.identity} to {quote(name)}"


async def _unmake(copy: Copy, name: str) -> None:
    with translating("removing the attacker's role"):
        await copy.connection.execute(
            "select pg_catalog.pg_terminate_backend(pid, 5000) from pg_catalog.pg_stat_activity where usename = $1",
            name,
        )
        await copy.connection.execute(f"drop owned by {quote(name)}; drop role {quote(name)}")


async def joinable(connection: Connection, names: Iterable[str]) -> tuple[str, ...]:
    """Of these roles, those that have no rights beside grants: a member of any other could leave the copy."""
    listed = list(names)
    rows = await connection.fetch(
        "select rolname from pg_catalog.pg_roles where rolname = any($1::text[]) and oid >= 16384"
        " and not (rolsuper or rolcreaterole or rolcreatedb or rolreplication)",
        listed,
    )
    return tuple(name for name in listed if name in {row["rolname"] for row in rows})


async def passing_roles(connection: Connection, names: Iterable[str]) -> tuple[tuple[str, bool, bool], ...]:
    """Of the current role and these, who passes all policies: (name, is superuser, has BYPASSRLS)."""
    rows = await connection.fetch(
        "select rolname, rolsuper, rolbypassrls from pg_catalog.pg_roles"
        " where (rolname = any($1::text[]) or rolname = current_user) and (rolsuper or rolbypassrls) order by 1",
        list(names),
    )
    return tuple((row["rolname"], row["rolsuper"], row["rolbypassrls"]) for row in rows)
