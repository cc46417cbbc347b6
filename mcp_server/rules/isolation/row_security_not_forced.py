"""Row security does not hold for the table's owner.

Applications mostly connect as the role that made the tables, and policies do not bind that one unless they are forced.
A role with BYPASSRLS, as every role that Neon's console makes, passes forced ones, too: let the application be another.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Ownership
from mcp_server.model.schema import Table
from mcp_server.rules.isolation.table_without_row_security import GIVEN, GUARD, TASK

_FORCE = "alter table task force row level security;"
RULE = Rule(
    code="I302",
    severity="warning",
    given=GIVEN,
    bad=TASK + GUARD.format("task").replace(_FORCE, ""),
    good=(TASK + GUARD.format("task"),),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for one in owned.owned:
        for name in (one.table, *owned.parts(one.table)):
            table = owned.schema.get(Table, name)
            if table is not None and table.row_security and not table.force_row_security:
                yield RULE.found(
                    subject=name,
                    message=f"The policies of {name} do not hold for the role that owns it, which is mostly the application's.",
                    evidence="derived from the schema",
                    fix=f"alter table {name} force row level security;",
                )
