"""What a rule for migrations judges: a migration as it was walked on a copy, statement by statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mcp_server.model.action import Action
from mcp_server.model.branch_walk import BranchWalk
from mcp_server.model.change import Changes
from mcp_server.model.lock import MODES, Lock
from mcp_server.model.names import qualified, quote, split
from mcp_server.model.observation import Effect, Rows
from mcp_server.model.schema import Column, Constraint, Index, Schema, Table, View

# A table of so few rows is read, rewritten or indexed within milliseconds, which every caller survives.
SMALL = 10_000


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    effect: its locks are those held when it ended; of what stood before its transaction. fresh: the locks it took itself.
    parts: what each action would do alone, as long as `actions`, () when unknown: it tells which of several is to blame.
    is_observed: whether Postgres was seen to do it, or it was predicted. transaction, revision, evidence, error, sqlstate:
    as in Observed. place: `file:line`. passed_over: it was refused, and the walk went on without it.
    """

    sql: str
    actions: tuple[Action, ...] = ()
    effect: Effect = field(default_factory=Effect)
    fresh: tuple[Lock, ...] = ()
    parts: tuple[Effect, ...] = ()
    is_observed: bool = False
    transaction: int = 0
    revision: str = ""
    evidence: tuple[str, ...] = ()
    error: str = ""
    sqlstate: str = ""
    place: str = ""
    passed_over: bool = False

    @property
    def lacks_right(self) -> bool:
        """Whether it was refused because its role may not do it; a row that a policy refuses is none of that."""
        return self.sqlstate == "42501" and bool(self.error) and "row-level security" not in self.error

    def effect_of(self, action: Action) -> Effect:
        """The effect, as far as this action has a part in it.

        What no action explains falls to those that explain nothing: they may build on what the same text has just made.
        """
        if len(self.actions) < 2 or len(self.parts) != len(self.actions):
            return self.effect
        part = self.parts[self.actions.index(action)]
        blamed = part if part.is_slow else self.unexplained
        return Effect(
            locks=self.effect.locks,
            rewrites=_both(self.effect.rewrites, blamed.rewrites),
            scans=_both(self.effect.scans, blamed.scans),
            builds=_both(self.effect.builds, blamed.builds),
        )

    @property
    def unexplained(self) -> Effect:
        """What was seen and none of the actions does by itself."""
        return Effect(
            locks=self.effect.locks,
            rewrites=_without(self.effect.rewrites, (part.rewrites for part in self.parts)),
            scans=_without(self.effect.scans, (part.scans for part in self.parts)),
            builds=_without(self.effect.builds, (part.builds for part in self.parts)),
        )


