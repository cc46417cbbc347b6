"""The owner's column refers to nothing.

Any value is taken: rows of users that never were, or that are gone. A later user who gets the same id gets the rows. Where
others own the users' table (Better Auth's "user", say), name it in [tool.dbarch] `external`.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Ownership
from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint
from mcp_server.rules.isolation.table_without_owner import USERS

RULE = Rule(
    code="I102",
    severity="warning",
    given=USERS,
    bad="create table task (id bigint primary key, user_id bigint not null); create index on task (user_id);",
    good=(
        "create table task (id bigint primary key, user_id bigint not null references users on delete cascade);"
        "create index on task (user_id, id);",
    ),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for one in owned.owned:
        keys = (key for key in owned.schema.on(one.table, Constraint) if key.kind == "f" and one.column in key.columns)
        if one.kind != "direct" or any(keys) or (owned.is_foreign and not owned.user):
            continue
        name = quote(one.column)
        target = owned.user or "<the users' table>"
        fix = f"alter table {one.table} add foreign key ({name}) references {target} on delete cascade;"
        yield RULE.found(
            subject=f"{one.table}.{name}",
            message=f"{one.table}.{name} says whose a row is, and no foreign key holds it to a user who exists.",
            evidence="derived from the schema",
            fix=fix if owned.user else "",
        )
