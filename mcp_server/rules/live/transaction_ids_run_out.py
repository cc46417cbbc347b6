"""Transaction ids run out: old rows were not frozen in time.

At 2.1 thousand million unfrozen transactions the server refuses every write until it is vacuumed.
https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H301", severity="warning", form="project")
LIMIT = 2_146_483_648
NEAR, EARLY = 0.9, 0.45


def check(health: Health) -> Iterator[Finding]:
    for word, age in (("transaction", health.server.xid_age), ("multixact", health.server.multixact_age)):
        if age < EARLY * LIMIT:
            continue
        oldest = max(health.tables, key=lambda table: table.xid_age, default=None)
        name = oldest.identity if oldest and word == "transaction" else ""
        yield RULE.found(
            subject=f"database {health.server.database}",
            message=f"{age:,} {word} ids are unfrozen, {age / LIMIT:.0%} of what there are"
            + (f"; the oldest rows are in {name}." if name else "."),
            evidence="observed: the age of the database's oldest unfrozen row",
            fix=f"vacuum (freeze) {name};".replace(" ;", ";"),
            severity="error" if age >= NEAR * LIMIT else "warning",
        )
