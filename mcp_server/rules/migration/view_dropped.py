"""A view is dropped that code may still read.

A view that is dropped and made again in the same transaction is missed by nobody; one that goes for good is.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import View
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M203",
    severity="error",
    given="create table task (id bigint primary key); create view ids as select id from task;",
    bad="drop view ids;",
    good=("begin;\ndrop view ids;\ncreate view ids as select id, 1 as one from task;\ncommit;",),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("drop view", "drop materialized view"):
        name = migration.identity(action.relation or action.name)
        gone = migration.view(name) is not None or (not statement.is_observed and migration.stood(name))
        if not gone or (migration.after is not None and migration.after.get(View, name) is not None):
            continue
        yield RULE.found(
            subject=name,
            message="Code that still reads the view fails.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
