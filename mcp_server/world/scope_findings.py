"""What was found in a project so far while its functions are followed, one root after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

from mcp_server.model.code_call import Span
from mcp_server.model.code_scope import Access
from mcp_server.world.scope_project import Project
from mcp_server.world.scope_values import Held


@dataclass
class Findings:
    """What was found so far. events: how often following did more than give a value.

    waiting: accesses that are open until an owner is compared, by number; closed: those that were."""

    project: Project
    faults: list[Access] = field(default_factory=list)
    waiting: dict[int, Access] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    parents: dict[int, frozenset[int]] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)
    tied: dict[tuple[str, str], frozenset[int]] = field(default_factory=dict)
    kept: set[Span] = field(default_factory=set)
    results: dict[tuple[object, ...], Held] = field(default_factory=dict)
    is_routed: bool = False
    events: int = 0
    calls: int = 0
    privileged: set[Span] = field(default_factory=set)
    unknown: set[Span] = field(default_factory=set)
    followed: set[str] = field(default_factory=set)

    def tie(self, model: str, key: str, pending: frozenset[int]) -> None:
        """A value of the request was used to fetch rows of a class."""
        self.events += 1
        self.tied[model, key] = pending

    def verify(self, key: str) -> None:
        """A value of the request was compared with the user's."""
        self.events += 1
        self.verified.add(key)

    def close(self, numbers: frozenset[int]) -> None:
        """An owner was compared: the row, and the rows that led to it, are somebody's."""
        self.events += bool(numbers)
        left = set(numbers) - self.closed
        self.closed |= left
        for number in left:
            self.close(self.parents.get(number, frozenset()))

    def settle(self) -> None:
        """What is still open at the end of a root stays so."""
        self.faults += [one for number, one in self.waiting.items() if number not in self.closed]
        self.kept |= {one.span for number, one in self.waiting.items() if number in self.closed}
        self.waiting.clear()
        self.verified.clear()
        self.tied.clear()
        self.calls = 0
