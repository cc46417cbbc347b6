"""A row may hang on a row of another user.

A foreign key asks whether the other row exists, never whose it is, and it does so past all policies: a user who knows or
guesses an id attaches to it, and learns that it exists. A key that takes the owner along, or a check in the code that writes,
closes it. The policies that check_isolation writes ask for the other row, too.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Owned, Ownership
from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint
from mcp_server.rules.isolation.table_without_owner import USERS

_PROJECT = (
    "create table project (id bigint primary key, user_id bigint not null references users, unique (user_id, id));"
    "create table task (id bigint primary key, user_id bigint not null references users, project_id bigint not null"
)
RULE = Rule(
    code="I106",
    severity="info",
    given=USERS,
    bad=_PROJECT + " references project); create index on task (user_id);",
    good=(
        _PROJECT
        + ", foreign key (user_id, project_id) references project (user_id, id)); create index on task (user_id);",
    ),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for one in owned.owned:
        for key in owned.schema.on(one.table, Constraint):
            if key.kind == "f" and not key.inherited and _crosses(owned, one, key):
                columns = ", ".join(map(quote, key.columns))
                yield RULE.found(
                    subject=key.identity,
                    message=f"A row of {one.table} may refer by ({columns}) to another user's row of {key.references}.",
                    evidence=f"derived from the schema: {key.definition}",
                )


def _crosses(owned: Ownership, one: Owned, key: Constraint) -> bool:
    target = owned.of(key.references)
    is_other = target is not None and target.kind != "user" and one.kind != "user"
    return is_other and key not in one.path[:1] and not set(one.columns) & set(key.columns)
