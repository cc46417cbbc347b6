"""A sequence, or the integer column that it fills, comes to its end.

At the end every INSERT fails. The way to bigint without downtime is autogenerate_migration's: change the column's type in the
models and let it write the phases.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H302", severity="warning", form="project")
EARLY, LATE = 0.5, 0.9


def check(health: Health) -> Iterator[Finding]:
    for sequence in health.sequences:
        used = (sequence.last or 0) / sequence.most
        if used < EARLY:
            continue
        filled = f" of {sequence.column} ({sequence.column_type})" if sequence.column else ""
        yield RULE.found(
            subject=sequence.column or sequence.identity,
            message=f"{used:.0%} of the numbers{filled} are used up.",
            evidence=f"observed: {sequence.identity} stands at {sequence.last:,} of {sequence.most:,}",
            severity="error" if used >= LATE else "warning",
        )
