"""An Architecture Decision Record (ADR): what was decided about the whole, why, and what was given up for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mcp_server.model.record import Run

STATUSES = ("Proposed", "Accepted", "Superseded", "Rejected")
# Answers that say that there is nothing to say.
_NOTHING = frozenset({"", "-", "no", "none", "n/a", "na", "false", "nothing", "not applicable"})


@dataclass(frozen=True, slots=True)
class Decision:
    """An ADR, to be written or as it was.

    impact: the long-term consequence. alternatives: those that were weighed, each with why it lost. scope: whom else it
    binds. consent: the words by which a person agreed to the record. date: YYYY-MM-DD. feature: "" for none. spec, plan,
    related, phr: paths or links, "" for none. id: digits as in the file's name. path: relative, with slashes.
    """

    title: str
    decision: str
    consent: str
    context: str = ""
    impact: str = ""
    alternatives: tuple[str, ...] = ()
    scope: str = ""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    status: str = "Proposed"
    date: str = ""
    feature: str = ""
    spec: str = ""
    plan: str = ""
    related: str = ""
    phr: str = ""
    evidence: tuple[Run, ...] = ()
    id: str = ""
    path: str = ""


def unmet(decision: Decision) -> Iterator[str]:
    """Which parts of the three-part test have no answer; a decision that misses one is a note in a PHR, not an ADR."""
    if _nothing(decision.impact):
        yield "impact (a long-term consequence, as for the data model, an interface, security or the platform)"
    if not any(not _nothing(one) for one in decision.alternatives):
        yield "alternatives (other ways that were open, and why they lost)"
    if _nothing(decision.scope):
        yield "scope (what else it binds, beyond one detail)"


def _nothing(answer: str) -> bool:
    return answer.strip().strip(".").lower() in _NOTHING
