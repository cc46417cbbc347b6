"""Locks on relations: their modes, which of them conflict, and what that stops.

Source: https://www.postgresql.org/docs/current/explicit-locking.html, table 13.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
_STOPS = {
    "ShareUpdateExclusiveLock": "other DDL and VACUUM",
    "ShareLock": "writes",
    "ShareRowExclusiveLock": "writes",
    "ExclusiveLock": "writes",
    "AccessExclusiveLock": "reads and writes",
}


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a relation. relation: as a Schema names it, `public.task`. mode: one of MODES."""

    relation: str
    mode: str

    @property
    def stops(self) -> str:
        """What other sessions cannot do meanwhile, "" when neither rows nor definitions are kept from them.

        >>> Lock("public.task", "ShareLock").stops
        'writes'
        """
        return _STOPS.get(self.mode, "")

    @property
    def is_blocking(self) -> bool:
        """Whether it keeps others from writing rows."""
        return MODES.index(self.mode) >= MODES.index("ShareLock")


def strongest(locks: Iterable[Lock]) -> tuple[Lock, ...]:
    """The strongest lock of each relation, by name."""
    found: dict[str, Lock] = {}
    for lock in locks:
        known = found.get(lock.relation)
        if known is None or MODES.index(lock.mode) > MODES.index(known.mode):
            found[lock.relation] = lock
    return tuple(found[name] for name in sorted(found))
