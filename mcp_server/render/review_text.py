"""A review as text: the verdict first, then each finding with its place, its evidence and its fix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mcp_server.model.finding import Finding
from mcp_server.model.lock import strongest
from mcp_server.model.review import Review, counted
from mcp_server.model.walked import Migration
from mcp_server.render.branch_text import render_branch_walk

SHOWN = 15
FIX_LINES = 12
LONGEST_SQL = 100


def render_review(review: Review, address: str = "") -> str:
    """The review, its findings cut to SHOWN; address: where the whole of it is, "" when this is the whole."""
    findings = review.report.findings
    shown = findings if not address else findings[:SHOWN]
    lines = [review.verdict, *(f"  {line}" for line in _setting(review))]
    for finding in shown:
        lines += ["", *_finding(finding, whole=not address)] if not _is_opinion(finding) else []
    opinions = [_opinion(finding) for finding in shown if _is_opinion(finding)]
    lines += ["", *opinions] if opinions else []
    if len(shown) < len(findings):
        lines += ["", f"Showing {len(shown)} of {counted(len(findings), 'finding')}; the whole is at {address}"]
    if not address:
        lines += [line for migration in review.migrations for line in _statements(migration)]
    lines += ["", f"Next: {_next(review)}"]
    return "\n".join(lines)


def is_long(review: Review) -> bool:
    """Whether the text must be cut."""
    return len(review.report.findings) > SHOWN or any(
        finding.fix.count("\n") >= FIX_LINES for finding in review.report.findings
    )


def _setting(review: Review) -> Iterator[str]:
    for migration in review.migrations:
        walked = "up, down and up again" if migration.returned is not None else "up"
        how = f"walked {walked} on {review.ground}" if review.ground else f"walked {walked}"
        version = f"PostgreSQL {migration.server_version // 10_000}"
        yield f"{migration.name}: {counted(len(migration.statements), 'statement')} {how}, {version}."
        if locks := _locks(migration):
            yield f"Locks that stop others: {locks}."
        if migration.on_branch is not None:
            yield from render_branch_walk(migration.on_branch)
    yield from review.notes


def _locks(migration: Migration) -> str:
    held = strongest(
        lock
        for statement in migration.statements
        for lock in statement.effect.locks
        if lock.is_blocking and migration.stood(lock.relation)
    )
    named = [f"{lock.relation} {lock.mode}" for lock in held[:6]]
    return ", ".join(named) + (f" and {len(held) - 6} more" if len(held) > 6 else "")


def _finding(finding: Finding, *, whole: bool) -> Iterator[str]:
    place = f"  {finding.place}" if finding.place else ""
    yield f"{finding.severity} {finding.code} {finding.subject}{place}"
    yield f"  {finding.message}"
    if finding.evidence:
        yield f"  Evidence: {finding.evidence}"
    if finding.fix:
        lines = finding.fix.splitlines()
        cut = lines if whole else lines[:FIX_LINES]
        yield "  Fix:"
        yield from (f"    {line}" for line in cut)
        if len(cut) < len(lines):
            yield f"    ... ({len(lines) - len(cut)} more lines)"


def _is_opinion(finding: Finding) -> bool:
    """Whether it is of another tool, and disproved or not tried."""
    return "/" in finding.code


def _opinion(finding: Finding) -> str:
    """One line: whose opinion, of what, and what is known of it."""
    place = f" {finding.place}" if finding.place else ""
    return f"{finding.severity} {finding.code}{place}: `{finding.subject}`. {finding.message}"


def _statements(migration: Migration) -> Iterable[str]:
    """What each statement did, for the whole report."""
    yield ""
    yield f"Statements of {migration.name}:"
    for statement in migration.statements:
        sql = " ".join(statement.sql.split())
        shown = sql if len(sql) <= LONGEST_SQL else sql[: LONGEST_SQL - 3] + "..."
        locks = ", ".join(f"{lock.relation} {lock.mode}" for lock in statement.effect.locks)
        slow = [
            f"{word} {', '.join(names)}"
            for word, names in (
                ("rewrites", statement.effect.rewrites),
                ("reads whole", statement.effect.scans),
                ("builds an index on", statement.effect.builds),
            )
            if names
        ]
        done = "; ".join(part for part in (f"holds {locks}" if locks else "", *slow) if part)
        yield f"  [{statement.transaction}] {shown}"
        yield f"      {statement.error or done or ('did nothing that others notice' if statement.is_observed else 'not run')}"


def _next(review: Review) -> str:
    if review.risk in ("safe", "safe with care") and any(one.refusal for one in review.migrations):
        return "correct its downgrade, and review it again: apply_migration runs only what went up, down and up again."
    match review.risk:
        case "safe":
            return "apply it." if review.migrations else "nothing to do."
        case "safe with care":
            return "look at the warnings, then apply it." if review.migrations else "look at the warnings."
        case "fails":
            return "correct what fails, and review it again."
        case "destructive":
            return "apply it only after the code that uses what goes is gone, and with a backup."
    return "replace it by the fixes, each in a revision of its own, and review it again."
