"""A new table numbers its rows with an int, which ends at 2 147 483 647.

The day it ends, every insert fails, and the way to bigint rewrites the table. Eight bytes cost little.
https://www.postgresql.org/docs/current/datatype-numeric.html
"""

from collections.abc import Iterator

from mcp_server.model.facts import primary_key
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M407",
    severity="info",
    bad="create table task (id int generated always as identity primary key);",
    good=(
        "create table task (id bigint generated always as identity primary key);",
        "create table colour (code int primary key, name text);",
    ),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("create table"):
        table = migration.identity(action.relation or action.name)
        for name in primary_key(migration.end, table):
            column = migration.end.get(Column, f"{table}.{quote(name)}")
            counted = column and (column.identity_kind or "nextval(" in (column.default or ""))
            if column and counted and column.type in ("integer", "smallint") and not migration.stood(table):
                yield RULE.found(
                    subject=column.identity,
                    message=f"{column.type} numbers end, and the change to bigint rewrites the table; begin with bigint.",
                    evidence="derived from the schema after the migration",
                    place=statement.place,
                )
