"""An index is the beginning of another one.

A btree index on (user_id, created_at) answers what one on (user_id) answers. The shorter one costs every write, and is worth
its price only where it is much smaller and read very often.
https://www.postgresql.org/docs/current/indexes-multicolumn.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Index, Schema, Table

RULE = Rule(
    code="S107",
    severity="info",
    bad="create table task (id bigint primary key, user_id bigint, created_at timestamptz not null default now());"
    "create index a on task (user_id); create index b on task (user_id, created_at);",
    good=(
        "create table task (id bigint primary key, user_id bigint, title text);"
        "create unique index a on task (user_id); create index b on task (user_id, title);",
        "create table task (id bigint primary key, user_id bigint, title text);"
        "create index a on task (title); create index b on task (user_id, title);",
        "create table task (id bigint primary key, user_id bigint, done bool not null);"
        "create index a on task (user_id); create index b on task (user_id, id) where not done;",
    ),
)


def check(schema: Schema) -> Iterator[Finding]:
    for table in schema.all(Table):
        indexes = schema.on(table.identity, Index)
        for index in indexes:
            longer = next((one for one in indexes if _begins(index, one)), None)
            if longer is None or index.parent:
                continue
            yield RULE.found(
                subject=index.identity,
                message=f"{longer.identity} answers what {index.identity} answers, and every write pays for both.",
                evidence=f"derived from the schema: {longer.definition}",
                fix=f"drop index {index.identity};",
            )


def _begins(short: Index, long: Index) -> bool:
    """Whether all that one index can do the other can."""
    if short.unique or short.constraint or short.include or short.method != "btree" or long.method != "btree":
        return False
    return (
        len(short.keys) < len(long.keys)
        and long.keys[: len(short.keys)] == short.keys
        and short.predicate == long.predicate
        and long.valid
    )
