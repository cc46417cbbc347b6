"""Constraints that go: over at once, but the strongest lock, for a foreign key on both tables."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.change import Dropped
from mcp_server.model.names import quote
from mcp_server.model.plan import Step
from mcp_server.model.schema import Constraint
from mcp_server.planning.draft import ACCESS_EXCLUSIVE
from mcp_server.planning.safe.ground import Ground, piece


def form(step: Step, ground: Ground) -> Iterator[Step]:
    """DROP CONSTRAINT IF EXISTS, in a transaction of its own."""
    item = step.change.item
    if not isinstance(item, Constraint) or not isinstance(step.change, Dropped) or " DROP CONSTRAINT " not in step.sql:
        return
    why = f"{item.references} is locked too, for a moment" if item.kind == "f" else step.why
    sql = f"ALTER TABLE {item.table} DROP CONSTRAINT IF EXISTS {quote(item.name)}"
    yield piece(step, sql, ACCESS_EXCLUSIVE, why, main=True)
