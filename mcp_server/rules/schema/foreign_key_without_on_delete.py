"""A foreign key does not say what becomes of its rows when the row that they refer to is deleted.

Unsaid means NO ACTION: the delete fails, with an error that most code does not expect, and an ORM may set the column to null
first. Say it: RESTRICT when the delete should be refused, CASCADE when the rows are part of the other, SET NULL when they
can stand alone.
https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint, Schema

_PARENT = "create table author (id bigint primary key);"
RULE = Rule(
    code="S103",
    severity="info",
    given=_PARENT,
    bad="create table book (id bigint primary key, author_id bigint references author); create index on book (author_id);",
    good=(
        "create table book (id bigint primary key, author_id bigint references author on delete restrict);"
        "create index on book (author_id);",
        "create table book (id bigint primary key, author_id bigint references author on delete set null);"
        "create index on book (author_id);",
    ),
    keyword='ondelete="RESTRICT"',
)
UNSAID = ("", "no action")


def check(schema: Schema) -> Iterator[Finding]:
    for key in schema.all(Constraint):
        if key.kind != "f" or key.inherited or key.on_delete.lower() not in UNSAID or key.deferrable:
            continue
        name, definition = quote(key.name), key.definition
        yield RULE.found(
            subject=key.identity,
            message=f"What happens to {key.table} when its row in {key.references} is deleted is not said: the delete fails.",
            evidence=f"derived from the schema: {definition}",
            fix=f"alter table {key.table} drop constraint {name}, add constraint {name} {definition} on delete restrict;",
        )
