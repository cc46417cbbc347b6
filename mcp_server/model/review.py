"""A review: what was judged, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mcp_server.model.branch_walk import walk_data
from mcp_server.model.finding import Finding, Report
from mcp_server.model.walked import Migration

# What is meant by whoever writes it, and cannot be taken back: no fault as such, and for that reason told apart.
_LOST = ("M201", "M202")
Risk = Literal["safe", "safe with care", "requires downtime", "destructive", "fails"]


@dataclass(frozen=True, slots=True)
class Review:
    """subject: what was reviewed, for people. migrations: as they were walked. ground: what they were walked on.

    notes: what a reader should know, one sentence each.
    """

    subject: str
    report: Report
    migrations: tuple[Migration, ...] = ()
    ground: str = ""
    notes: tuple[str, ...] = ()

    @property
    def risk(self) -> Risk:
        """The worst that a finding says."""
        errors = [finding.code for finding in self.report.findings if finding.severity == "error"]
        if any(code.startswith(("M3", "M5")) for code in errors):
            return "fails"
        if any(code.startswith("M2") for code in errors) or self.loses:
            return "destructive"
        if errors:
            return "requires downtime"
        return "safe with care" if self.report.count("warning") else "safe"

    @property
    def loses(self) -> bool:
        """Whether rows or values go with a table or a column that is dropped."""
        return any(one.code in _LOST and one.severity == "warning" for one in self.report.findings)

    @property
    def verdict(self) -> str:
        """One line: `migration 3f2a: requires downtime; 1 error, 2 warnings`."""
        counts = [counted(self.report.count(one), one) for one in ("error", "warning") if self.report.count(one)]
        return f"{self.subject}: {self.risk}; {', '.join(counts) or 'no errors, no warnings'}"


def counted(number: int, word: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def review_data(review: Review) -> dict[str, object]:
    """The review for programs."""
    return {
        "subject": review.subject,
        "risk": review.risk,
        "errors": review.report.count("error"),
        "warnings": review.report.count("warning"),
        "ground": review.ground,
        "notes": list(review.notes),
        "findings": [_finding(one) for one in review.report.findings],
        "migrations": [_migration(one) for one in review.migrations],
    }


def _finding(one: Finding) -> dict[str, object]:
    names: Sequence[str] = ("code", "severity", "subject", "message", "evidence", "fix", "place")
    return {name: getattr(one, name) for name in names if getattr(one, name)}


def _migration(one: Migration) -> dict[str, object]:
    return {
        "name": one.name,
        "server_version": one.server_version,
        "came_to_its_end": one.after is not None,
        **({"on_branch": walk_data(one.on_branch)} if one.on_branch else {}),
        "statements": [
            {
                "sql": statement.sql,
                "place": statement.place,
                "transaction": statement.transaction,
                "observed": statement.is_observed,
                "locks": {lock.relation: lock.mode for lock in statement.effect.locks},
                "rewrites": list(statement.effect.rewrites),
                "scans": list(statement.effect.scans),
                "builds": list(statement.effect.builds),
                **({"error": statement.error} if statement.error else {}),
            }
            for statement in one.statements
        ],
    }
