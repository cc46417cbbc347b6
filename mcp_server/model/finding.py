"""What rules say: findings, and reports that gather them; and what a rule states of itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of a file that gets another text. start, end: bytes of the file, from 0, the end left out."""

    file: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. code: the rule's, `M101`. subject: what it is about, by its identity.

    message: one or two sentences: what happens, and what it stops. evidence: what was seen, and whether it was observed
    or derived. fix: SQL or Python that cures it, "" when only a person can decide. place: `file:line`, "" when unknown.
    edits: the fix as changes of the user's files, () when it is not mechanical. gain: of a slow query, the part of its time
    (of its cost, when it was not run) that the cure could save, 0 to 1. proven: what was measured of the fix, "" for nothing.
    """

    code: str
    severity: Severity
    subject: str
    message: str
    evidence: str = ""
    fix: str = ""
    place: str = ""
    edits: tuple[Edit, ...] = ()
    gain: float = 0.0
    proven: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule states of itself; the harness holds it to its examples.

    given: SQL that stands before. bad: what has the fault. good: what has not, the near misses among them. form: bad and
    good are SQL, the body of a revision's file, a spec in Markdown ("spec"), or "python": modules, each after a line
    `# file: app/db.py` when there are several; "project" when an example is a whole project, which has tests of its own;
    "query": the last statement is the query, those before it its circumstances; "plan": what EXPLAIN (FORMAT JSON) said.
    since, until: the Postgres majors that the examples are for. cured: whether `fix` leads to the same end as `bad`.
    beside: codes of other rules that find something in `bad` too, because it cannot be had without. keyword: what cures it
    as an argument of the column's Field(): `index=True`, `without index=True`.
    """

    code: str
    severity: Severity
    bad: str = ""
    good: tuple[str, ...] = ()
    given: str = ""
    form: Literal["sql", "revision", "python", "spec", "project", "query", "plan"] = "sql"
    since: int = 0
    until: int = 99
    cured: bool = True
    beside: tuple[str, ...] = ()
    keyword: str = ""

    def found(
        self,
        subject: str,
        message: str,
        *,
        evidence: str = "",
        fix: str = "",
        place: str = "",
        severity: Severity | None = None,
        edits: tuple[Edit, ...] = (),
        gain: float = 0.0,
    ) -> Finding:
        """A finding of this rule."""
        return Finding(self.code, severity or self.severity, subject, message, evidence, fix, place, edits, gain)


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
