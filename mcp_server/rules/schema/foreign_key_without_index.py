"""No index starts with the columns of a foreign key.

Every delete of a referenced row, and every update of its key, reads the whole table to look for rows that refer to it, and
so does every list of what belongs to one row. Postgres makes no such index by itself.
https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
"""

from collections.abc import Iterator

from mcp_server.model.facts import unserved
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Schema, Table

_PARENT = "create table author (id bigint primary key);"
RULE = Rule(
    code="S102",
    severity="warning",
    given=_PARENT,
    bad="create table book (id bigint primary key, author_id bigint references author on delete restrict);",
    good=(
        "create table book (id bigint primary key, author_id bigint references author on delete restrict);"
        "create index on book (author_id, id);",
        "create table book (author_id bigint references author on delete cascade, number int, primary key (author_id, number));",
        "create table book (id bigint primary key, author_id bigint references author on delete set null);"
        "create index on book (author_id) where author_id is not null;",
    ),
    keyword="index=True",
)


def check(schema: Schema) -> Iterator[Finding]:
    for table in schema.all(Table):
        for key in unserved(schema, table.identity):
            if key.inherited:
                continue
            columns = ", ".join(map(quote, key.columns))
            yield RULE.found(
                subject=key.identity,
                message=f"No index of {table.identity} starts with ({columns}): a delete in {key.references} reads all of it.",
                evidence=f"derived from the schema: {key.definition}",
                fix=f"create index on {table.identity} ({columns});",
            )
