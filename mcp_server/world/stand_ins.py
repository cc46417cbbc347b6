"""Tables of others that a history refers to and an empty database does not have.

A foreign key to Better Auth's `user` needs that table, and no revision of the project makes it. On a sandbox one is made
as the project's models know it: declared by them, or with the columns that their foreign keys lead to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mcp_server.errors import ArchitectError
from mcp_server.model.names import quote, split
from mcp_server.model.orm import Models
from mcp_server.world.database import connect, translating
from mcp_server.world.external import is_external

if TYPE_CHECKING:
    from mcp_server.world.sandbox import Sandbox
    from mcp_server.world.workspace import Workspace

UNDEFINED_TABLE = "42P01"
MISSING = re.compile(r'relation "((?:[^"]|"")+)" does not exist')
FOREIGN_KEY = re.compile(r",\s*(?:CONSTRAINT \S+ )?FOREIGN KEY\s*\([^)]*\) REFERENCES [^,)]*\([^)]*\)[^,)]*", re.I)


def missing_table(error: Mapping[str, Any], external: tuple[str, ...]) -> str:
    """The identity of the table of others whose absence is what Postgres complained about, "" for anything else."""
    match = MISSING.search(str(error.get("message", ""))) if error.get("sqlstate") == UNDEFINED_TABLE else None
    if not match:
        return ""
    words = match[1].replace('""', '"').split(".")
    identity = ".".join(quote(word) for word in (words if len(words) > 1 else ["public", *words]))
    return identity if is_external(identity, external) else ""


async def provide_table(workspace: Workspace, sandbox: Sandbox, identity: str) -> bool:
    """Make a table of others on a sandbox, as the models know it; False when they do not know it."""
    from mcp_server.world.models import read_models

    try:
        statements = tuple(making(await read_models(workspace, sandbox.server_version), identity))
    except ArchitectError:
        return False
    connection = await connect(sandbox.url)
    try:
        with translating("making a table that stands in for one of others"):
            for sql in statements:
                await connection.execute(sql)
    finally:
        await connection.close()
    return bool(statements)


def making(models: Models, identity: str) -> Iterator[str]:
    """The models' statements that make one table, without foreign keys: what it refers to may be missing too."""
    schema, name = split(identity)
    begins = [f"CREATE TABLE {quote(schema)}.{quote(name)} ("]
    begins += [f"CREATE TABLE {quote(name)} ("] if schema == "public" else []
    for sql in models.ddl:
        if sql.strip().startswith(tuple(begins)):
            if schema != "public":
                yield f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}"
            yield FOREIGN_KEY.sub("", sql)
