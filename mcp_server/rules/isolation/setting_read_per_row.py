"""A policy asks for the user once for each row.

`current_setting()` and functions such as `auth.uid()` in a policy are called for every row that is read. In a scalar subquery
Postgres calls them once and keeps the answer.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

import re
from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Ownership
from mcp_server.model.schema import Policy
from mcp_server.rules.isolation.table_without_row_security import GIVEN, GUARD, TASK

_CALL = re.compile(r"\b(?:current_setting|auth\.(?:uid|user_id|jwt))\(")
_PLAIN = "nullif(current_setting('app.user_id', true), '')::bigint"
RULE = Rule(
    code="I304",
    severity="warning",
    given=GIVEN,
    bad=TASK + GUARD.format("task").replace(f"(select {_PLAIN})", _PLAIN),
    good=(TASK + GUARD.format("task"),),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for one in owned.owned:
        for policy in owned.schema.on(one.table, Policy):
            texts = (policy.using, policy.check)
            if any("SELECT" not in text[: call.start()] for text in texts for call in _CALL.finditer(text)):
                yield RULE.found(
                    subject=policy.identity,
                    message=f"The policy asks who the user is for each row of {one.table} that is read, not once a statement.",
                    evidence=f"derived from the schema: {policy.using or policy.check}",
                    fix="-- put it into a subquery: (select current_setting('app.user_id', true)); policies=show writes it so",
                )
