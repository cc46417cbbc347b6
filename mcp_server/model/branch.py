"""Branches of a Neon project, as its API tells of them. https://api-docs.neon.tech"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Branches that dbarch made begin with it; only those are swept, reset or deleted without being named twice.
PREFIX = "dbarch-"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A compute. host: as connections name it. kind: read_write or read_only. state: init, active or idle.

    smallest, largest: of its size in compute units (CU), 0 when unknown. suspends: seconds without queries until it
    suspends, 0 for Neon's default of 300, -1 for never.
    """

    id: str
    host: str
    branch_id: str
    kind: str = "read_write"
    state: str = ""
    disabled: bool = False
    smallest: float = 0.0
    largest: float = 0.0
    suspends: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a project's plan allows. branches: how many at most, history_seconds: how far back; 0 when it does not say."""

    name: str = ""
    branches: int = 0
    history_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch. state: init, ready, resetting or archived. created, expires: RFC 3339, "" for never. size: bytes, None when unknown.

    schema_only: made without rows; such a branch has no parent.
    """

    id: str
    name: str
    state: str = "ready"
    parent_id: str = ""
    default: bool = False
    protected: bool = False
    created: str = ""
    expires: str = ""
    size: int | None = None
    schema_only: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether dbarch made it: by its name, and by the expiry that it always sets."""
        return self.name.startswith(PREFIX) and bool(self.expires) and not self.default and not self.protected


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that Neon carries out. status: as the API says."""

    id: str
    action: str
    status: str

    @property
    def outcome(self) -> Literal["running", "done", "failed"]:
        """Skipped and cancelled operations are over, and nothing is wrong with the branch."""
        if self.status in ("finished", "skipped", "cancelled"):
            return "done"
        return "failed" if self.status in ("failed", "error") else "running"


@dataclass(frozen=True, slots=True)
class Made:
    """A branch that was just made, the compute it can be reached by, and what Neon still does for it."""

    branch: Branch
    endpoints: tuple[Endpoint, ...] = ()
    operations: tuple[Operation, ...] = ()
