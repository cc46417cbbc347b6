"""Steps become an SQL script.

The DDL of a whole database is the upgrade of the plan that leads to it from an empty one: replayed there, it gives an
equal Schema.
"""

from __future__ import annotations

from collections.abc import Iterable

from mcp_server.model.plan import Step


def render(steps: Iterable[Step]) -> str:
    """The statements in order, each closed by a semicolon; a blank line before each one that begins something new."""
    lines: list[str] = []
    relation = ""
    for step in steps:
        item = step.change.item
        current = str(getattr(item, "table", item.identity))
        if lines and (current != relation or "\n" in step.sql):
            lines.append("")
        relation = current
        lines.append(f"{step.sql};")
    return "\n".join(lines) + "\n" if lines else ""
