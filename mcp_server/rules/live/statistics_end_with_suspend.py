"""What the server has counted began anew when the compute woke.

At each suspend a compute loses pg_stat_statements and its counters. What seems unused may only not have been used since, and the costly
statements of yesterday are gone. Look after hours of real traffic, or save the workload with dbarch.watch().
https://neon.com/docs/extensions/pg_stat_statements
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse

RULE = Rule(code="H907", severity="info", form="project")


def check(use: NeonUse) -> Iterator[Finding]:
    if use.suspends and use.up_days < 1:
        minutes = use.up_days * 1440
        yield RULE.found(
            subject="statistics",
            message=f"The counters are {minutes:,.0f} minutes old: they began anew when the compute woke.",
            evidence=f"it suspends after {use.suspends} s without a query",
            fix="recommend_indexes on a file of dbarch.watch(), or once it has been awake for a day",
        )
