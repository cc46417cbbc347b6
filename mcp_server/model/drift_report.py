"""What comparing sources found."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_server.model.drift import HARMS, Disagreement
from mcp_server.model.finding import Finding
from mcp_server.model.review import counted
from mcp_server.model.spec import Unread

GRAVE = ("breaking", "integrity")


@dataclass(frozen=True, slots=True)
class DriftReport:
    """sources: their words, in the order of authority. contradictions: inside the spec. unread: lines of it. tables: how many."""

    sources: tuple[str, ...]
    disagreements: tuple[Disagreement, ...] = ()
    contradictions: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()
    tables: int = 0

    @property
    def verdict(self) -> str:
        """One line: `spec, models: 3 disagreements (1 breaking, 2 cosmetic) over 6 tables`."""
        harms = [(harm, sum(one.harm == harm for one in self.disagreements)) for harm in HARMS]
        listed = ", ".join(f"{count} {harm}" for harm, count in harms if count)
        told = f"{counted(len(self.disagreements), 'disagreement')} ({listed})" if listed else "no disagreement"
        inside = f"; {counted(len(self.contradictions), 'finding')} inside the spec" if self.contradictions else ""
        return f"{', '.join(self.sources)}: {told} over {counted(self.tables, 'table')}{inside}"

    @property
    def grave(self) -> int:
        """How many break something or cost integrity, errors inside the spec among them."""
        errors = sum(one.severity == "error" for one in self.contradictions)
        return errors + sum(one.harm in GRAVE for one in self.disagreements)


def drift_data(report: DriftReport) -> dict[str, object]:
    """The report for programs."""
    return {
        "sources": list(report.sources),
        "verdict": report.verdict,
        "tables": report.tables,
        "contradictions": [finding_data(one) for one in report.contradictions],
        "disagreements": [disagreement_data(one) for one in report.disagreements],
        "not_understood": [
            {"place": str(one.place), "text": one.text, "expected": one.expected} for one in report.unread
        ],
        "notes": list(report.notes),
    }


def finding_data(one: Finding) -> dict[str, str]:
    """A finding for programs, without what is empty."""
    names = ("code", "severity", "subject", "message", "evidence", "fix", "place")
    return {name: getattr(one, name) for name in names if getattr(one, name)}


def disagreement_data(one: Disagreement) -> dict[str, object]:
    """A disagreement for programs."""
    return {
        "kind": one.kind,
        "table": one.table,
        "column": one.column,
        "severity": one.harm,
        "says": {cell.word: {"text": cell.text, "place": str(cell.place)} for cell in one.cells},
        "change": one.change,
        "how": one.how,
    }
