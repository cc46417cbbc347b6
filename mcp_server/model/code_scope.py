"""How the project's code reaches the rows of users: each access with file and line, and what keeps it to one user."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mcp_server.model.code_call import Span

Fault = Literal["unscoped", "opened", "request", "body", "walk", "raw"]
Verb = Literal["select", "update", "delete", "insert"]


@dataclass(frozen=True, slots=True)
class OwnedClass:
    """A mapped class of the project. table: its table's identity or name.

    owner: the attribute that says whose a row is, "" for none. is_user: its rows are the users themselves. is_owned: it
    has an owner or leads to a class that has. references: (attribute, class) of its foreign keys. relationships:
    (attribute, class, is a list).
    """

    name: str
    table: str
    owner: str = ""
    is_user: bool = False
    is_owned: bool = False
    references: tuple[tuple[str, str], ...] = ()
    relationships: tuple[tuple[str, str, bool], ...] = ()

    def target(self, attribute: str) -> tuple[str, bool]:
        """Where a relationship leads, and whether to a list; ("", False) for what is none."""
        found = ((target, many) for name, target, many in self.relationships if name == attribute)
        return next(found, ("", False))


def alias_of(name: str, line: int, column: int) -> str:
    """The name of a class under an alias that is made there: its rows are joined beside its own."""
    return f"{name}#{line}:{column}"


def plain_name(name: str) -> str:
    """The class that a name stands for, an alias or not."""
    return name.partition("#")[0]


@dataclass(frozen=True)
class Classes:
    """The mapped classes by name. shared: those that are declared to be everybody's."""

    listed: tuple[OwnedClass, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, OwnedClass]:
        return {one.name: one for one in self.listed}

    def get(self, name: str) -> OwnedClass | None:
        """The class of that name."""
        return self.by_name.get(plain_name(name))

    def is_owned(self, name: str) -> bool:
        """Whether users own its rows; not the users' own class."""
        one = self.get(name)
        return one is not None and one.is_owned and not one.is_user

    def are_joined(self, first: str, second: str) -> bool:
        """Whether a foreign key leads from one to the other."""
        one, other = self.get(first), self.get(second)
        if one is None or other is None:
            return False
        ways = [target for _, target in one.references] + [target for _, target, _ in one.relationships]
        back = [target for _, target in other.references] + [target for _, target, _ in other.relationships]
        return plain_name(second) in ways or plain_name(first) in back


@dataclass(frozen=True, slots=True)
class Access:
    """A place where the code reaches rows of users without being kept to one user.

    fault: nothing keeps it; a filter is there but open; the owner comes from the request; a request's body sets it; a
    relationship leads out of what the user owns; raw SQL. through: the functions by which it is reached, the route first.
    is_routed: a route leads there; else only a function that nobody in the project calls.
    """

    fault: Fault
    verb: Verb
    model: str
    span: Span
    function: str
    detail: str = ""
    through: tuple[str, ...] = ()
    is_routed: bool = True


@dataclass(frozen=True, slots=True)
class Accesses:
    """What was seen of a project. faults: what is open. kept: how many accesses are kept to a user.

    privileged: places that only roles such as an administrator's reach. unknown: places whose class is not known.
    """

    classes: Classes
    faults: tuple[Access, ...] = ()
    kept: int = 0
    privileged: tuple[Span, ...] = ()
    unknown: tuple[Span, ...] = ()
    functions: int = 0
