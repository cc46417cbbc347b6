"""What came of designing models, as text: the verdict, questions, what was decided, the files, what to do next."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.design import Decision, Question
from mcp_server.model.designed import DesignReport
from mcp_server.model.finding import Finding
from mcp_server.model.review import counted

NAMES, LINES, DIFF = 8, 8, 60
SHOWN = 9_000
_TOPICS = {
    "owner": "tables of others", "primary key": "primary keys", "foreign key": "foreign keys", "on delete": "on delete",
    "index": "indexes", "type": "types", "time zone": "moments", "json": "JSON", "length": "lengths", "values": "values",
    "null": "NULL", "default": "defaults", "number": "numbering", "not empty": "checks", "name": "names", "table": "tables",
}  # fmt: skip


def render_design(report: DesignReport, address: str = "") -> str:
    """The report. address: where the whole of it is, "" when this is the whole."""
    whole = not address
    lines = [report.verdict + ".", f"Made for {report.versions}."]
    lines += _section("The spec contradicts itself", (_finding(one) for one in report.contradictions), whole)
    lines += _section("The project has these tables already", (f"- {one}" for one in report.modelled), whole)
    lines += _questions(report.design.questions, whole)
    lines += _section("Decided, because the spec does not say", _decisions(report.design.decisions, whole), True)
    lines += _section(
        "Not designed", (f"- {one.subject}: {one.taken} ({one.place})" for one in report.design.left_out), whole
    )
    lines += _proof(report, whole)
    lines += ["", "Files:", *_files(report)]
    lines += _diffs(report, whole) if not report.written else ()
    lines += ["", *(f"Note: {note}" for note in report.notes), f"Next: {next_step(report)}"]
    return "\n".join(lines) + (f"\nThe whole, with every file: {address}" if address else "")


def is_long(report: DesignReport) -> bool:
    """Whether the text must be cut."""
    return len(render_design(report)) > SHOWN


def _section(title: str, found: Iterator[str], whole: bool) -> Iterator[str]:
    listed = list(found)
    if not listed:
        return
    yield ""
    yield f"{title}:"
    shown = listed if whole else listed[:LINES]
    yield from shown
    if len(shown) < len(listed):
        yield f"- and {len(listed) - len(shown)} more"


def _finding(one: Finding) -> str:
    place = one.place if one.place not in one.evidence else ""
    return f"- {one.code} {one.severity}: {one.message} ({', '.join(part for part in (one.evidence, place) if part)})"


def _questions(questions: tuple[Question, ...], whole: bool) -> Iterator[str]:
    if not questions:
        return
    yield ""
    yield "Questions, each to be answered in the spec (the first option was taken):"
    for number, one in enumerate(questions, 1):
        yield f"{number}. {one.asked} {_names(one.subjects, whole)}"
        for letter, option in zip("abc", one.options, strict=False):
            say = f" Write: {option.say}" if option.say else ""
            yield f"   {letter}) {option.what}; cost: {option.cost}.{say}"


def _decisions(decisions: tuple[Decision, ...], whole: bool) -> Iterator[str]:
    """Decisions of one kind on one line."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in decisions:
        groups.setdefault((one.topic, one.taken), []).append(one.subject)
    for (topic, taken), subjects in sorted(groups.items(), key=lambda one: list(_TOPICS).index(one[0][0])):
        yield f"- {_TOPICS[topic]}: {taken}: {_names(tuple(subjects), whole)}"


def _names(names: tuple[str, ...], whole: bool) -> str:
    shown = names if whole else names[:NAMES]
    rest = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return ", ".join(shown) + rest


def _proof(report: DesignReport, whole: bool) -> Iterator[str]:
    proof = report.proof
    against = (
        f"- {one.kind}: {one.table}{'.' + one.column if one.column else ''}: "
        + ", ".join(f"{cell.word} says {cell.text or 'nothing'}" for cell in one.cells)
        for one in proof.against
    )
    yield from _section("The models do not say what the spec says", against, whole)
    yield from _section("Faults of what was designed", (_finding(one) for one in proof.faults), whole)
    yield from _section(
        "What the spec states and the rules speak against (change the spec, or leave it)",
        _judged(proof.judged, whole),
        True,
    )
    yield from _section("Postgres refuses what the spec states", (f"- {one}" for one in proof.refused), whole)


def _judged(findings: tuple[Finding, ...], whole: bool) -> Iterator[str]:
    groups: dict[str, list[Finding]] = {}
    for one in findings:
        groups.setdefault(one.code, []).append(one)
    for code, found in groups.items():
        others = tuple(one.subject.removeprefix("public.") for one in found[1:])
        more = f" Also: {_names(others, whole)}" if others else ""
        yield f"- {code} {found[0].severity}: {found[0].message.replace('public.', '')}{more}"


def _files(report: DesignReport) -> Iterator[str]:
    words = {
        "new": "not written yet",
        "same": "there already, the same",
        "differs": "there already, and never overwritten: see the diff",
    }
    for one in report.files:
        state = "written" if one.path in report.written else words[one.state]
        yield f"- {one.path} ({counted(one.text.count(chr(10)), 'line')}): {state}"


def _diffs(report: DesignReport, whole: bool) -> Iterator[str]:
    """The new modules' text, and how the others differ from what is there."""
    for one in report.files:
        if one.state == "differs":
            lines = one.diff.splitlines()
            shown = lines if whole else lines[:DIFF]
            yield from ("", "```diff", *shown, "```")
            if len(shown) < len(lines):
                yield f"Showing {len(shown)} of {len(lines)} lines of the difference in {one.path}."
        elif one.state == "new" and whole:
            yield from ("", f"{one.path}:", f"```\n{one.text.rstrip()}\n```")


def next_step(report: DesignReport) -> str:
    """What to do now."""
    if any(one.severity == "error" for one in report.contradictions):
        return "settle what the spec contradicts itself in, or name one document: spec=specs/...; nothing is written before."
    if report.modelled and not report.written:
        return "edit those classes (compare_schemas spec models says where they differ), or remove them and call design_models again."
    outside = ", ".join(f'"{name}"' for name in report.external)
    setting = (
        f"add `external = [{outside}]` to [tool.dbarch] in pyproject.toml, so that nobody makes or drops what others own; "
        if outside
        else ""
    )
    if not report.written:
        new = any(one.state == "new" for one in report.files)
        answer = "answer the questions in the spec, or " if report.design.questions else ""
        return (
            f"{setting}{answer}call design_models with write=true."
            if new
            else f"{setting}nothing is new; take over from the diff what you want."
        )
    return f"{setting}autogenerate_migration for the first revision; then review_schema."
