"""The project's history reaches back less than a day.

A branch from a moment, and a restore, can only go as far back as the history window: what is deleted on Friday evening and missed
on Monday is gone. It is set in the project's settings, as far as the plan allows; keep backups of your own beyond it.
https://neon.com/docs/introduction/restore-window
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse

RULE = Rule(code="H909", severity="info", form="project")
DAY = 86_400


def check(use: NeonUse) -> Iterator[Finding]:
    if use.plan is None or not 0 < use.plan.history_seconds < DAY:
        return
    yield RULE.found(
        subject="history",
        message=f"A restore reaches back {use.plan.history_seconds / 3600:g} hours and no further.",
        evidence="history_retention_seconds of the project",
        fix="a longer window in the project's settings, as far as the plan allows, and pg_dump on a schedule beyond it",
    )
