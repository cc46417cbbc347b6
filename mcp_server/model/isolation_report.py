"""What a check of isolation found: in the schema, in the code, in the database."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_server.model.code_scope import Accesses
from mcp_server.model.finding import SEVERITIES, Report
from mcp_server.model.isolation import Attack, Attempt, Ownership
from mcp_server.model.review import counted
from mcp_server.model.session_attack import SessionAttack


@dataclass(frozen=True)
class Proposal:
    """Policies that were written and attacked on a copy. statements: in order. left: what they do not close.

    undo: what takes them back. replaced: policies of the schema that go. proof: the attack on the schema with them.
    told: of the revisions that were written, "" when none were asked for. calls: of the application's functions, on that schema.
    """

    statements: tuple[str, ...]
    undo: tuple[str, ...]
    proof: Attack
    left: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    told: str = ""
    calls: SessionAttack | None = None


@dataclass(frozen=True)
class IsolationReport:
    """source: the word. accesses: None where no code was read. attack: None where nothing was attacked, `unattacked` says why.

    calls: of the application's functions, None when they were not asked for.
    notes: what a reader should know. failures: what could not be judged, and why. titles: of the rules, by code.
    """

    source: str
    ownership: Ownership
    report: Report
    accesses: Accesses | None = None
    attack: Attack | None = None
    unattacked: str = ""
    proposal: Proposal | None = None
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    titles: tuple[tuple[str, str], ...] = ()
    calls: SessionAttack | None = None

    @property
    def verdict(self) -> str:
        """One line: `isolation by user_id: 2 errors, 1 warning; 120 attacks held, 3 got through`."""
        counts = [counted(self.report.count(one), one) for one in SEVERITIES if self.report.count(one)]
        words = [f"isolation by {', '.join(self.ownership.owners)}: {', '.join(counts) or 'no findings'}"]
        if self.attack is not None and self.attack.attempts:
            words.append(attacked(self.attack))
        if self.calls is not None:
            words.append(functions_called(self.calls))
        if self.failures:
            words.append("not everything could be judged")
        return "; ".join(words)


def attacked(attack: Attack) -> str:
    """How an attack ended, in numbers."""
    untried = attack.count("untried")
    more = f", {untried} could not be tried" if untried else ""
    return f"{counted(attack.count('held'), 'attack')} held, {attack.count('through')} got through{more}"


def functions_called(attack: SessionAttack) -> str:
    """How calls of the application ended, in numbers."""
    tried = len(attack.called) - attack.count("untried")
    untried = attack.count("untried")
    more = f", {untried} could not be tried" if untried else ""
    return f"{counted(tried, 'function')} called: {attack.count('through')} let others' rows through, {attack.count('held')} held{more}"


def isolation_data(found: IsolationReport) -> dict[str, object]:
    """The report for programs."""
    owned = found.ownership
    return {
        "source": found.source,
        "owners": list(owned.owners),
        "users": owned.user,
        "errors": found.report.count("error"),
        "warnings": found.report.count("warning"),
        "infos": found.report.count("info"),
        "tables": [
            {
                "table": one.table,
                "kind": one.kind,
                "column": one.column,
                "through": [key.references for key in one.path],
            }
            for one in owned.owned
        ],
        "shared": list(owned.shared),
        "unreached": list(owned.unreached),
        "findings": [
            {
                name: getattr(one, name)
                for name in ("code", "severity", "subject", "message", "evidence", "fix", "place")
            }
            for one in found.report.findings
        ],
        "code": _code(found.accesses),
        "attempts": [_attempt(one) for one in found.attack.attempts] if found.attack else [],
        "unattacked": found.unattacked,
        "functions": _calls(found.calls),
        "policies": _proposal(found.proposal),
        "notes": list(found.notes),
        "failures": list(found.failures),
    }


def _code(accesses: Accesses | None) -> dict[str, object]:
    if accesses is None:
        return {}
    return {
        "kept": accesses.kept,
        "open": len(accesses.faults),
        "privileged": [str(one) for one in accesses.privileged],
        "unknown": [str(one) for one in accesses.unknown],
    }


def _calls(attack: SessionAttack | None) -> list[dict[str, object]]:
    return [
        {
            "function": one.function.name, "place": one.function.place, "outcome": one.outcome, "knows_user": one.knows_user,
            "read": list(one.read), "changes": [list(change) for change in one.changes], "about": one.about, "detail": one.detail,
        }
        for one in (attack.called if attack is not None else ())
    ]  # fmt: skip


def _attempt(one: Attempt) -> dict[str, str]:
    return {"door": one.door, "target": one.target, "outcome": one.outcome, "detail": one.detail, "role": one.role}


def _proposal(proposal: Proposal | None) -> dict[str, object]:
    if proposal is None:
        return {}
    return {
        "statements": list(proposal.statements),
        "undo": list(proposal.undo),
        "left": list(proposal.left),
        "replaced": list(proposal.replaced),
        "attempts": [_attempt(one) for one in proposal.proof.attempts],
        "functions": _calls(proposal.calls),
    }
