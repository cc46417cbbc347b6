"""A table has no primary key.

Nothing names one row: two equal rows cannot be told apart, logical replication refuses updates and deletes, and SQLAlchemy
cannot map the table. Take the columns that name a row, or number the rows.
https://www.postgresql.org/docs/current/logical-replication-publication.html
"""

from collections.abc import Iterator

from mcp_server.model.facts import primary_key
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Column, Schema, Table

RULE = Rule(
    code="S101",
    severity="error",
    bad="create table task (title text);",
    good=(
        "create table task (id bigint generated always as identity primary key, title text);",
        "create table task_tag (task_id bigint, tag_id bigint, primary key (task_id, tag_id));",
        "create table log (at date not null, id bigint, primary key (at, id)) partition by range (at);"
        "create table log_2030 partition of log for values from ('2030-01-01') to ('2031-01-01');",
        "create view titles as select 'a'::text as title;",
    ),
)


def check(schema: Schema) -> Iterator[Finding]:
    for table in schema.all(Table):
        if table.kind == "foreign" or table.partition_of or primary_key(schema, table.identity):
            continue
        has_id = any(column.name == "id" for column in schema.on(table.identity, Column))
        yield RULE.found(
            subject=table.identity,
            message=f"No primary key names the rows of {table.identity}: two equal rows cannot be told apart.",
            evidence="derived from the schema",
            fix=""
            if has_id
            else f"alter table {table.identity} add column id bigint generated always as identity primary key;",
        )
