"""What the safe forms stand on: both Schemas, and which tables are in use."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mcp_server.model.phase import Sizes
from mcp_server.model.plan import Step
from mcp_server.model.schema import Schema, Table
from mcp_server.planning.draft import SHARE_UPDATE_EXCLUSIVE

# A table of fewer rows is read, checked and indexed within some 20 ms: no longer than a deployment's own jitter, and
# less trouble than revisions that have to be deployed one after the other.
SMALL = 10_000


@dataclass(frozen=True, slots=True)
class Ground:
    """Where one direction of a plan leads from and to. sizes: rows by table; one that is not named counts as large."""

    before: Schema
    after: Schema
    sizes: Sizes

    @property
    def version(self) -> int:
        """server_version_num; an unknown one is taken as the newest."""
        return self.after.server_version or self.before.server_version or 1_000_000

    def since(self, major: int) -> bool:
        """Whether the server is of that major version or newer."""
        return self.version >= major * 10_000

    def is_busy(self, table: str) -> bool:
        """Whether a table was there before, stays, and is too large to be read while others wait."""
        old, new = self.before.get(Table, table), self.after.get(Table, table)
        return old is not None and new is not None and self.sizes.get(table, SMALL) >= SMALL

    def hop(self, before: Schema, after: Schema) -> Ground:
        """The ground of one hop of the way, or of its way back: a table that the plan makes or drops is in nobody's use."""
        unused = {one.identity: 0 for one in (*before.all(Table), *after.all(Table)) if not self.is_busy(one.identity)}
        return Ground(before, after, {**self.sizes, **unused})

    def is_partitioned(self, table: str) -> bool:
        """Whether rows of the table lie in partitions."""
        found = self.after.get(Table, table) or self.before.get(Table, table)
        return found is not None and found.kind == "partitioned"

    def has_children(self, table: str) -> bool:
        """Whether statements on the table go down to others."""
        both = (one for schema in (self.before, self.after) for one in schema.all(Table))
        return any(table in (one.partition_of, *one.inherits) for one in both)


def piece(step: Step, sql: str, lock: str = SHARE_UPDATE_EXCLUSIVE, why: str = "", main: bool = False) -> Step:
    """A statement of a safe form, outside of any transaction. main: it is what carries out the step's change."""
    return replace(
        step,
        sql=sql,
        lock=lock,
        why=why or step.why * main,
        transactional=False,
        fields=step.fields if main else ("",),
        parts=step.parts if main else (),
        destructive=step.destructive and main,
    )
