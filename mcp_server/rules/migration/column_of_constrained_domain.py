"""A column of a domain with constraints is added, and Postgres writes the whole table anew.

Even without a default, Postgres must check the domain's constraints for the new column's value in every row, and does it
by a rewrite under an AccessExclusiveLock. Use the domain's base type with a CHECK that is added NOT VALID and validated.
https://www.postgresql.org/docs/current/sql-createdomain.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Domain
from mcp_server.model.walked import Migration, stopped

RULE = Rule(
    code="M111",
    severity="error",
    given="create table task (id bigint primary key); create domain positive as int check (value > 0); create domain plain as int;",
    bad="alter table task add column size positive;",
    good=(
        "alter table task add column size int;",
        "alter table task add column size plain;",
        "create table note (id int); alter table note add column size positive;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("add column"):
        table = migration.identity(action.relation)
        effect = statement.effect_of(action)
        blocked = migration.blocked(effect)
        column = migration.end.get(Column, f"{table}.{quote(action.name)}")
        domain = column and migration.end.get(Domain, column.type)
        if not blocked or not effect.rewrites or column is None or domain is None:
            continue
        yield RULE.found(
            subject=column.identity,
            message=f"{domain.identity} has constraints, so {table} is written anew: {stopped(blocked)} meanwhile. "
            f"Give the column the domain's base type and a CHECK that is added NOT VALID and validated later.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
