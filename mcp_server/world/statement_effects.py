"""From what a session said of itself, and what stood before, to what one statement did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mcp_server.model.lock import MODES, Lock, strongest
from mcp_server.model.observation import Effect, Observed
from mcp_server.world.evidence import Evidence
from mcp_server.world.session_state import TABLE_KINDS, SessionState, Touched


@dataclass(frozen=True, slots=True)
class Known:
    """A relation that stood before the watched transaction. kind: pg_class.relkind. file: relfilenode."""

    id: int
    identity: str
    name: str
    kind: str
    file: int
    scans: int = 0


@dataclass(slots=True)
class Session:
    """What is known of a watched backend's open transaction. known: what stood before it; files, scans: by relation id."""

    transaction: str = ""
    number: int = 0
    known: dict[int, Known] = field(default_factory=dict)
    locks: frozenset[Lock] = frozenset()
    files: dict[int, int] = field(default_factory=dict)
    scans: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as it was sent. messages: what Postgres said meanwhile. error, sqlstate: "" when it ran.

    place: `file:line` of the user's code, "" when unknown.
    """

    sql: str
    messages: tuple[str, ...] = ()
    milliseconds: float = 0.0
    revision: str = ""
    error: str = ""
    sqlstate: str = ""
    place: str = ""


def held_locks(state: SessionState, known: Mapping[int, Known]) -> frozenset[Lock]:
    """The locks on tables and views that stood before the transaction."""
    return frozenset(
        Lock(known[relation].identity, mode)
        for relation, mode in state.locks
        if relation in known and known[relation].kind in TABLE_KINDS and mode in MODES
    )


def effect_of(session: Session, held: frozenset[Lock], state: SessionState, evidence: Evidence) -> Effect:
    """What one statement did, by files and counters against those of the statement before, and by evidence."""
    rewritten, scanned = set(), set()
    for one in state.touched:
        known = session.known.get(one.id)
        if known is None:
            continue
        if one.file != session.files.get(one.id, known.file):
            rewritten.add(one.id)
        if one.kind in ("r", "m") and one.scans > session.scans.get(one.id, 0):
            scanned.add(one.id)
        session.files[one.id], session.scans[one.id] = one.file, one.scans
    seen = rewritten | scanned
    scanned |= _meant(state, evidence.verified | evidence.rewritten, seen)
    scanned |= _looked_up(session, state, evidence)
    built = _meant(state, evidence.indexed, seen)
    return Effect(
        strongest(held),
        _identities(rewritten, session.known),
        _identities(scanned, session.known),
        _identities(built, session.known),
    )


def _looked_up(session: Session, state: SessionState, evidence: Evidence) -> set[int]:
    """Both ends of the foreign keys that were validated.

    The rows of a table that the transaction made itself are few or none: what is read of the other end for them, its
    counters tell. RI_Initial_Check() of ri_triggers.c joins the two, and a join with nothing reads nothing.
    """
    keys = (key for key in state.keys if key.name in evidence.validated and key.table in session.known)
    return {end for key in keys for end in (key.table, key.references)}


def _meant(state: SessionState, names: Iterable[str], seen: set[int]) -> set[int]:
    """The tables that names without a schema mean: of several, those that were seen to be read or rewritten."""
    found: set[int] = set()
    for name in names:
        candidates: list[Touched] = list(state.named(name))
        found |= {one.id for one in candidates if one.id in seen} or {one.id for one in candidates}
    return found


def _identities(ids: Iterable[int], known: dict[int, Known]) -> tuple[str, ...]:
    return tuple(sorted(known[one].identity for one in ids if one in known))


def effect_alone(
    before: dict[int, Known],
    after: dict[int, Known],
    keys: Iterable[tuple[str, int, int]],
    evidence: Evidence,
    locks: tuple[Lock, ...],
) -> dict[str, tuple[str, ...]]:
    """Rewrites, scans and builds of a statement outside of a transaction, by what stood before and stands after it."""
    locked = {lock.relation for lock in locks}
    rewritten = {key for key, one in after.items() if key in before and one.file != before[key].file}
    scanned = {key for key, one in after.items() if key in before and one.scans > before[key].scans
               and one.kind in ("r", "m")}  # fmt: skip
    scanned |= {end for name, *ends in keys if name in evidence.validated for end in ends}
    named = {name: [one for one in before.values() if one.name == name and one.kind in TABLE_KINDS]
             for name in evidence.verified | evidence.rewritten | evidence.indexed}  # fmt: skip
    meant = {name: [one.id for one in found if one.identity in locked] or [one.id for one in found]
             for name, found in named.items()}  # fmt: skip
    scanned |= {one for name in evidence.verified | evidence.rewritten for one in meant[name]}
    built = {one for name in evidence.indexed for one in meant[name]}
    return {
        "rewrites": _identities(rewritten, before),
        "scans": _identities(scanned, before),
        "builds": _identities(built, before),
    }


def observed_as(
    statement: Statement, number: int, effect: Effect, fresh: tuple[Lock, ...], evidence: Evidence
) -> Observed:
    return Observed(
        sql=statement.sql,
        effect=effect,
        fresh=fresh,
        transaction=number,
        revision=statement.revision,
        evidence=evidence.said,
        milliseconds=statement.milliseconds,
        error=statement.error,
        sqlstate=statement.sqlstate,
        place=statement.place,
    )
