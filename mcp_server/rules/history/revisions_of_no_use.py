"""Revisions in the history do nothing, cannot be taken back, or swallow failures.

Of old revisions only the count is told; review one by its id to see each.
"""

from collections.abc import Iterator

from mcp_server.model.chronicle import Chronicle
from mcp_server.model.finding import Finding, Rule

RULE = Rule(code="M508", severity="info", form="project")


def check(chronicle: Chronicle) -> Iterator[Finding]:
    files = [file for file in chronicle.files if not file.is_merge]
    empty = [file.path for file in files if file.is_empty]
    stuck = [file.path for file in files if not file.is_empty and file.downgrade in ("missing", "empty")]
    caught = [file.path for file in files if any(call.caught for call in file.upgrade_calls())]
    for paths, words in (
        (empty, "do nothing"),
        (stuck, "have no way back, although their upgrade does something"),
        (caught, "catch the failure of a statement and go on"),
    ):
        if paths:
            named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
            yield RULE.found(
                subject=chronicle.config,
                message=f"{len(paths)} of {len(chronicle.files)} revisions {words}: {named}.",
                evidence="derived from the text of the revisions",
                place=paths[0],
            )
