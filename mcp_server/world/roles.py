"""Roles that a schema's sources name and a sandbox does not have.

GRANT, POLICY and OWNER need the role to exist. On the embedded Postgres, which nobody else uses, it is made without
login and without rights, and stays: a role belongs to no database. One that a revision makes there keeps its name alone. On a server that the user named nothing is made
beside databases; the statement fails there, and the hint says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcp_server.errors import DatabaseError
from mcp_server.model.names import quote
from mcp_server.world.database import connect, translating
from mcp_server.world.owner import PREFIX

if TYPE_CHECKING:
    from asyncpg import Connection, Record

    from mcp_server.world.sandbox import Sandbox, Sandboxes

UNDEFINED_OBJECT = "42704"
EXISTS = ("42710", "23505")  # the second when another process makes it at the same moment
MISSING_ROLE = re.compile(r'role "((?:[^"]|"")+)" does not exist')


def missing_role(error: Mapping[str, Any]) -> str:
    """The role whose absence is what Postgres complained about, "" when it was something else."""
    if error.get("sqlstate") != UNDEFINED_OBJECT:
        return ""
    match = MISSING_ROLE.search(str(error.get("message", "")))
    return match[1].replace('""', '"') if match else ""


async def provide_role(sandboxes: Sandboxes, sandbox: Sandbox, role: str) -> bool:
    """Make a role without login on the embedded server; False when the server is the user's own."""
    if not sandboxes.is_embedded:
        return False
    connection = await connect(sandbox.url)
    try:
        with translating("making a role"):
            await connection.execute(f"create role {quote(role)} nologin")
    except DatabaseError as error:
        if error.sqlstate not in EXISTS:
            raise
    finally:
        await connection.close()
    return True


_ARMED = """
    select rolname from pg_catalog.pg_roles
    where oid >= 16384 and rolname <> current_user and not pg_catalog.starts_with(rolname, $1)
      and (rolsuper or rolcanlogin or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)
"""


async def disarm_roles(connection: Connection[Record], sandbox: Sandbox) -> None:
    """Take from the roles that revisions have made on the embedded server whatever they could do there.

    connection: to the sandbox, ours. On a server that the user named revisions make none, see reach.py.
    """
    if not sandbox.is_embedded:
        return
    with translating("taking rights from roles"):
        for row in await connection.fetch(_ARMED, PREFIX):
            await connection.execute(
                f"alter role {quote(row[0])} nosuperuser nologin nocreaterole nocreatedb noreplication nobypassrls password null"
            )
