"""No index starts with the column that says whose a row is.

Every scoped query, and every policy, asks by this column: without an index each of them reads the rows of all users.
"""

from collections.abc import Iterator

from mcp_server.model.facts import serves
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Ownership
from mcp_server.model.names import quote
from mcp_server.model.schema import Index
from mcp_server.rules.isolation.table_without_owner import USERS

RULE = Rule(
    code="I104",
    severity="warning",
    given=USERS,
    bad="create table task (id bigint primary key, user_id bigint not null references users);",
    good=(
        "create table task (id bigint, user_id bigint not null references users, primary key (user_id, id));",
        "create table task (id bigint primary key, user_id bigint not null unique references users);",
    ),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for one in owned.owned:
        if any(serves(index, one.columns) for index in owned.schema.on(one.table, Index)):
            continue
        columns = ", ".join(map(quote, one.columns))
        yield RULE.found(
            subject=one.table,
            message=f"Every query for the rows of one user reads all of {one.table}: no index starts with ({columns}).",
            evidence="derived from the schema",
            fix=f"create index on {one.table} ({columns});",
        )
