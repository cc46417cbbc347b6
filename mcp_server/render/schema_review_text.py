"""A review of a schema as text: the verdict, then each rule with its places, one of them in full."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.finding import Finding
from mcp_server.model.review import counted
from mcp_server.model.schema_review import SchemaReview, grouped

GROUPS = 20
PLACES = 6
FIX_LINES = 8
DIFF_LINES = 120


def render_schema_review(review: SchemaReview, address: str = "") -> str:
    """The review, cut; address: where the whole of it is, "" when this is the whole."""
    whole = not address
    groups = grouped(review.report.findings)
    lines = [review.verdict, *(f"  {line}" for line in _setting(review))]
    titles = dict(review.titles)
    for group in groups if whole else groups[:GROUPS]:
        lines += ["", *group_lines(group, titles.get(group[0].code, ""), whole=whole)]
    if not whole:
        shown = sum(len(group[:PLACES]) for group in groups[:GROUPS])
        total = len(review.report.findings)
        lines += ["", f"Showing {shown} of {counted(total, 'place')}; the whole is at {address}"]
    lines += [*_diff(review, whole=whole), "", f"Next: {_next(review)}"]
    return "\n".join(lines)


def is_long(review: SchemaReview) -> bool:
    """Whether the text must be cut."""
    groups = grouped(review.report.findings)
    long_diff = review.diff.count("\n") > DIFF_LINES
    return long_diff or len(groups) > GROUPS or any(len(group) > PLACES for group in groups)


def _setting(review: SchemaReview) -> Iterator[str]:
    judged = ", ".join(f"{number:,} {word}" for word, number in review.judged if number)
    if judged:
        yield f"Judged: {judged}."
    yield from (f"Not judged: {one}" for one in review.failures)
    yield from review.notes


def group_lines(group: tuple[Finding, ...], title: str, *, whole: bool) -> Iterator[str]:
    """The findings of one rule: its title, the places, one of them in full."""
    first = group[0]
    count = f" ({len(group)} places)" if len(group) > 1 else ""
    yield f"{first.severity} {first.code}{count} {title}".rstrip()
    shown = group if whole else group[:PLACES]
    for one in shown:
        yield f"  {one.place + '  ' if one.place else ''}{one.subject}"
    if len(shown) < len(group):
        yield f"  ... and {len(group) - len(shown)} more"
    yield f"  {first.message}"
    if first.evidence:
        yield f"  Evidence: {first.evidence}"
    if first.fix:
        lines = first.fix.splitlines()
        cut = lines if whole else lines[:FIX_LINES]
        yield f"  Fix: {cut[0]}"
        yield from (f"    {line}" for line in cut[1:])
        if len(cut) < len(lines):
            yield f"    ... ({len(lines) - len(cut)} more lines)"


def _diff(review: SchemaReview, *, whole: bool) -> Iterator[str]:
    if not review.diff:
        return
    lines = review.diff.splitlines()
    shown = lines if whole else lines[:DIFF_LINES]
    yield ""
    if review.written:
        yield f"Written: {', '.join(review.written)}"
    else:
        yield "The mechanical fixes (nothing was written):"
    yield from shown
    if len(shown) < len(lines):
        yield f"... ({len(lines) - len(shown)} more lines)"


def _next(review: SchemaReview) -> str:
    if review.written:
        return "look at the diff, run the tests, and autogenerate_migration for what changed in the tables."
    if review.diff:
        return "the same with write=true makes these changes."
    if review.mechanical:
        return f"{counted(review.mechanical, 'finding')} can be fixed mechanically: fix=true shows the diff."
    if review.report.findings and review.next:
        return review.next
    if review.report.findings:
        return "change the models and the code; autogenerate_migration brings the tables after them."
    return "nothing."
