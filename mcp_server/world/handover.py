"""A copy given over, for a while, to a role that owns it and may do nothing else on its server.

Scripts of others, and the texts of a database that others write to, run as that role: as a superuser they could run
programs, read files and change the server. What only a superuser may do Postgres then refuses by SQLSTATE 42501.
The role logs in by itself, so that no RESET leads back to more rights, and is gone at the end; what it owned
then belongs to our role again. On a server of the user's own whose role is no superuser, that role does it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from mcp_server.errors import DatabaseError
from mcp_server.model.names import literal, quote
from mcp_server.world.database import connect, finish, translating
from mcp_server.world.owner import PREFIX, read_owner
from mcp_server.world.urls import Target, read_url

if TYPE_CHECKING:
    from mcp_server.world.rehearsal import Copy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# "must be member of role" before PostgreSQL 16.
_WANTED = re.compile(
    r'(?:must be able to SET ROLE|must be member of role|permission denied to set role) "((?:[^"]|"")+)"'
)
_EXTENSION = re.compile(
    r'(?:\s|--[^\n]*\n|/\*.*?\*/)*create\s+extension\s+(?:if\s+not\s+exists\s+)?("(?:[^"]|"")+"|[\w$]+)',
    re.IGNORECASE | re.DOTALL,
)
_LEADS_OUT = re.compile(r"dblink|file_fdw|\w+_fdw|adminpack|http|pg_net|plsh|pl\w*u\d*")
# For one message: operators and functions of others along the search_path must not run with our rights.
_QUALIFIED = "set local search_path = pg_catalog; "
OURS = "pg_catalog.quote_ident(current_user)"
_IS_SUPERUSER = "select rolsuper from pg_catalog.pg_roles where rolname = current_user"
# What has an owner, and the kinds of pg_identify_object whose ALTER ... OWNER TO has another word.
_GIVE = """
do $give$
declare
  one record;
  worker constant text := {role};
begin
  for one in
    with owned(class, id, owner) as (
      select 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid, nspowner from pg_catalog.pg_namespace
      union all
      select 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, c.relowner from pg_catalog.pg_class c
      where c.relkind in ('r', 'p', 'v', 'm', 'f') or c.relkind = 'S' and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype in ('a', 'i')
          and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjsubid > 0)
      union all
      select 'pg_catalog.pg_proc'::pg_catalog.regclass, oid, proowner from pg_catalog.pg_proc
      union all
      select 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.typowner from pg_catalog.pg_type t
      where t.typtype in ('d', 'e', 'r') or t.typtype = 'c'
        and exists (select from pg_catalog.pg_class c where c.oid = t.typrelid and c.relkind = 'c')
      union all
      select 'pg_catalog.pg_operator'::pg_catalog.regclass, oid, oprowner from pg_catalog.pg_operator
      union all
      select 'pg_catalog.pg_opclass'::pg_catalog.regclass, oid, opcowner from pg_catalog.pg_opclass
      union all
      select 'pg_catalog.pg_opfamily'::pg_catalog.regclass, oid, opfowner from pg_catalog.pg_opfamily
      union all
      select 'pg_catalog.pg_collation'::pg_catalog.regclass, oid, collowner from pg_catalog.pg_collation
      union all
      select 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, oid, stxowner from pg_catalog.pg_statistic_ext
      union all
      select 'pg_catalog.pg_ts_config'::pg_catalog.regclass, oid, cfgowner from pg_catalog.pg_ts_config
      union all
      select 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, oid, dictowner from pg_catalog.pg_ts_dict
      union all
      select 'pg_catalog.pg_publication'::pg_catalog.regclass, oid, pubowner from pg_catalog.pg_publication
      union all
      select 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, oid, srvowner from pg_catalog.pg_foreign_server
      union all
      select 'pg_catalog.pg_largeobject'::pg_catalog.regclass, oid, lomowner from pg_catalog.pg_largeobject_metadata
    )
    select identified.type, identified.identity
    from owned
    join pg_catalog.pg_roles r on r.oid = owned.owner and r.rolsuper
    cross join lateral pg_catalog.pg_identify_object(owned.class, owned.id, 0) identified
    where owned.id >= 16384 and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = owned.class and d.objid = owned.id and d.deptype = 'e')
  loop
    execute pg_catalog.format('alter %s %s owner to %I',
      case one.type when 'statistics object' then 'statistics' else one.type end, one.identity, worker);
  end loop;
  for one in
    select rolname as name from pg_catalog.pg_roles r
    where not r.rolsuper and not r.rolcanlogin and not r.rolcreaterole and not r.rolcreatedb and not r.rolreplication
      and not r.rolbypassrls and r.oid >= 16384
      and r.oid in (select relowner from pg_catalog.pg_class union select proowner from pg_catalog.pg_proc
        union select typowner from pg_catalog.pg_type union select nspowner from pg_catalog.pg_namespace)
  loop
    execute pg_catalog.format('grant %I to %I', one.name, worker);
  end loop;