def _without(seen: tuple[str, ...], explained: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    known = {name for names in explained for name in names}
    return tuple(name for name in seen if name not in known)


def _both(seen: tuple[str, ...], blamed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in seen if name in blamed)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of Alembic's `op` in a revision's file. where: "upgrade", "downgrade" or the name of another function.

    autocommit: inside an autocommit_block. caught: inside a try that has an except. text: its first string, "" without one.
    """

    name: str
    line: int
    where: str
    autocommit: bool = False
    caught: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class RevisionFile:
    """What the text of a revision's file says. path: relative to the project's root.

    downgrade: "missing" without the function, "empty" when it does nothing, "refuses" when it only raises.
    is_empty: upgrade does nothing. is_merge: it joins branches.
    """

    path: str
    calls: tuple[Call, ...] = ()
    downgrade: Literal["present", "missing", "empty", "refuses"] = "present"
    downgrade_line: int = 0
    is_empty: bool = False
    is_merge: bool = False
    upgrade_line: int = 0

    def upgrade_calls(self) -> tuple[Call, ...]:
        """Those that an upgrade reaches, as far as the text tells."""
        return tuple(call for call in self.calls if call.where != "downgrade")


@dataclass(frozen=True, slots=True)
class Environment:
    """How the project's Alembic runs its revisions. has_lock_timeout: env.py or the URL sets one."""

    is_alembic: bool = False
    transaction_per_migration: bool = False
    has_lock_timeout: bool = False
    file: str = ""


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration as it was walked.

    name: of the revision, of the range, or of the file. before, after: the Schema at the start and at the end, after None
    when it was not reached. sizes: rows by relation, as far as known. returned: what differs from the start after the
    downgrade, None when nobody went down; refusal: why the downgrade failed. rows: what became of generated rows.
    data_failure: why it fails on rows that the old schema allows, "" when it does not. failure: why the walk ended before its
    end where no statement was refused (the revision raised), failed_place: where. made_up: identities of objects that nobody
    knows and that were made up for the walk, so that what depends on their details is not known either. on_branch: how
    it went on a branch with real rows, None where that was not asked for.
    """

    name: str
    statements: tuple[Statement, ...]
    before: Schema
    after: Schema | None
    server_version: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, RevisionFile] = field(default_factory=dict)
    environment: Environment = Environment()
    returned: Changes | None = None
    refusal: str = ""
    rows: Rows | None = None
    data_failure: str = ""
    failure: str = ""
    failed_place: str = ""
    made_up: frozenset[str] = frozenset()
    on_branch: BranchWalk | None = None

    @property
    def major(self) -> int:
        """The major version of the Postgres it was walked on."""
        return self.server_version // 10_000

    @property
    def first_failure(self) -> str:
        """Why the walk did not come to its end: up, down and up; "" when it did."""
        refused = next((one.error for one in self.statements if one.error and not one.passed_over), "")
        return self.failure or refused or self.refusal

    @property
    def end(self) -> Schema:
        """The Schema at the end, or the one at the start when the end was not reached."""
        return self.before if self.after is None else self.after

    def each(self, *verbs: str) -> Iterator[tuple[Statement, Action]]:
        """Every action of one of these verbs (of any, without a verb), with its statement. Refused ones are left out."""
        for statement in self.statements:
            for action in statement.actions:
                if not statement.error and (not verbs or action.verb in verbs):
                    yield statement, action

    def identity(self, written: str) -> str:
        """The identity of a relation that a statement names: `task` gives `public.task`."""
        parts = split(written)
        if len(parts) > 1:
            return qualified(parts[-2], parts[-1])
        plain = parts[0] if parts else written
        name = qualified("public", plain)
        if self.before.group(name) or self.end.group(name):
            return name
        ending = "." + quote(plain)
        return next((key for key in (*self.before.groups, *self.end.groups) if key.endswith(ending)), name)

    def stood(self, relation: str) -> bool:
        """Whether a relation stood before the migration."""
        return bool(self.before.group(relation))

    def is_large(self, relation: str) -> bool:
        """Whether a table stood before and is not known to be small."""
        if not self.stood(relation):
            return False
        parts = [table.identity for table in self.before.all(Table) if table.partition_of == relation]
        if parts:
            return any(self.is_large(part) for part in parts)
        return self.sizes.get(relation, SMALL + 1) > SMALL

    def blocked(self, effect: Effect) -> tuple[Lock, ...]:
        """Locks that keep others from writing a large table while it is read, rewritten or indexed whole."""
        worked = {self.table_of(name) for name in (*effect.rewrites, *effect.scans, *effect.builds)}
        held = {lock.relation: lock for lock in effect.locks if lock.is_blocking}
        return tuple(held[name] for name in sorted(worked) if name in held and self.is_large(name))

    def table_of(self, relation: str) -> str:
        """The table of an index; any other relation itself."""
        index = self.before.get(Index, relation) or self.end.get(Index, relation)
        return index.table if index else relation

    def held(self, statement: Statement, relation: str) -> Lock | None:
        """The strongest lock on a relation when a statement ended."""
        return next((lock for lock in statement.effect.locks if lock.relation == relation), None)

    def taken(self, statement: Statement) -> tuple[Lock, ...]:
        """The blocking locks that a statement took itself on tables that stood before."""
        return tuple(lock for lock in statement.fresh if lock.is_blocking and self.stood(lock.relation))

    def column(self, relation: str, name: str) -> Column | None:
        """A column as it was before; None when it was not there."""
        return self.before.get(Column, f"{relation}.{quote(name)}")

    def new_constraints(self, relation: str, kind: str = "") -> tuple[Constraint, ...]:
        """The constraints of a relation that only the end has."""
        old = {item.identity for item in self.before.on(relation, Constraint)}
        return tuple(
            item
            for item in self.end.on(relation, Constraint)
            if item.identity not in old and kind in ("", item.kind) and not item.inherited
        )

    def constraint(self, relation: str, name: str) -> Constraint | None:
        """A constraint of the end, else of the start."""
        identity = f"{relation}.{quote(name)}"
        return self.end.get(Constraint, identity) or self.before.get(Constraint, identity)

    def view(self, relation: str) -> View | None:
        """A view as it was before; None when it was none."""
        return self.before.get(View, relation)

    def evidence(self, statement: Statement) -> str:
        """What a finding on a statement rests on: what Postgres was seen to do, or the text and the Schema alone."""
        if not statement.is_observed:
            return "derived from the text" if self.made_up else "derived from the text and the schema"
        locks = ", ".join(f"{lock.mode} on {lock.relation}" for lock in statement.effect.locks if lock.is_blocking)
        effect = statement.effect
        done = [
            *statement.evidence,
            *(f"new file for {name}" for name in effect.rewrites if not statement.evidence),
            *(f"{name} read whole" for name in effect.scans if not statement.evidence),
        ]
        seen = "; ".join(part for part in (f"held {locks}" if locks else "", *done[:4]) if part)
        reached = {self.identity(action.relation) for action in statement.actions if action.relation}
        version = f"PostgreSQL {self.major}" + (" with made-up tables" if reached & self.made_up else "")
        return f"observed on a copy of {version}: {seen}" if seen else f"ran on a copy of {version}"


def stopped(locks: tuple[Lock, ...]) -> str:
    """What locks stop, for people: `AccessExclusiveLock on public.task stops reads and writes`."""
    ordered = sorted(locks, key=lambda lock: -MODES.index(lock.mode))
    return ", ".join(f"{lock.mode} on {lock.relation} stops {lock.stops}" for lock in ordered)
