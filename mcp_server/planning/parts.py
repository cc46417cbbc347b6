"""A change, or a part of one, and the stage of the way at which it happens."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_server.model.change import Altered, Change
from mcp_server.model.schema import Column, Domain, Enum, Function, View
from mcp_server.planning.safe import quick
from mcp_server.planning.safe.ground import Ground
from mcp_server.planning.safe.retype import REMOVE, Exchange
from mcp_server.planning.work import TYPES

# Tens are hops. Online: statements outside of any transaction; inside: one transaction.
LOOSEN, EXPAND, SETTLE, BACKFILL, TIGHTEN, CONTRACT, LATE, LAST = 10, 20, 21, 30, 40, 50, 60, 70
ONLINE = (LOOSEN, TIGHTEN, LATE, 80, 120)
INSIDE = (EXPAND, CONTRACT, LAST, 90, 110)
_COLUMN_SHAPE = frozenset({"type", "collation", "generated", "stored"})
_RESULT_SHAPE = frozenset({"kind", "returns", "definition", "columns", "materialized"})


@dataclass(frozen=True, slots=True)
class Part:
    """A change, or some fields of an Altered, and the stage at which it happens. online: outside of a transaction."""

    change: Change
    stage: int
    online: bool = False
    retype: Exchange | None = None

    @property
    def by_hand(self) -> bool:
        """Whether a form of its own carries it out, over several hops."""
        return self.retype is not None

    @property
    def end(self) -> int:
        """The stage after which nothing of the old form is left."""
        return REMOVE if self.retype is not None else self.stage

    @property
    def is_shape(self) -> bool:
        """Whether others can stand on the object only after it: it is made, or becomes what they need."""
        if not isinstance(self.change, Altered) or isinstance(self.change.item, TYPES):
            return True
        shape = _RESULT_SHAPE if isinstance(self.change.item, View | Function) else _COLUMN_SHAPE
        return not shape.isdisjoint(self.change.fields)


def is_shaking(change: Change, ground: Ground) -> bool:
    """Whether what stands on an object may not fit it any more: its values are written anew, or are fewer."""
    if not isinstance(change, Altered):
        return False
    before, after = change.before, change.after
    if isinstance(before, Column) and isinstance(after, Column):
        shaped = bool(_COLUMN_SHAPE & set(change.fields))
        quickly = "type" not in change.fields or _is_quick(before, after, ground)
        return shaped and not (quickly and {"generated", "stored"}.isdisjoint(change.fields))
    if isinstance(after, Domain):
        return not {"type", "collation", "constraints", "nullable"}.isdisjoint(change.fields)
    if isinstance(before, Enum) and isinstance(after, Enum):
        return tuple(value for value in after.values if value in before.values) != before.values
    return isinstance(after, TYPES) and not set(change.fields) <= {"comment", "owner"}


def _is_quick(before: Column, after: Column, ground: Ground) -> bool:
    """Whether another type takes no longer on a large table than on an empty one; how long hardly matters on one that is not in use."""
    if not quick.keeps_files(before, after, ground.after, ground.before):
        return False
    return not ground.is_busy(after.table) or not quick.builds_index(before, after, ground.before)
