"""A row may be without an owner.

A column on the way to the owner allows NULL. Such a row is nobody's: a scoped query never finds it, and one that forgets
the scope, or compares with OUTER JOIN, gives it to everybody.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Ownership
from mcp_server.model.names import quote
from mcp_server.model.schema import Column
from mcp_server.rules.isolation.table_without_owner import USERS

_TASK = "create table task (id bigint primary key, user_id bigint not null references users); create index on task (user_id);"
RULE = Rule(
    code="I103",
    severity="error",
    given=USERS + _TASK,
    bad="create table note (id bigint primary key, user_id bigint references users); create index on note (user_id);",
    good=(
        "create table note (id bigint primary key, user_id bigint not null references users, task_id bigint references task);"
        "create index on note (user_id); create index on note (task_id);",
    ),
    beside=("I106",),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for one in owned.owned:
        for column in owned.schema.on(one.table, Column):
            if column.nullable and column.name in one.columns and one.kind != "user":
                yield RULE.found(
                    subject=column.identity,
                    message=f"{one.table} takes rows that are nobody's: {column.identity} leads to the owner and may be NULL.",
                    evidence="derived from the schema",
                    fix=f"alter table {one.table} alter column {quote(column.name)} set not null;",
                )
