"""The code relies on its session, and the pooler gives each transaction another one.

Through Neon's pooler `SET` reaches whoever gets the server connection next, a session's advisory lock is granted to two clients and
outlives its owner, LISTEN hears nothing, and temporary tables belong to strangers. Use `SET LOCAL`, pg_advisory_xact_lock, or the
direct host for that work.
https://neon.com/docs/connect/connection-pooling
"""

import re
from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse

RULE = Rule(code="H903", severity="error", form="project")
INSTEAD = {
    "SET": "set local, inside the transaction",
    "an advisory lock": "pg_advisory_xact_lock, or the direct host",
    "LISTEN": "the direct host, on a connection of its own",
    "PREPARE": "the driver's own parameters",
    "a temporary table": "create temporary table ... on commit drop, or the direct host",
}
STATES = (
    (r"^(?:set|reset)\s+(?!local\b|transaction\b|constraints\b)", "SET"),
    (r"\bset_config\s*\([^()]*,\s*false\s*\)", "SET"),
    (r"\bpg_(?:try_)?advisory_(?:lock|unlock)", "an advisory lock"),
    (r"^(?:un)?listen\b", "LISTEN"),
    (r"^(?:prepare|deallocate)\s", "PREPARE"),
    (r"^create\s+(?:local\s+)?temp(?:orary)?\s+table(?!.*on\s+commit\s+drop)", "a temporary table"),
)


def check(use: NeonUse) -> Iterator[Finding]:
    if not use.pooled:
        return
    for call, sql in use.sent():
        found = next((word for pattern, word in STATES if re.search(pattern, sql)), None)
        if found is not None:
            yield RULE.found(
                subject=found,
                message=f"{found} belongs to a session, and through the pooler the session is another one in the next transaction.",
                evidence=f"{sql[:100]}; {use.origin} names the pooler",
                fix=INSTEAD[found],
                place=str(call.span),
            )
