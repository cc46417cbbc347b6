"""A statement that was refused, with all that a stand-in may be made from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mcp_server.model.action import TABLE_VERBS, Action
from mcp_server.model.names import quote
from mcp_server.model.stand_in import StandIns, StandInTable, is_same


@dataclass(frozen=True, slots=True)
class Request:
    """What Postgres refused. actions: of the statement; script: of all statements, in order.

    renamed: the name that a table was made up with, by the one that the script gave it. knows_function: whether a function
    of the name that is missing exists with other arguments.
    """

    sql: str
    actions: tuple[Action, ...]
    sqlstate: str
    message: str
    script: Sequence[Action]
    stand_ins: StandIns
    renamed: Mapping[str, str] = field(default_factory=dict)
    knows_function: bool = False

    def original(self, name: str) -> StandInTable | None:
        """The stand-in that a name means by now."""
        plain = written(self, name)
        return self.stand_ins.table(self.renamed.get(plain, plain))

    def relations_of(self, action: Action) -> tuple[str, ...]:
        """The relations that an action names."""
        return tuple(one for one in (action.relation, *action.reads, action.references) if one)

    def is_made(self, name: str, *verbs: str) -> bool:
        """Whether the script itself makes an object of that name, and not only in the place of one that it takes away."""
        made = next(
            (at for at, one in enumerate(self.script) if one.verb in verbs and is_same(_made_by(one), name)), None
        )
        if made is None:
            return False
        return not any(_takes_away(one) and is_same(one.relation or one.name, name) for one in self.script[:made])

    def words(self) -> frozenset[str]:
        """The words of the statement."""
        return frozenset(re.findall(r"\w+", self.sql))


def written(request: Request, name: str) -> str:
    """A name out of a message as SQL writes it: Postgres's messages do not quote its parts."""
    for action in request.actions:
        for one in (*request.relations_of(action), action.name, action.index):
            if one.replace('"', "") == name:
                return one if one in request.relations_of(action) or "." in one or one.startswith('"') else quote(one)
    return ".".join(quote(part) for part in name.split("."))


def _takes_away(action: Action) -> bool:
    """Whether a name is free after an action that needs what bears it."""
    plain = action.verb in (
        "set schema",
        "rename table",
        "rename view",
        "rename index",
        "rename materialized view",
        "rename type",
    )
    return plain or (
        action.verb.startswith("drop ") and "if exists" not in action.flags and action.verb not in TABLE_VERBS
    )


def _made_by(action: Action) -> str:
    """The name of what an action makes: an index and a column stand on a relation that they do not make."""
    if action.verb in ("create index", "add column", "table column"):
        return quote(action.name)
    return action.relation or action.name
