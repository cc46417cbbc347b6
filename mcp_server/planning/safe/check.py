"""Checks and foreign keys: in force for new rows at once, proven for old ones while rows are written.

https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES: VALIDATE CONSTRAINT takes a SHARE
UPDATE EXCLUSIVE lock only.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.change import Added
from mcp_server.model.names import quote
from mcp_server.model.plan import Step
from mcp_server.model.schema import Constraint
from mcp_server.planning.draft import ACCESS_EXCLUSIVE
from mcp_server.planning.safe.ground import Ground, piece


def form(step: Step, ground: Ground) -> Iterator[Step]:
    """ADD CONSTRAINT ... NOT VALID, then VALIDATE, for checks, foreign keys and named NOT NULLs."""
    item = step.change.item
    if not isinstance(item, Constraint) or item.kind not in "cfn" or not isinstance(step.change, Added):
        return
    head = f"ALTER TABLE {item.table} ADD CONSTRAINT"
    if not step.sql.startswith(head):
        return
    name = quote(item.name)
    proven = item.validated and item.enforced
    sql = f"ALTER TABLE {item.table} DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT{step.sql[len(head) :]}"
    why = "new rows are held to it from here on" if proven else step.why
    yield piece(step, sql + " NOT VALID" * proven, ACCESS_EXCLUSIVE, why, main=True)
    if proven:
        validate = f"ALTER TABLE {item.table} VALIDATE CONSTRAINT {name}"
        yield piece(step, validate, why=f"rows are read while others write; {step.why}")
