"""A column's type changes, and clients with prepared statements fail: once, or behind a pooler until its connections end.

A prepared statement that returns the column fails from then on with `cached plan must not change result type`; a longer
varchar is another type, too. asyncpg and psycopg prepare statements by themselves. On a direct connection a client fails
once and prepares anew. Behind PgBouncer 1.21 and newer (Neon's pooler) it is an outage: the pooler uses its own prepared
statement again for the same text, so that new clients fail, too, until its server connections have ended. Before the
migration turn the statement caches off (asyncpg: statement_cache_size=0, SQLAlchemy: prepared_statement_cache_size=0);
in the outage end the pooler's server connections (`select pg_terminate_backend(pid) from pg_stat_activity where
application_name = 'pgbouncer'`) and restart the clients.
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
            message=f"Prepared statements that return it{types} fail until their clients connect again; behind a pooler, for every client.",
            evidence="derived from the text and the schema",
            place=statement.place,
        )
