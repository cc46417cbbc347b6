"""Two indexes of a table are the same.

Both are kept up by every write and take the space twice, and no query can use the second for anything. Where one of them
carries a constraint, the other one goes. It comes from `index=True` or `unique=True` beside an `Index(...)`.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Index, Schema, Table

RULE = Rule(
    code="S105",
    severity="warning",
    bad="create table task (id bigint primary key, user_id bigint); create index a on task (user_id);"
    "create index b on task (user_id);",
    good=(
        "create table task (id bigint primary key, user_id bigint); create index a on task (user_id);",
        "create table task (id bigint primary key, done bool not null); create index a on task (done) where done;"
        "create index b on task (done) where not done;",
        "create table task (id bigint primary key, title text); create index a on task (title);"
        "create index b on task (title text_pattern_ops);",
        "create table task (id bigint primary key, tags text[]); create index a on task using gin (tags);"
        "create index b on task (tags);",
    ),
)


def check(schema: Schema) -> Iterator[Finding]:
    for table in schema.all(Table):
        kept: dict[object, Index] = {}
        for index in sorted(schema.on(table.identity, Index), key=_worth):
            alike = (index.method, index.keys, index.include, index.predicate)
            first = kept.setdefault(alike, index)
            # A unique index that is the only one to say so is kept: only a weaker or an equal one is a double.
            if first is index or index.parent or index.constraint:
                continue
            if first.columns == _key(schema, table.identity) and not index.unique:
                continue
            yield RULE.found(
                subject=index.identity,
                message=f"{index.identity} is the same as {first.identity}, and every write pays for both.",
                evidence=f"derived from the schema: {index.definition}",
                fix=f"drop index {index.identity};",
            )


def _worth(index: Index) -> tuple[bool, bool, bool, str]:
    """The ones to keep first: valid, with a constraint, unique."""
    return (not index.valid, not index.constraint, not index.unique, index.name)


def _key(schema: Schema, table: str) -> tuple[str, ...]:
    from mcp_server.model.facts import primary_key

    return primary_key(schema, table)