end
$give$;
"""
# There is no ALTER ... OWNER for these: elsewhere whoever owns the database has made them.
_UNOWNED = """
update pg_catalog.pg_extension set extowner = {after}::text::pg_catalog.regrole
where extowner = {before}::text::pg_catalog.regrole and extname <> 'plpgsql';
update pg_catalog.pg_default_acl set defaclrole = {after}::text::pg_catalog.regrole,
  defaclacl = replace(replace(replace(defaclacl::text, '/' || {before}, '/' || {after}),
    '{{' || {before} || '=', '{{' || {after} || '='), ',' || {before} || '=', ',' || {after} || '=')::pg_catalog.aclitem[]
where defaclrole = {before}::text::pg_catalog.regrole
"""
_PLAIN = """
select not (rolsuper or rolcanlogin or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls) and oid >= 16384
from pg_catalog.pg_roles where rolname = $1
"""


class Lease:
    """A copy that is given over. target: the way to it as the role that owns it now."""

    def __init__(self, copy: Copy, target: Target, role: str) -> None:
        self.target = target
        self._copy = copy
        self._role = role

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """A connection as that role, for the length of a block."""
        connection = await connect(self.target)
        try:
            yield connection
        finally:
            await finish(connection.close(timeout=5))

    async def may_join(self, wanted: str) -> bool:
        """Whether it may be made a member of a role: of one without rights of its own, and where we may grant that."""
        if not self._role:
            return False
        with translating("asking for a role"):
            return bool(await self._copy.connection.fetchval(_PLAIN, wanted))

    async def join(self, roles: Iterable[str]) -> None:
        """Make it a member of other roles."""
        with translating("making a role a member of another"):
            for name in roles:
                await self._copy.connection.execute(f"grant {quote(name)} to {quote(self._role)}")


def wanted_role(message: str) -> str:
    """The role that a statement wanted its own to be, as Postgres says when it refuses that; "" when it says something else."""
    match = _WANTED.search(message)
    return match[1].replace('""', '"') if match else ""


def made_beforehand(sql: str) -> str:
    """The extension that a statement makes and that may be made for it, "" for any other statement.

    Not one that leads out of the database: to other servers, to files, to languages that can do anything.
    """
    match = _EXTENSION.match(sql)
    name = match[1] if match else ""
    name = name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
    return "" if _LEADS_OUT.fullmatch(name) else name


async def make_extensions(copy: Copy, names: Iterable[str]) -> None:
    """Make extensions with our own rights, before anything of a script has run. Raises DatabaseError."""
    with translating("making an extension"):
        for name in names:
            await copy.connection.execute(f"create extension if not exists {quote(name)} cascade")


@asynccontextmanager
async def given_over(copy: Copy) -> AsyncIterator[Lease]:
    """Give a copy over for the length of a block. copy.connection stays ours, and must not run what is not ours."""
    ours = copy.connection
    with translating("asking for the sandbox's role"):
        is_superuser = await ours.fetchval(_IS_SUPERUSER)
    target = read_url(copy.sandbox.url)
    if not is_superuser:
        yield Lease(copy, target, "")
        return
    role, password = copy.sandbox.name, secrets.token_hex(16)
    await finish(_give(ours, role, password))
    try:
        yield Lease(copy, replace(target, user=role, password=password), role)
    finally:
        await finish(_take_back(ours, role))


async def _give(ours: Connection, role: str, password: str) -> None:
    name = quote(role)
    with translating("giving a sandbox over"):
        await _sweep(ours)
        await ours.execute(f"create role {name} login nosuperuser nocreatedb nocreaterole password {literal(password)}")
        await ours.execute(f"alter database {name} owner to {name}")
        await ours.execute(_QUALIFIED + _GIVE.format(role=literal(role)))
        await ours.execute(_QUALIFIED + _unowned(OURS, literal(name)))


async def _take_back(ours: Connection, role: str) -> None:
    name = quote(role)
    with translating("taking a sandbox back"):
        await ours.execute(
            "select pg_catalog.pg_terminate_backend(pid, 5000) from pg_catalog.pg_stat_activity where usename = $1",
            role,
        )
        await ours.execute(_QUALIFIED + _unowned(literal(name), OURS))
        await ours.execute(f"reassign owned by {name} to current_user; drop owned by {name}")
        await ours.execute(f"drop role {name}")


def _unowned(before: str, after: str) -> str:
    return _UNOWNED.format(before=before, after=after)


async def _sweep(ours: Connection) -> None:
    """Drop the roles of processes that are gone; one whose database is still there waits for the next time."""
    rows = await ours.fetch("select rolname from pg_catalog.pg_roles where pg_catalog.starts_with(rolname, $1)", PREFIX)
    for row in rows:
        owner = read_owner(row[0])
        if owner is not None and owner.is_gone():
            try:
                with translating("dropping a role"):
                    await ours.execute(f"drop role if exists {quote(row[0])}")
            except DatabaseError:
                continue
