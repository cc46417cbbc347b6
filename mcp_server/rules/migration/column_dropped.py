"""A column is dropped with its values, and code that runs still asks for it.

Code of the previous release selects the column by name and fails. Stop using it in one release (in SQLAlchemy `deferred` or
left out of the model), drop it in a later one. A default or a dropped NOT NULL keeps its inserts working meanwhile.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M202",
    severity="warning",
    given="create table task (id bigint primary key, title text);",
    bad="alter table task drop column title;",
    good=(
        "create table note (id int, body text); alter table note drop column body;",
        "alter table task add column due date; alter table task drop column due;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("drop column"):
        table = migration.identity(action.relation)
        if migration.column(table, action.name) is None and (statement.is_observed or not migration.stood(table)):
            continue
        yield RULE.found(
            subject=f"{table}.{quote(action.name)}",
            message="Its values are lost, and code that still selects or inserts it fails.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
