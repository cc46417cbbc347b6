"""A column's type changes, and clients with prepared statements fail until they connect again.

A prepared statement that returns the column fails from then on with `cached plan must not change result type`; a longer
varchar is another type, too. asyncpg and psycopg prepare statements by themselves; behind a pooler that keeps server
connections (PgBouncer, Neon's) the failing statement is met again and again: an outage that lasts until the pool is
restarted. Turn the statement caches off (asyncpg: statement_cache_size=0, SQLAlchemy: prepared_statement_cache_size=0)
or restart the clients after the migration.
https://www.postgresql.org/docs/current/sql-prepare.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M210",
    severity="info",
    given="create table task (id bigint primary key, name varchar(50));",
    bad="alter table task alter column name type varchar(100);",
    good=(
        "alter table task alter column name type varchar(50);",
        "create table note (body varchar(10)); alter table note alter column body type text;",
        "alter table task alter column name set default '';",
    ),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("alter column type"):
        table = migration.identity(action.relation)
        old = migration.column(table, action.name)
        new = migration.end.get(Column, f"{table}.{quote(action.name)}")
        if old is None or new is None or old.type == new.type:
            continue
        types = "" if old.identity in migration.made_up else f" ({old.type} to {new.type})"
        yield RULE.found(
            subject=old.identity,
            message=f"Prepared statements that return it{types} fail until their clients connect again.",
            evidence="derived from the text and the schema",
            place=statement.place,
        )
