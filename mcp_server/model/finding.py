"""What rules say: findings, and reports that gather them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. code: the rule's, `M101`. subject: what it is about, by its identity.

    message: one or two sentences: what happens, and what it stops. evidence: what was seen, and whether it was observed
    or derived. fix: SQL or Python that cures it, "" when only a person can decide. place: `file:line`, "" when unknown.
    """

    code: str
    severity: Severity
    subject: str
    message: str
    evidence: str = ""
    fix: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Findings in the order of their severity, then of their place."""

    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Report:
        """A report without doubles."""
        listed = sorted(dict.fromkeys(findings), key=lambda one: SEVERITIES.index(one.severity))
        return cls(tuple(listed))

    def count(self, severity: Severity) -> int:
        """How many there are of a severity."""
        return sum(one.severity == severity for one in self.findings)
