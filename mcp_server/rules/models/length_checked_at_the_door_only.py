"""A text is bounded where it comes in, and not where it is stored.

The class of the request says `max_length=200`, the table's column takes any length: a script, a second route or an update
that uses another class stores what the rest of the code does not expect.
"""

import re
from collections.abc import Iterator

from mcp_server.model.code import ClassField, ClassText, Code
from mcp_server.model.finding import Finding, Rule

_HEAD = """
from sqlmodel import Field, SQLModel

"""
_CREATE = """
class TaskCreate(SQLModel):
    title: str = Field(min_length=1, max_length=200)

"""
RULE = Rule(
    code="O207",
    severity="warning",
    form="python",
    bad=_HEAD
    + _CREATE
    + """
class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(index=True)
""",
    good=(
        _HEAD
        + _CREATE
        + """
class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(index=True, max_length=200)
""",
        _HEAD
        + """
class TaskBase(SQLModel):
    title: str = Field(max_length=200)


class TaskCreate(TaskBase):
    pass


class Task(TaskBase, table=True):
    id: int | None = Field(default=None, primary_key=True)
""",
        _HEAD
        + _CREATE
        + """
class Taskforce(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
""",
    ),
)
_TEXT = re.compile(r"^(?:Mapped\[)?(?:Optional\[)?str(?:\s*\|\s*None)?\]*$")
ENDINGS = re.compile(
    r"(?:Create|Update|In|Input|Request|Base|Schema|Payload|Patch|New|Form|CreateRequest|UpdateRequest)\Z"
)


def check(code: Code) -> Iterator[Finding]:
    for table in (one for one in code.classes if one.is_table):
        doors = [
            one for one in code.classes if one is not table and not one.is_table and _is_door(one.name, table.name)
        ]
        for field in table.fields:
            if not _TEXT.match(field.annotation) or _is_bounded(field):
                continue
            found = next(((door, length) for door in doors if (length := _length(door, field.name))), None)
            if found is None:
                continue
            door, length = found
            maker = field.maker
            is_plain = maker is not None and maker.verb == "Field" and not maker.is_spread()
            yield RULE.found(
                subject=f"{table.name}.{field.name}",
                message=f"{door.name} bounds {field.name} to {length}, and the column takes any length.",
                evidence=f"{door.span}",
                fix=f"max_length={length}",
                place=str(field.span),
                edits=(maker.with_keyword(f"max_length={length}"),) if maker is not None and is_plain else (),
            )


def _is_door(name: str, table: str) -> bool:
    """Whether a class is what comes in for a table: TaskCreate for Task."""
    ending = ENDINGS.search(name)
    return ending is not None and name[: ending.start()] in (
        table,
        f"{table}Create",
        f"{table}Update",
        f"Create{table}",
    )


def _is_bounded(field: ClassField) -> bool:
    maker = field.maker
    if maker is None:
        return False
    return any(
        maker.argument(name) for name in ("max_length", "sa_type", "sa_column", "foreign_key", "primary_key")
    ) or (maker.verb != "Field")


def _length(door: ClassText, name: str) -> str:
    """The length that a class bounds a field to, "" for none."""
    field = door.field(name)
    given = field.maker.argument("max_length") if field and field.maker else None
    return given.text if given is not None and given.text.isdigit() else ""
