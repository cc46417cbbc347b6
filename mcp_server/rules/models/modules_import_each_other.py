"""Modules of models import each other.

Whichever is imported first finds the other one half made: ImportError, or a class that is missing in the mapper, depending on
who asked first. Give the relationship the name of the class as text, and import it under `if TYPE_CHECKING:`.
https://sqlmodel.tiangolo.com/tutorial/code-structure/#import-only-while-editing-with-type_checking
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

_TASK = """
# file: app/models/task.py
from sqlmodel import Field, Relationship, SQLModel
from app.models.user import User


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user: User = Relationship(back_populates="tasks")
"""
RULE = Rule(
    code="O206",
    severity="error",
    form="python",
    bad=_TASK
    + """
# file: app/models/user.py
from sqlmodel import Field, Relationship, SQLModel
from app.models.task import Task


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    tasks: list[Task] = Relationship(back_populates="user")
""",
    good=(
        _TASK
        + """
# file: app/models/user.py
from typing import TYPE_CHECKING
from sqlmodel import Field, Relationship, SQLModel

if TYPE_CHECKING:
    from app.models.task import Task


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    tasks: list["Task"] = Relationship(back_populates="user")
""",
        _TASK
        + """
# file: app/models/__init__.py
from app.models.task import Task
from app.models.user import User
# file: app/models/user.py
from sqlmodel import Field, Relationship, SQLModel


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    tasks: list["Task"] = Relationship(back_populates="user")
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    declaring = {one.span.file for one in code.classes if one.is_table}
    edges: dict[str, dict[str, int]] = {}
    for one in code.imports:
        if one.names and one.file in declaring and one.target in declaring:
            edges.setdefault(one.file, {}).setdefault(one.target, one.line)
    told: set[frozenset[str]] = set()
    for start in sorted(edges):
        circle = _circle(start, edges)
        if circle and frozenset(circle) not in told:
            told.add(frozenset(circle))
            yield RULE.found(
                subject=" -> ".join((*circle, circle[0])),
                message="These modules import each other: whichever comes first finds the other one half made.",
                evidence="derived from their imports, those under TYPE_CHECKING left out",
                fix=f"if TYPE_CHECKING: around one of the imports, e.g. {circle[0]}:{edges[circle[0]][circle[1]]}",
                place=f"{circle[0]}:{edges[circle[0]][circle[1]]}",
            )


def _circle(start: str, edges: dict[str, dict[str, int]]) -> tuple[str, ...]:
    """The shortest way from a file back to it, () for none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        way = ways.pop(0)
        for target in edges.get(way[-1], ()):
            if target == start:
                return way
            if target not in seen:
                seen.add(target)
                ways.append((*way, target))
    return ()
