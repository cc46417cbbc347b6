"""A check of isolation as text: the verdict, what was looked at, each rule with its places, what was not tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from mcp_server.model.isolation import Attack, Attempt, Ownership
from mcp_server.model.isolation_report import IsolationReport, Proposal, attacked
from mcp_server.model.review import counted
from mcp_server.model.schema_review import grouped
from mcp_server.render.schema_review_text import GROUPS, PLACES, group_lines
from mcp_server.render.session_text import render_calls, render_guarded

Item = TypeVar("Item")
SHOWN = 6
LINES = 40


def render_isolation(found: IsolationReport, address: str = "") -> str:
    """The report, cut; address: where the whole of it is, "" when this is the whole."""
    whole = not address
    groups = grouped(found.report.findings)
    lines = [found.verdict, *(f"  {line}" for line in _setting(found, whole=whole))]
    titles = dict(found.titles)
    for group in groups if whole else groups[:GROUPS]:
        lines += ["", *group_lines(group, titles.get(group[0].code, ""), whole=whole)]
    if not whole:
        shown = sum(len(group[:PLACES]) for group in groups[:GROUPS])
        total = counted(len(found.report.findings), "finding")
        lines += ["", f"Showing {shown} of {total}; the whole, with every attempt, is at {address}"]
    if found.proposal is not None:
        lines += ["", *_policies(found.proposal, whole=whole)]
    if whole and found.attack is not None and found.attack.attempts:
        lines += ["", "Every attempt:", *(_attempt(one) for one in found.attack.attempts)]
    return "\n".join([*lines, "", f"Next: {_next(found)}"])


def is_long(found: IsolationReport) -> bool:
    """Whether the text must be cut: every attempt is told in the report alone."""
    groups = grouped(found.report.findings)
    return (
        len(groups) > GROUPS
        or any(len(group) > PLACES for group in groups)
        or bool(found.attack and found.attack.attempts)
        or found.proposal is not None
        or found.calls is not None
    )


def _setting(found: IsolationReport, *, whole: bool) -> Iterator[str]:
    yield from _tables(found.ownership, whole=whole)
    accesses = found.accesses
    if accesses is not None:
        open_ = len(accesses.faults)
        yield (
            f"Code: {counted(accesses.functions, 'function')} followed; "
            f"{accesses.kept} kept to one user, {counted(open_, 'place')} open, {len(accesses.privileged)} only for roles."
        )
        if accesses.privileged:
            yield f"Only behind a test of a role, not judged: {_some(map(str, accesses.privileged), whole=whole)}"
        if accesses.unknown:
            yield f"Not understood, because the class is a value: {_some(map(str, accesses.unknown), whole=whole)}"
    yield from _database(found, whole=whole)
    if found.calls is not None:
        yield from render_calls(found.calls, whole=whole)
    yield from (f"Not judged: {one}" for one in found.failures)
    yield from found.notes


def _tables(owned: Ownership, *, whole: bool) -> Iterator[str]:
    direct = [one for one in owned.owned if one.kind == "direct"]
    reached = [one for one in owned.owned if one.kind == "reached"]
    words = [f"{counted(len(direct), 'table')} with the owner's column", f"{len(reached)} through foreign keys"]
    words += [f"{len(owned.shared)} declared shared"] if owned.shared else []
    words += [f"{len(owned.external)} of others"] if owned.external else []
    words += [f"{len(owned.unreached)} that reach nobody"] if owned.unreached else []
    yield f"Schema: {', '.join(words)}; the users are {owned.user or 'in a table that is not here'}."
    if whole:
        for one in owned.owned:
            way = " > ".join(key.references for key in one.path)
            yield f"  {one.table}: {one.column}{f' of {way}' if way else ''}"


def _database(found: IsolationReport, *, whole: bool) -> Iterator[str]:
    attack = found.attack
    if attack is None or not attack.attempts:
        yield f"Database: not attacked. {found.unattacked}"
        return
    yield f"Database: {attack.subject} on a copy with rows of two users; {attacked(attack)}. As {attack.role}."
    yield from attack.notes
    yield f"The user was set by {', '.join(attack.settings)}."
    yield from _untried(attack, whole=whole)


def _untried(attack: Attack, *, whole: bool) -> Iterator[str]:
    untried = [one for one in attack.attempts if one.outcome == "untried"]
    shown = untried if whole else untried[:SHOWN]
    yield from (f"Not tried: {one.door} {one.target}: {one.detail}" for one in shown)
    if len(shown) < len(untried):
        yield f"... and {len(untried) - len(shown)} more that could not be tried"


def _attempt(one: Attempt) -> str:
    role = f" as {one.role}" if one.role else ""
    return f"  {one.outcome:8} {one.door} {one.target}{role}{f': {one.detail}' if one.detail else ''}"


def _some(places: Iterator[str], *, whole: bool) -> str:
    listed = list(places)
    shown = listed if whole else listed[:SHOWN]
    more = f" and {len(listed) - len(shown)} more" if len(shown) < len(listed) else ""
    return ", ".join(shown) + more


def _policies(proposal: Proposal, *, whole: bool) -> Iterator[str]:
    proof = proposal.proof
    yield f"Policies, proven on a copy: {attacked(proof)}."
    open_ = [one for one in proof.attempts if one.outcome == "through"]
    yield from (f"  still open: {one.door} {one.target}: {one.detail}" for one in _cut(open_, whole=whole))
    yield from (f"  not closed: {one}" for one in proposal.left)
    if proposal.calls is not None:
        yield from render_guarded(proposal.calls)
    if proposal.replaced:
        yield f"  replaces: {', '.join(proposal.replaced)}"
    yield "First let the application set the user in every transaction: select set_config('app.user_id', $1, true)"
    yield "and connect as a role that is no superuser and has no BYPASSRLS; afterwards run, each table in a transaction:"
    lines = [f"{one};" for one in proposal.statements]
    yield from (f"  {one}" for one in _cut(lines, whole=whole))
    if not whole and len(lines) > LINES:
        yield f"  ... ({len(lines) - LINES} more statements)"
    if whole:
        yield from ("To take them back:", *(f"  {one};" for one in proposal.undo))
    if proposal.told:
        yield proposal.told


def _cut(items: Sequence[Item], *, whole: bool) -> Sequence[Item]:
    return items if whole else items[:LINES]


def _next(found: IsolationReport) -> str:
    codes = {one.code for one in found.report.findings if one.severity != "info"}
    if found.proposal is not None and found.proposal.told:
        return "deploy the application that sets the user, then apply_migration, which shows its plan first."
    if codes & {"I331", "I332"}:
        return "keep the functions that let rows through to their user, then call them again with functions=."
    if any(one.startswith("I2") for one in codes):
        return "scope the open queries, then check_isolation again."
    if "I101" in codes:
        return 'give each table that reaches nobody an owner, or name it in [tool.dbarch] shared = ["..."].'
    if any(one.startswith("I1") for one in codes):
        return "change the models; autogenerate_migration brings the tables after them."
    if found.proposal is not None:
        return "read the policies; policies=write makes them a rehearsed migration."
    if any(one.startswith("I3") for one in codes):
        return "close what got through; policies=show writes policies and proves them on a copy."
    if not found.ownership.guarded:
        return "policies=show writes row-level security as a second wall and proves it on a copy."
    return "nothing."
