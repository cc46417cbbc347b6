"""A table that users own is left open beside tables with row security.

The database keeps users apart elsewhere, so the code may trust it to; here it does not. Every session that may read the
table reads the rows of all users.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Ownership
from mcp_server.model.schema import Table
from mcp_server.rules.isolation.table_without_owner import USERS

MINE = "user_id = (select nullif(current_setting('app.user_id', true), '')::bigint)"
GUARD = (
    "alter table {0} enable row level security; alter table {0} force row level security;"
    f"create policy owner_only on {{0}} using ({MINE});"
)
TASK = "create table task (id bigint primary key, user_id bigint not null references users); create index on task (user_id);"
_USER = (
    "alter table users enable row level security; alter table users force row level security; create policy owner_only on users"
    " using (id = (select nullif(current_setting('app.user_id', true), '')::bigint));"
)
GIVEN = USERS + _USER
RULE = Rule(
    code="I301",
    severity="error",
    given=GIVEN,
    bad=TASK,
    good=(TASK + GUARD.format("task"),),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for one in owned.owned if owned.guarded else ():
        for name in (one.table, *owned.parts(one.table)):
            table = owned.schema.get(Table, name)
            if table is not None and not table.row_security:
                whole = "" if name == one.table else f" (its parent {one.table} is asked by its own policies alone)"
                yield RULE.found(
                    subject=name,
                    message=f"{name} holds the rows of users and has no row security, other tables have{whole}.",
                    evidence="derived from the schema",
                    fix=f"alter table {name} enable row level security;\nalter table {name} force row level security;"
                    "\n-- with a policy: check_isolation with policies=show writes it",
                )
