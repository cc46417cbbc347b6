"""What a name may hold while a function is followed for whose rows it reaches: statements, rows, columns, values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from mcp_server.model.code_call import Span
from mcp_server.model.code_scope import Classes, Verb

Origin = Literal["unknown", "trusted", "request", "given", "constant", "row"]
Kind = Literal["value", "statement", "row", "class", "column", "condition", "body", "request", "object", "function"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What a condition keeps. scoped: classes whose owner it fixes. links: classes that it joins. opened: scoped in a part of
    an OR alone. asked: (class, what) compared with what a request says. models: classes of its subqueries."""

    scoped: frozenset[str] = frozenset()
    links: frozenset[frozenset[str]] = frozenset()
    opened: frozenset[str] = frozenset()
    asked: frozenset[tuple[str, str]] = frozenset()
    models: frozenset[str] = frozenset()

    def __and__(self, other: Condition) -> Condition:
        return Condition(
            self.scoped | other.scoped, self.links | other.links, self.opened | other.opened, self.asked | other.asked,
            self.models | other.models,
        )  # fmt: skip

    def __or__(self, other: Condition) -> Condition:
        scoped = self.scoped & other.scoped
        part = (self.scoped | other.scoped) - scoped
        return Condition(
            scoped, self.links & other.links, self.opened | other.opened | part, self.asked | other.asked,
            self.models | other.models,
        )  # fmt: skip

    def negated(self) -> Condition:
        """What is left of it under NOT: its subqueries, and what joins them."""
        return Condition(frozenset(), self.links, self.opened, frozenset(), self.models)


NOTHING = Condition()


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as far as it is put together. models: classes whose rows it reaches, the first one first.

    legacy: a Query, which runs by its own methods. keys: request values that its rows are named by, by class.
    """

    verb: Verb
    span: Span
    models: tuple[str, ...] = ()
    where: Condition = NOTHING
    legacy: bool = False
    keys: frozenset[tuple[str, str]] = frozenset()
    pending: frozenset[int] = frozenset()

    def with_models(self, *names: str) -> Statement:
        """The same with more classes."""
        return replace(self, models=tuple(dict.fromkeys((*self.models, *(name for name in names if name)))))

    def filtered(self, condition: Condition) -> Statement:
        """The same with one more condition, and the classes of its subqueries."""
        return replace(self.with_models(*sorted(condition.models)), where=self.where & condition)

    def or_else(self, other: Statement) -> Statement:
        """What is sure when it is one of the two. What one says of classes that the other does not reach stays."""
        mine, theirs = set(self.models) - set(other.models), set(other.models) - set(self.models)
        where = self.where | other.where
        links = {one for one in self.where.links if one & mine} | {one for one in other.where.links if one & theirs}
        scoped = (self.where.scoped & mine) | (other.where.scoped & theirs)
        return replace(
            self.with_models(*other.models),
            where=replace(where, links=where.links | links, scoped=where.scoped | scoped, opened=where.opened - scoped),
            keys=self.keys & other.keys,
            pending=self.pending | other.pending,
        )

    def open_models(self, classes: Classes) -> tuple[str, ...]:
        """The classes that users own and that nothing keeps to one of them."""
        closed, grown = set(self.where.scoped), True
        while grown:
            joined = {name for link in self.where.links if link & closed for name in link if _passes(classes, name)}
            grown = not joined <= closed
            closed |= joined
        return tuple(name for name in self.models if classes.is_owned(name) and name not in closed)


def _passes(classes: Classes, name: str) -> bool:
    """Whether what is joined to it is its owner's: rows that are everybody's join the rows of all."""
    one = classes.get(name)
    return one is not None and (one.is_owned or one.is_user)


@dataclass(frozen=True, slots=True)
class Held:
    """What a name holds. model: its class. attribute: of a column. key: the request's name for a value.

    pending: accesses that are open until the row's owner is compared. many: a list. names: what a row was made with.
    pairs: of a mapping.
    """

    kind: Kind = "value"
    origin: Origin = "unknown"
    model: str = ""
    attribute: str = ""
    key: str = ""
    text: str = ""
    statement: Statement | None = None
    condition: Condition = NOTHING
    pending: frozenset[int] = frozenset()
    many: bool = False
    names: tuple[str, ...] = field(default=())
    pairs: tuple[tuple[str, Held], ...] = field(default=())


UNKNOWN = Held()
TRUSTED = Held(origin="trusted")


def either(first: Held | None, second: Held | None) -> Held | None:
    """What is sure of a name that holds one of two."""
    if first is None or second is None or first == second:
        return first or second
    if first.statement is not None and second.statement is not None:
        return replace(first, statement=first.statement.or_else(second.statement))
    if first.kind == second.kind == "condition":
        return replace(first, condition=first.condition | second.condition)
    if first.kind == "row" or second.kind == "row":
        row = first if first.kind == "row" else second
        return replace(row, pending=first.pending | second.pending)
    if first.origin == "request" or second.origin == "request":
        return first if first.origin == "request" else second
    if first.origin == "constant":
        return second
    return first


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Conditions that hold together."""
    found = NOTHING
    for one in conditions:
        found = found & one
    return found


def any_of(conditions: Iterable[Condition]) -> Condition:
    """Conditions of which one holds."""
    listed = list(conditions)
    found = listed[0] if listed else NOTHING
    for one in listed[1:]:
        found = found | one
    return found
