"""What comparing sources found, as text: the verdict, what the spec contradicts itself in, then one matrix."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.drift import HARMS, Cell, Disagreement
from mcp_server.model.drift_report import DriftReport
from mcp_server.model.review import counted

SHOWN = 40
LINES = 8
WIDEST = 90


def render_drift(report: DriftReport, address: str = "") -> str:
    """The report, cut where there is much; address: where the whole of it is, "" when this is the whole."""
    lines = [report.verdict, *_contradictions(report, address)]
    lines += ["", *(f"Note: {note}" for note in report.notes)] if report.notes else []
    shown = report.disagreements[:SHOWN] if address else report.disagreements
    if shown:
        lines += ["", *_matrix(shown, report.sources)]
    if len(shown) < len(report.disagreements):
        lines += ["", f"Showing {len(shown)} of {len(report.disagreements)} disagreements; the whole is at {address}"]
    lines += _unread(report, address)
    lines += ["", f"Next: {_next(report)}"]
    return "\n".join(lines)


def is_long(report: DriftReport) -> bool:
    """Whether the text must be cut."""
    return len(report.disagreements) > SHOWN or len(report.unread) > LINES or len(report.contradictions) > LINES


def _contradictions(report: DriftReport, address: str) -> Iterator[str]:
    if not report.contradictions:
        return
    yield ""
    yield "Inside the spec:"
    shown = report.contradictions[:LINES] if address else report.contradictions
    for one in shown:
        places = one.evidence or one.place
        yield f"- {one.code} {one.severity}: {one.message} ({places})" + (f" {one.fix}" if one.fix else "")
    if len(shown) < len(report.contradictions):
        yield f"- and {len(report.contradictions) - len(shown)} more"


def _matrix(disagreements: tuple[Disagreement, ...], sources: tuple[str, ...]) -> Iterator[str]:
    """One table for all: a row a disagreement, a column a source, the most harmful first."""
    yield "| | what | where | " + " | ".join(sources) + " | change |"
    yield "|---" * (len(sources) + 4) + "|"
    for one in sorted(disagreements, key=lambda one: HARMS.index(one.harm)):
        cells = (_cell(one.cell(word)) for word in sources)
        where = f"{one.table}.{one.column}" if one.column else one.table
        yield f"| {one.harm} | {one.kind} | {_safe(where)} | {' | '.join(cells)} | {one.change}: {one.how} |"


def _cell(cell: Cell | None) -> str:
    """What a source says, with its place; `=` for one that does not take part in the disagreement."""
    if cell is None:
        return "="
    text = _safe(cell.text) if cell.text else "none"
    place = f" ({cell.place})" if cell.place.file else ""
    return (text if len(text) <= WIDEST else text[: WIDEST - 1] + "…") + place


def _safe(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _unread(report: DriftReport, address: str) -> Iterator[str]:
    if not report.unread:
        return
    yield ""
    yield f"Not understood in the spec, {counted(len(report.unread), 'line')}:"
    shown = report.unread[:LINES] if address else report.unread
    for one in shown:
        yield f"- {one.place}: {_safe(one.text)[:WIDEST]} (expected {one.expected})"
    if len(shown) < len(report.unread):
        yield f"- and {len(report.unread) - len(shown)} more"


def _next(report: DriftReport) -> str:
    if any(one.severity == "error" for one in report.contradictions):
        return "settle what the spec contradicts itself in; then compare again."
    if not report.disagreements:
        return "nothing to do: the sources say the same."
    first = report.disagreements[0]
    return f"begin with the {first.harm} ones: {first.how}."
