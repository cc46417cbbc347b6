"""Dropping a table or a foreign key locks the table that it refers to as well.

The triggers of a foreign key stand on both tables: DROP TABLE, DROP COLUMN and DROP CONSTRAINT take an AccessExclusiveLock
on the referenced table too, which is often the busiest one. Give it a transaction of its own, and take both locks in one
order, the referenced table first, so that two sessions cannot wait for each other.
https://www.postgresql.org/docs/current/sql-altertable.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, Statement
from mcp_server.rules.cures import script

RULE = Rule(
    code="M127",
    severity="info",
    given="create table author (id bigint primary key);"
    " create table book (id bigint primary key, author_id bigint constraint written_by references author (id));"
    " create index on book (author_id);",
    bad="alter table book drop constraint written_by;",
    good=(
        "begin;\nlock table author, book in access exclusive mode;\nalter table book drop constraint written_by;\ncommit;",
        "alter table author add column born date;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("drop table", "drop constraint", "drop column"):
        table = migration.identity(action.relation or action.name)
        others = [
            lock.relation
            for lock in migration.taken(statement)
            if lock.relation != table and lock.mode == "AccessExclusiveLock" and migration.view(lock.relation) is None
        ]
        if not others:
            continue
        yield RULE.found(
            subject=table,
            message=f"It also stops reads and writes on {', '.join(others)}, which a foreign key refers to.",
            evidence=migration.evidence(statement),
            fix=_fix(statement, table, others) if action.verb == "drop constraint" else "",
            place=statement.place,
        )


def _fix(statement: Statement, table: str, others: list[str]) -> str:
    both = ", ".join([*others, table])
    return script("begin", f"lock table {both} in access exclusive mode", statement.sql, "commit")
