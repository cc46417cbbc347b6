"""The planner takes a page read out of order for four times as dear as one in order, as on spinning disks.

On SSDs and in the cloud it is hardly dearer; too high a price makes the planner pass over good indexes.
https://www.postgresql.org/docs/current/runtime-config-query.html#GUC-RANDOM-PAGE-COST
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health
from mcp_server.model.names import quote

RULE = Rule(code="H404", severity="info", form="project")
OLD_PRICE, LEAST = 4, 100 * MEGABYTE


def check(health: Health) -> Iterator[Finding]:
    server = health.server
    if server.number("random_page_cost") == OLD_PRICE and server.size >= LEAST and not server.neon:
        yield RULE.found(
            subject="the server",
            message="random_page_cost is 4, the price of spinning disks.",
            evidence="observed: setting random_page_cost = 4; whether the disks spin cannot be seen from here",
            fix=f"alter database {quote(server.database)} set random_page_cost = 1.1;",
        )
