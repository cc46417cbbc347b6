"""A column that must not be null is added without a default, which fails as soon as the table holds a row.

It passes on an empty database only. Add the column nullable, fill it in batches, prove NOT NULL by a validated check; or
give it a constant default, which is instant.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Domain
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M302",
    severity="error",
    given="create table task (id bigint primary key);",
    bad="alter table task add column title text not null;",
    good=(
        "alter table task add column title text not null default '';",
        "create table note (id int); alter table note add column title text not null;",
    ),
    cured=False,
)
FILLED = {"default", "identity", "stored", "virtual"}


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("add column"):
        table = migration.identity(action.relation)
        must = action.flags & {"not null", "primary key"}
        if not must or action.flags & FILLED or "serial" in action.type or migration.sizes.get(table) == 0:
            continue
        column = migration.end.get(Column, f"{table}.{quote(action.name)}")
        domain = column and migration.end.get(Domain, column.type)
        if not migration.stood(table) or (domain and domain.default):
            continue
        yield RULE.found(
            subject=f"{table}.{action.name}",
            message=f"Without a default there is no value for the rows that {table} holds: the statement fails on the first.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
