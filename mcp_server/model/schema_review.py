"""A review of a schema and of the code around it: what was judged, and what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcp_server.model.finding import SEVERITIES, Finding, Report
from mcp_server.model.review import counted


@dataclass(frozen=True, slots=True)
class SchemaReview:
    """source: the word that was given. judged: what of, as counts: {"tables": 12}. notes: what a reader should know.

    failures: what could not be judged, and why. titles: the first line of each rule's page, by code.
    diff: the mechanical fixes as a unified diff, "" when they were not asked for. written: files that were changed.
    digests: SHA-256 of the files as they were judged. next: what to do about the findings, "" for what follows from them.
    """

    source: str
    report: Report
    judged: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    titles: tuple[tuple[str, str], ...] = ()
    diff: str = ""
    written: tuple[str, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    next: str = ""

    @property
    def mechanical(self) -> int:
        """How many findings come with edits."""
        return sum(bool(one.edits) for one in self.report.findings)

    @property
    def verdict(self) -> str:
        """One line: `models: 2 errors, 5 warnings, 1 info`."""
        counts = [counted(self.report.count(one), one) for one in SEVERITIES if self.report.count(one)]
        missing = "; not everything could be judged" if self.failures else ""
        return f"{self.source}: {', '.join(counts) or 'no findings'}{missing}"


def grouped(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], ...]:
    """Findings of one rule and severity together, the gravest first, then the most frequent."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.severity, one.code), []).append(one)
    listed = [tuple(sorted(group, key=_place)) for group in groups.values()]
    return tuple(sorted(listed, key=lambda group: (SEVERITIES.index(group[0].severity), -len(group), group[0].code)))


def _place(one: Finding) -> tuple[str, int, str]:
    file, _, line = one.place.rpartition(":")
    return (file, int(line), one.subject) if line.isdigit() else (one.place, 0, one.subject)


def schema_review_data(review: SchemaReview) -> dict[str, object]:
    """The review for programs."""
    return {
        "source": review.source,
        "errors": review.report.count("error"),
        "warnings": review.report.count("warning"),
        "infos": review.report.count("info"),
        "judged": dict(review.judged),
        "notes": list(review.notes),
        "failures": list(review.failures),
        "findings": [_finding(one) for group in grouped(review.report.findings) for one in group],
        "mechanical": review.mechanical,
        "diff": review.diff,
        "written": list(review.written),
    }


def _finding(one: Finding) -> dict[str, object]:
    names = ("code", "severity", "subject", "message", "evidence", "fix", "place")
    return {name: getattr(one, name) for name in names if getattr(one, name)} | {"mechanical": bool(one.edits)}
