"""A default is one list or dict that all rows share.

A change of it in one row (`task.tags.append(...)`) is a change of the default of the class: the next row begins with it.
Pydantic copies the defaults of Field(), SQLAlchemy does not copy those of Column(). Hand over the type: `default=list`.
https://docs.sqlalchemy.org/en/20/core/defaults.html#python-executed-functions
"""

from collections.abc import Iterator

from mcp_server.model.code import ClassField, Code
from mcp_server.model.code_call import Argument
from mcp_server.model.finding import Edit, Finding, Rule

RULE = Rule(
    code="O202",
    severity="warning",
    form="python",
    bad="""
from sqlalchemy import Column, Integer
from sqlalchemy.dialects.postgresql import JSONB
from app.base import Base


class Task(Base):
    __tablename__ = "task"
    id = Column(Integer, primary_key=True)
    tags = Column(JSONB, nullable=False, default=[])
""",
    good=(
        """
from sqlalchemy import Column, Integer
from sqlalchemy.dialects.postgresql import JSONB
from app.base import Base


class Task(Base):
    __tablename__ = "task"
    id = Column(Integer, primary_key=True)
    tags = Column(JSONB, nullable=False, default=list, server_default="[]")
""",
        """
from sqlmodel import Field, SQLModel


class TaskCreate(SQLModel):
    tags: list[str] = Field(default_factory=list)
    labels: list[str] = []
""",
    ),
)
EMPTY = {"[]": "list", "{}": "dict", "set()": "set", "list()": "list", "dict()": "dict"}


def check(code: Code) -> Iterator[Finding]:
    for one in code.classes:
        for field in one.fields:
            given = _given(field)
            if given is None or (field.kind == "Field" and not one.is_table):
                continue
            is_copied = field.kind == "Field"
            keyword = "default_factory" if is_copied else "default"
            fix = f"{keyword}={EMPTY[given.text]}" if given.text in EMPTY else f"{keyword}=lambda: {given.text}"
            yield RULE.found(
                subject=f"{one.name}.{field.name}",
                message="All rows share one default"
                + (
                    ", which only Pydantic's copying hides." if is_copied else ": a change in one row changes the next."
                ),
                evidence=f"derived from the text: {given.text}",
                fix=fix,
                place=str(field.span),
                severity="info" if is_copied else "warning",
                edits=(Edit(given.span.file, given.begins, given.span.end, fix),),
            )


def _given(field: ClassField) -> Argument | None:
    if field.maker is None or field.kind not in ("Field", "Column", "mapped_column"):
        return None
    given = field.maker.argument("default", 0 if field.kind == "Field" else -1)
    return given if given is not None and (given.text in EMPTY or given.text.startswith(("[", "{"))) else None
