"""What autogenerate_migration answers: the verdict first, then what is lost, done, kept, and what comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from mcp_server.model.change import Added, Altered, Dropped, Renamed, describe
from mcp_server.model.migration import Draft, Written
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint, Index, SchemaObject, Table, group_of
from mcp_server.render.kept_text import FIELDS, LINE, counted, render_kept
from mcp_server.render.phase_text import risk_class
from mcp_server.render.rows_text import count_rows, render_rows
from mcp_server.render.words import one_line, shorten_types

SHOWN = 20
VERBS = {Added: "add", Dropped: "drop", Altered: "change", Renamed: "rename"}


def render_written(draft: Draft, written: Written, next_step: str, report: str, unknown: str = "") -> str:
    """The answer about revisions that passed. next_step: what to run. report: where the text can be read, "" if nowhere.

    unknown: why the sizes of tables are not known.
    """
    lines = [_verdict(draft, written), *render_losses(draft), *render_phases(written, unknown), ""]
    lines += _section("Does", render_changes(draft.plan.upgrade))
    lines += _section("Risk", render_risks(draft))
    lines += _section("On rows", render_rows(written.rows, written.data_fault))
    lines += [f"Rollback: {rollback(draft, len(written.phases))}"]
    lines += render_kept(draft)
    lines += _section("Not planned", (f"{describe(one.change)}: {one.reason}" for one in draft.plan.residue))
    lines += [f"Rehearsed: {rehearsed(written)}"]
    lines += [f"Its text: {report}"] * bool(report)
    lines.append(f"Next: {next_step}")
    return "\n".join(lines)


def render_phases(written: Written, unknown: str = "") -> list[str]:
    """Which revision to run when, and what to deploy between them."""
    lines: list[str] = []
    if written.plainly:
        lines.append(f"Not in safe phases, as those did not pass the rehearsal: {one_line(written.plainly, LINE)}")
    last = len(written.phases)
    for number, one in enumerate(written.phases, 1) if last > 1 else ():
        then = f"; then {one.phase.deploy}" if one.phase.deploy else ""
        lines.append(
            f"  {number}. {one.file} ({one.phase.name}, {risk_class(one.phase)}){then if number < last else ''}"
        )
    lines += [f"REQUIRES DOWNTIME: {text}" for one in written.phases for text in one.phase.downtime]
    if last > 1 and written.together:
        lines.append(
            "env.py runs all revisions in one transaction, which would keep the locks of one while the next reads: "
            "set transaction_per_migration=True in context.configure(), or run them one at a time."
        )
    return lines + [f"Sizes: {unknown}."] * (bool(unknown) and last > 1)


def render_notes(draft: Draft) -> tuple[str, ...]:
    """What the revision's own text does not tell by itself: guards that are lost, what is left broken, what stays."""
    guards = [f"it gives up: {text}." for text in draft.losses if " is dropped with " not in text]
    return tuple(bounded([*guards, *(f"{text}." for text in draft.warnings), *render_kept(draft)], "notes"))


def _verdict(draft: Draft, written: Written) -> str:
    after = f"after {written.parent}" if written.parent else "the first"
    done = "Wrote" if written.is_written else "Would write (nothing was written)"
    count = max(len(written.phases), 1)
    more = written.files[:-count]
    made = f"\nAnd a new Alembic environment: {', '.join(more)}" if more else ""
    way = f"from {draft.source} to {draft.goal}"
    if count > 1:
        return f"{done} {count} revisions, {after}: {way}, to be deployed one after the other.{made}"
    return f"{done} {written.files[-1]} (revision {written.revision}, {after}): {way}.{made}"


def render_losses(draft: Draft) -> list[str]:
    """What rows, values and guards are given up, and how to say that something was renamed."""
    lines = bounded([f"LOSES: {text}" for text in draft.losses], "losses")
    for old, new in list(draft.likely.items())[:SHOWN]:
        lines.append(
            f'If {old} was renamed to {new}, nothing need be lost: pass renames={{"{old}": "{new}"}}'
            f" (shell: --renames {old}={new})."
        )
    return lines


def render_changes(steps: Sequence[Step]) -> list[str]:
    """One line for each table or other object that the steps change."""
    groups: dict[str, list[str]] = {}
    for step in steps:
        name, phrase = _phrase(step)
        phrases = groups.setdefault(name, [])
        dropped = phrase.replace("add ", "drop ", 1)
        if phrase.startswith("add ") and dropped in phrases:
            phrases[phrases.index(dropped)] = phrase.replace("add ", "make anew ", 1)
        elif phrase and phrase not in phrases:
            phrases.append(phrase)
    return [one_line(f"{name}: {'; '.join(phrases)}" if phrases else name, LINE) for name, phrases in groups.items()]


