"""Several foreign keys of a table lead to users, and none of them is called the owner's.

Which of them says whose the row is, only a person can tell: sender or receiver, author or reviewer. Until it is named the
first was taken. Name the column with the argument `owner`, as `user_id,sender_id`.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Ownership
from mcp_server.rules.isolation.table_without_owner import USERS

RULE = Rule(
    code="I107",
    severity="warning",
    given=USERS
    + "create table task (id bigint primary key, user_id bigint not null references users); create index on task (user_id);",
    bad="create table message (id bigint primary key, sender_id bigint not null references users,"
    "receiver_id bigint not null references users); create index on message (sender_id); create index on message (receiver_id);",
    good=(
        "create table message (id bigint primary key, user_id bigint not null references users,"
        "receiver_id bigint not null references users); create index on message (user_id);",
    ),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for table, keys in owned.ambiguous:
        one = owned.of(table)
        yield RULE.found(
            subject=table,
            message=f"{len(keys)} foreign keys of {table} lead to users; {one.column if one else keys[0]} was taken for the owner's.",
            evidence=f"derived from the schema: {', '.join(keys)}",
        )
