"""What the project's own Python says of its database, read from the text alone; each fact with file and line.

Offsets are bytes of the file, counted from 0, the end left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mcp_server.model.code_call import Call, Function, Span

# Calls that send a query at once; others wait for the next flush.
READING = frozenset(
    """exec execute scalars scalar stream get get_one all first one one_or_none count refresh""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Selection:
    """A `select(...)` with what is chained to it. models: classes that it selects whole. others: what else it selects.

    loaded: relationships that its options load along, as `Task.user`. verbs: what is chained, in order. ordered: as written.
    """

    models: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    loaded: frozenset[str] = frozenset()
    ordered: str = ""
    offset: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A call on a session that reaches the database. verb: exec, get, commit ... ends: what is taken of the result.

    session: of which kind, "" when that is not known. flavour: the package of its class. counted: only its `len()` is used.
    alone: it is a "statement" of its own, or "chained": a method is called on what it gives at once. own_session: its session is made
    by the same turn of the loop.
    """

    verb: str
    span: Span
    function: str
    session: Literal["", "sync", "async"] = ""
    flavour: str = ""
    awaited: bool = False
    loop: int = 0
    selection: Selection | None = None
    ends: str = ""
    counted: bool = False
    alone: Literal["", "statement", "chained"] = ""
    own_session: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """A relationship read from a row that a query gave: `task.user`. loaded: the query loads it along.

    loop: the line of the `for` over the rows, 0 for a single row.
    """

    model: str
    attribute: str
    span: Span
    function: str
    session: Literal["", "sync", "async"] = ""
    loaded: bool = False
    loop: int = 0


@dataclass(frozen=True, slots=True)
class Returned:
    """Rows that a route returns. many: a list of them."""

    model: str
    loaded: frozenset[str]
    span: Span
    function: str
    session: Literal["", "sync", "async"] = ""
    many: bool = False


@dataclass(frozen=True, slots=True)
class Handed:
    """A session that is handed to another function of the project. to: that function's plain name."""

    to: str
    span: Span
    function: str
    session: Literal["", "sync", "async"] = ""
    loop: int = 0
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that a function opens under a name and neither closes nor hands on. maker: what gave it."""

    name: str
    maker: str
    span: Span
    function: str


@dataclass(frozen=True, slots=True)
class ClassField:
    """A name that a class body binds. maker: the call that makes it, None for a plain value or none at all."""

    name: str
    annotation: str
    span: Span
    maker: Call | None = None
    value: str = ""

    @property
    def kind(self) -> str:
        """What makes it: Field, Column, mapped_column, Relationship, relationship; "" for anything else."""
        return self.maker.verb if self.maker else ""


@dataclass(frozen=True, slots=True)
class ClassText:
    """A class as written. bases: last parts of their names. is_table: it says so itself (`table=True`, `__tablename__`)."""

    name: str
    bases: tuple[str, ...]
    span: Span
    fields: tuple[ClassField, ...] = ()
    is_table: bool = False

    def field(self, name: str) -> ClassField | None:
        """The field of that name that this class itself binds."""
        return next((one for one in self.fields if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship as written. target: the class, "" when it is not stated. lazy: "select" unless said otherwise."""

    model: str
    name: str
    target: str
    many: bool
    lazy: str
    span: Span


@dataclass(frozen=True, slots=True)
class Import:
    """A file that imports another one of the project when it is imported itself. names: what it takes."""

    file: str
    target: str
    line: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exposure:
    """Something in a tracked file that should not be there. kind: what it looks like; never the secret itself."""

    kind: str
    file: str
    line: int = 0


@dataclass(frozen=True)
class Code:
    """The facts of a whole project. digests: SHA-256 of each file as it was read. notes: one sentence each."""

    files: tuple[str, ...] = ()
    functions: tuple[Function, ...] = ()
    calls: tuple[Call, ...] = ()
    queries: tuple[Query, ...] = ()
    walks: tuple[Walk, ...] = ()
    returned: tuple[Returned, ...] = ()
    handed: tuple[Handed, ...] = ()
    opened: tuple[Opened, ...] = ()
    classes: tuple[ClassText, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    imports: tuple[Import, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    tracked: tuple[str, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def _functions(self) -> dict[str, Function]:
        return {one.key: one for one in self.functions}

    @cached_property
    def _classes(self) -> dict[str, ClassText]:
        return {one.name: one for one in reversed(self.classes)}

    def function(self, key: str) -> Function | None:
        """The function of a key, None for a module's own code."""
        return self._functions.get(key)

    def class_of(self, name: str) -> ClassText | None:
        """The class of a name, the first when there are several."""
        return self._classes.get(name)

    def called(self, *verbs: str) -> Iterator[Call]:
        """The calls whose name ends so."""
        return (one for one in self.calls if one.verb in verbs)

    @cached_property
    def _asking(self) -> dict[str, Function | None]:
        keys = {one.function for one in self.queries if one.verb in READING}
        found: dict[str, Function | None] = {}
        for one in self.functions:
            found[one.name] = one if one.name not in found and one.key in keys else None
        return found

    def asking(self, name: str) -> Function | None:
        """The function of a plain name that asks the database something; None when there are several of the name."""
        return self._asking.get(name)
