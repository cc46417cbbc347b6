"""Nothing vacuums a table, or anything at all: autovacuum is switched off.

Dead rows stay, statistics grow old, and in the end the server stops taking writes to save itself from transaction ids that
come round again.
https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H204", severity="error", form="project")


def check(health: Health) -> Iterator[Finding]:
    if health.server.settings.get("autovacuum") == "off":
        yield RULE.found(
            subject="the server",
            message="autovacuum is off for the whole server.",
            evidence="observed: setting autovacuum = off",
            fix="alter system set autovacuum = on; select pg_reload_conf();",
        )
    for table in health.tables:
        if not table.autovacuum:
            yield RULE.found(
                subject=table.identity,
                message=f"autovacuum leaves {table.identity} alone.",
                evidence="observed: storage parameter autovacuum_enabled = false",
                fix=f"alter table {table.identity} reset (autovacuum_enabled);",
                severity="warning",
            )
