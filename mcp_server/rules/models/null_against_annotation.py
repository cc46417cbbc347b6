"""The class says that there is always a value, and the column takes null.

`created_at: datetime = Field(sa_column=Column(DateTime))` is nullable whatever the annotation says, because the column is
taken as it is. Code that trusts the annotation fails on the first such row.
https://docs.sqlalchemy.org/en/20/core/metadata.html#sqlalchemy.schema.Column.params.nullable
"""

import re
from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.orm import Models

_HEAD = """
from datetime import date
from typing import Optional
from sqlalchemy import Column, Date
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
RULE = Rule(
    code="O106",
    severity="warning",
    form="python",
    bad=_HEAD + "    due: date = Field(sa_column=Column(Date))\n",
    good=(
        _HEAD + "    due: date = Field(sa_column=Column(Date, nullable=False))\n",
        _HEAD + "    due: Optional[date] = Field(default=None, sa_column=Column(Date))\n",
        _HEAD + "    due: date | None = None\n",
        """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Task(Base):
    __tablename__ = "task"
    id: Mapped[int] = mapped_column(primary_key=True)
    hours: Mapped["int | None"] = mapped_column()
""",
    ),
)
_EMPTY = re.compile(r"\bNone\b|\bOptional\b|\bAny\b|\bUnion\b")


def check(models: Models) -> Iterator[Finding]:
    for one in models.classes:
        for field in one.fields:
            if not field.nullable or not field.annotation or _EMPTY.search(field.annotation) or field.primary_key:
                continue
            if _EMPTY.search(field.annotation.replace("'", " ")) or not _is_known(field.annotation):
                continue
            yield RULE.found(
                subject=f"{one.name}.{field.name}",
                message=f"{one.name}.{field.name} is annotated {field.annotation}, and its column takes null.",
                evidence="observed: the column of the mapped class",
                fix="nullable=False in the Column",
                place=str(field.place),
            )


def _is_known(annotation: str) -> bool:
    """Whether it is a plain type: an alias may hold None."""
    bare = re.sub(r"^Mapped\[(.*)\]$", r"\1", annotation).strip("'\"")
    return bare.rpartition(".")[2].partition("[")[0] in (
        "int", "str", "bool", "float", "bytes", "date", "datetime", "time", "timedelta", "Decimal", "UUID", "dict", "list",
        "Dict", "List",
    )  # fmt: skip
