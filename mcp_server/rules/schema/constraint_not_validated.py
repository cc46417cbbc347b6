"""A constraint was added NOT VALID and never validated.

It holds for new rows and says nothing of old ones: the planner does not rely on it, and neither may you.
`validate constraint` reads the table under a lock that lets others read and write.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint, Schema

RULE = Rule(
    code="S119",
    severity="warning",
    given="create table task (id bigint primary key, hours int);",
    bad="alter table task add constraint positive check (hours > 0) not valid;",
    good=("alter table task add constraint positive check (hours > 0);",),
)


def check(schema: Schema) -> Iterator[Finding]:
    for one in schema.all(Constraint):
        if not one.validated and one.enforced and not one.inherited:
            yield RULE.found(
                subject=one.identity,
                message=f"{one.identity} was never validated: rows from before it may break it.",
                evidence=f"derived from the schema: {one.definition}",
                fix=f"alter table {one.table} validate constraint {quote(one.name)};",
            )
