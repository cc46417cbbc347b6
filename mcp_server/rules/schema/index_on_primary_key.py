"""An index repeats the primary key.

The primary key has an index of its own. `index=True` beside `primary_key=True` makes a second one that no query needs and
every insert keeps up.
https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-PRIMARY-KEYS
"""

from collections.abc import Iterator

from mcp_server.model.facts import primary_key
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Index, Schema, Table

RULE = Rule(
    code="S106",
    severity="warning",
    bad="create table task (id bigint primary key); create index ix_task_id on task (id);",
    good=(
        "create table task (id bigint primary key);",
        "create table task (id bigint primary key, title text); create index on task (title, id);",
        "create table task (id text primary key); create index on task (id text_pattern_ops);",
        "create table task (id bigint primary key, done bool not null); create index on task (id) where not done;",
    ),
    keyword="without index=True",
)


def check(schema: Schema) -> Iterator[Finding]:
    for table in schema.all(Table):
        key = primary_key(schema, table.identity)
        own = next((one for one in schema.on(table.identity, Index) if one.constraint and one.columns == key), None)
        for index in schema.on(table.identity, Index):
            if own is None or index.constraint or index.parent or index.unique:
                continue
            if (index.method, index.keys, index.predicate) == ("btree", own.keys, "") and not index.include:
                yield RULE.found(
                    subject=index.identity,
                    message=f"{index.identity} repeats the primary key of {table.identity}, which has its own index.",
                    evidence=f"derived from the schema: {index.definition}",
                    fix=f"drop index {index.identity};",
                )