def _phrase(step: Step) -> tuple[str, str]:
    """The object that a step is told under, and what it does to it."""
    change = step.change
    item, verb = change.item, VERBS[type(change)]
    before = change.before if isinstance(change, Altered | Renamed) else item
    name = getattr(item, "name", item.identity)
    under = group_of(before)
    under = under if "." in under else f"{item.word} {before.identity}"
    if isinstance(change, Added) and step.fields:
        return under, ""  # what CREATE and ADD cannot say at once
    if isinstance(item, Table) and isinstance(change, Added | Dropped):
        return under, f"{'new' if verb == 'add' else 'drop'} table{_contents(step.parts)}"
    if isinstance(change, Renamed):
        return (
            under,
            f"rename {'' if item.identity == under else item.word + ' '}{getattr(before, 'name', '')} to {name}",
        )
    if isinstance(change, Altered):
        return under, f"change {_subject(item, under)}{_difference(change, step.fields)}"
    kind = f" {shorten_types(item.type)}" if isinstance(item, Column) and verb == "add" else ""
    return under, f"{verb} {_subject(item, under)}{kind}"


def _subject(item: SchemaObject, under: str) -> str:
    return item.word if under.endswith(item.identity) else f"{item.word} {getattr(item, 'name', item.identity)}"


def _difference(change: Altered, fields: tuple[str, ...]) -> str:
    shown = fields or change.fields
    old, new = (shorten_types(str(getattr(one, "type", ""))) for one in (change.before, change.after))
    if "type" in shown and old != new:
        return f" from {old} to {new}"
    return f" ({', '.join(FIELDS.get(name, name.replace('_', ' ')) for name in shown)})"


def _contents(parts: Iterable[SchemaObject]) -> str:
    counts = Counter(_kind(part) for part in parts)
    told = [counted(count, word) for word, count in counts.items() if word]
    return f" with {', '.join(told)}" if told else ""


def _kind(part: SchemaObject) -> str:
    if isinstance(part, Constraint):
        return {"f": "foreign key", "c": "check", "u": "unique constraint", "x": "exclusion"}.get(part.kind, "")
    return part.word if isinstance(part, Column) or (isinstance(part, Index) and not part.constraint) else ""


def render_risks(draft: Draft) -> list[str]:
    """What may fail or hurt on rows, in the planner's words; each once. A new table has no rows."""
    steps = [step for step in draft.plan.upgrade if step.why and not _is_harmless(step)]
    new = {step.change.item.identity for step in draft.plan.upgrade if isinstance(step.change, Added)}
    telling = (step for step in steps if getattr(step.change.item, "table", "") not in new)
    return list(dict.fromkeys([*draft.warnings, *(f"{step.change.item.identity}: {step.why}" for step in telling)]))


def _is_harmless(step: Step) -> bool:
    """What is lost is told before; what only gets another name, or is put back as it was, hurts nobody."""
    change = step.change
    is_name = isinstance(change, Renamed) and not isinstance(change.item, Table | Column)
    return isinstance(change, Dropped) or is_name or step.why.endswith("is put back")


def rollback(draft: Draft, count: int = 1) -> str:
    """What a downgrade brings back."""
    lost = [one for one in draft.plan.upgrade if one.destructive]
    taken = [one for one in draft.plan.downgrade if one.destructive]
    words = [f"`alembic downgrade -{max(count, 1)}` brings the structure back"]
    if lost:
        words.append("not the rows and values that the upgrade dropped")
    if taken:
        words.append("and drops what was written meanwhile into the new tables and columns")
    return ", ".join(words) + "."


def rehearsed(written: Written) -> str:
    """What ran, on what, and how long it took."""
    major, minor = divmod(written.server_version, 10_000)
    return (
        f"upgrade, downgrade, upgrade on PostgreSQL {major}.{minor} with the project's own env.py{count_rows(written.rows)}: "
        f"{written.statements} statements, {written.milliseconds} ms; read and compared after each."
    )


def render_rejected(draft: Draft, problems: Sequence[str], report: str) -> str:
    """The answer about a revision that did not pass."""
    lines = ["Nothing was written: the rehearsal of the revision did not end where it should."]
    lines += [f"  {line}" for line in bounded(list(problems), "problems")]
    lines += ["", *_section("It would have done", render_changes(draft.plan.upgrade)), *render_losses(draft)]
    lines += render_kept(draft)
    lines += [f"The rejected revision: {report}"]
    return "\n".join(lines)


def render_agreement(draft: Draft) -> str:
    """The answer when there is nothing to do."""
    return "\n".join([f"No changes: {draft.goal} and {draft.source} agree. Nothing was written.", *render_kept(draft)])


def _section(title: str, lines: Iterable[str]) -> list[str]:
    shown = bounded(list(lines), "lines")
    return [f"{title}:", *(f"  {line}" for line in shown)] if shown else []


def bounded(lines: list[str], what: str) -> list[str]:
    """At most SHOWN of them, and how many there are."""
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"(showing {SHOWN} of {len(lines)} {what})"]
