"""A default is worked out once, when the module is imported.

`default=datetime.now(...)` and `default=uuid4()` call the function while the class is made: every row of the process gets the
same moment, or the same key. Hand over the function itself, as `default_factory`.
https://docs.pydantic.dev/latest/concepts/fields/#default-values
"""

from collections.abc import Iterator

from mcp_server.model.code import ClassField, Code
from mcp_server.model.code_call import Argument
from mcp_server.model.finding import Edit, Finding, Rule

RULE = Rule(
    code="O201",
    severity="error",
    form="python",
    bad="""
from datetime import datetime, timezone
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    created_at: datetime = Field(default=datetime.now(timezone.utc))
""",
    good=(
        """
from datetime import datetime, timezone
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    created_at: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
""",
        """
from datetime import datetime
from sqlalchemy import Column, DateTime, func
from app.base import Base


class Task(Base):
    __tablename__ = "task"
    created_at = Column(DateTime(timezone=True), server_default=func.now(), default=func.now())
""",
        """
from datetime import timedelta
from app.base import Settings


class Limits(Settings):
    grace: timedelta = timedelta(days=2)
""",
    ),
)
CLOCKS = (
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "uuid4",
    "uuid1",
    "uuid7",
    "ulid.new",
)


def check(code: Code) -> Iterator[Finding]:
    for one in code.classes:
        for field in one.fields if one.bases else ():
            given = _given(field)
            if given is None and not (field.maker and field.maker.name.endswith(CLOCKS)):
                continue
            written = given.text if given else field.value
            yield RULE.found(
                subject=f"{one.name}.{field.name}",
                message=f"{written} is worked out when the module is imported: every row of the process gets the same.",
                evidence=f"derived from the text: {written}",
                fix=_factory(written, field),
                place=str(field.span),
                edits=_edits(given, field) if given else (),
            )


def _given(field: ClassField) -> Argument | None:
    """The default that calls a clock or makes a key."""
    if field.maker is None or field.kind not in ("Field", "Column", "mapped_column"):
        return None
    given = field.maker.argument("default", 0 if field.kind == "Field" else -1)
    return given if given is not None and given.called.endswith(CLOCKS) and "func." not in given.called else None


def _factory(written: str, field: ClassField) -> str:
    bare = written[: -len("()")] if written.endswith("()") else f"lambda: {written}"
    return f"default={bare}" if field.kind in ("Column", "mapped_column") else f"default_factory={bare}"


def _edits(given: Argument, field: ClassField) -> tuple[Edit, ...]:
    return (Edit(given.span.file, given.begins, given.span.end, _factory(given.text, field)),)
