"""Tables of others that a history refers to and an empty database does not have.

A foreign key to Better Auth's `user` needs that table, and no revision of the project makes it. On a sandbox one is made
as the project's models know it: declared by them, or with the columns that their foreign keys lead to. It brings its
schema and the types of its columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mcp_server.errors import ArchitectError, DatabaseError
from mcp_server.model.names import quote, split
from mcp_server.model.orm import Models
from mcp_server.world.database import connect, translating
from mcp_server.world.external import is_external

if TYPE_CHECKING:
    from mcp_server.world.sandbox import Sandbox
    from mcp_server.world.workspace import Workspace

UNDEFINED_TABLE = "42P01"
UNDERLYING = ("3F000", "42704")  # a schema, a type
EXISTS = "42710"
MISSING = re.compile(r'relation "((?:[^"]|"")+)" does not exist')
MISSING_BELOW = re.compile(r'(schema|type) "((?:[^"]|"")+)" does not exist')
FOREIGN_KEY = re.compile(r",\s*(?:CONSTRAINT \S+ )?FOREIGN KEY\s*\([^)]*\) REFERENCES [^,)]*\([^)]*\)[^,)]*", re.I)


def missing_table(error: Mapping[str, Any], external: tuple[str, ...]) -> str:
    """The identity of the table of others whose absence is what Postgres complained about, "" for anything else."""
    match = MISSING.search(str(error.get("message", ""))) if error.get("sqlstate") == UNDEFINED_TABLE else None
    if not match:
        return ""
    words = match[1].replace('""', '"').split(".")
    identity = ".".join(quote(word) for word in (words if len(words) > 1 else ["public", *words]))
    return identity if is_external(identity, external) else ""


def missing_below(error: Mapping[str, Any]) -> tuple[str, str]:
    """What a table stands on and Postgres missed: ("schema" or "type", its name as SQL); ("", "") for anything else."""
    match = MISSING_BELOW.search(str(error.get("message", ""))) if error.get("sqlstate") in UNDERLYING else None
    if not match:
        return "", ""
    words = match[2].replace('""', '"').split(".")
    return match[1], ".".join(quote(word) for word in words)


async def provide_table(workspace: Workspace, sandbox: Sandbox, identity: str) -> bool:
    """Make a table of others on a sandbox, as the models know it; False when they do not know it."""
    models = await _models(workspace, sandbox)
    return models is not None and await _make(sandbox, making(models, identity))


async def provide_above(workspace: Workspace, sandbox: Sandbox, word: str, name: str) -> bool:
    """Make the tables of others that bring a schema or type, as the models know them; False when there are none."""
    models = await _models(workspace, sandbox)
    if models is None:
        return False
    listed = [identity for identity in tables_of(models) if is_external(identity, workspace.settings.external)]
    texts = {identity: tuple(making(models, identity)) for identity in listed}
    if word == "schema":
        needed = [sqls for identity, sqls in texts.items() if identity.startswith(f"{name}.")]
    else:
        begin = f"CREATE TYPE {name} "
        needed = [sqls for sqls in texts.values() if any(sql.lstrip().startswith(begin) for sql in sqls)]
    return await _make(sandbox, [sql for sqls in needed for sql in sqls])


async def _models(workspace: Workspace, sandbox: Sandbox) -> Models | None:
    from mcp_server.world.models import read_models

    try:
        return await read_models(workspace, sandbox.server_version)
    except ArchitectError:
        return None


async def _make(sandbox: Sandbox, statements: Iterable[str]) -> bool:
    """Run statements; two tables may bring the same type. False when there are none."""
    listed = tuple(statements)
    connection = await connect(sandbox.url)
    try:
        for sql in listed:
            try:
                with translating("making a table that stands in for one of others"):
                    await connection.execute(sql)
            except DatabaseError as error:
                if error.sqlstate != EXISTS:
                    raise
    finally:
        await connection.close()
    return bool(listed)


def tables_of(models: Models) -> Iterator[str]:
    """The identities of the tables that the models' statements make."""
    for sql in models.ddl:
        head, word, _ = sql.strip().partition(" (")
        if word and head.startswith("CREATE TABLE "):
            parts = split(head.removeprefix("CREATE TABLE "))
            yield ".".join(quote(part) for part in (parts if len(parts) > 1 else ("public", *parts)))


def making(models: Models, identity: str) -> Iterator[str]:
    """The models' statements that make one table, without foreign keys: what it refers to may be missing too."""
    schema, name = split(identity)
    begins = [f"CREATE TABLE {quote(schema)}.{quote(name)} ("]
    begins += [f"CREATE TABLE {quote(name)} ("] if schema == "public" else []
    for sql in models.ddl:
        if sql.strip().startswith(tuple(begins)):
            if schema != "public":
                yield f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}"
            yield from _types(models, sql)
            yield FOREIGN_KEY.sub("", sql)


def _types(models: Models, table: str) -> Iterator[str]:
    """The models' statements that make the types of a table's columns."""
    for sql in models.ddl:
        name = sql.strip().removeprefix("CREATE TYPE ").partition(" AS ")[0]
        if sql.strip().startswith("CREATE TYPE ") and re.search(rf'(?<![\w".]){re.escape(name)}(?![\w".])', table):
            yield sql
