"""Field() is given a column, and beside it what only the column can say.

With `sa_column=Column(...)` SQLModel raises RuntimeError for index, nullable, primary_key, unique, foreign_key, ondelete and
sa_type: the module cannot be imported. Say them in the Column, or leave it out and say `sa_type`.
https://sqlmodel.tiangolo.com/advanced/
"""

from collections.abc import Iterator

from mcp_server.model.code import ClassField, Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="O203",
    severity="error",
    form="python",
    bad="""
from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(sa_column=Column(Text), index=True, nullable=False)
""",
    good=(
        """
from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(sa_column=Column(Text, index=True, nullable=False))
""",
        """
from sqlalchemy import Text
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(sa_type=Text, index=True, nullable=False, description="what is to be done")
""",
    ),
)
BESIDE = (
    "index",
    "nullable",
    "primary_key",
    "unique",
    "foreign_key",
    "ondelete",
    "sa_type",
    "sa_column_args",
    "sa_column_kwargs",
)


def check(code: Code) -> Iterator[Finding]:
    for one in code.classes:
        for field in one.fields:
            said = _said(field)
            if said:
                words = ", ".join(said)
                yield RULE.found(
                    subject=f"{one.name}.{field.name}",
                    message=f"Field() refuses {words} beside {_other(field)}: the module cannot be imported.",
                    evidence="derived from the text",
                    fix=f"Column(..., {', '.join(f'{name}=...' for name in said)})"
                    if _other(field) == "sa_column"
                    else "foreign_key=... beside it",
                    place=str(field.span),
                )


def _other(field: ClassField) -> str:
    return "sa_column" if field.maker and field.maker.argument("sa_column") else "no foreign_key"


def _said(field: ClassField) -> list[str]:
    maker = field.maker
    if maker is None or not maker.name.startswith("sqlmodel.") or field.kind != "Field":
        return []
    if maker.argument("sa_column"):
        return [name for name in BESIDE if maker.argument(name)]
    alone = maker.argument("ondelete") and not maker.argument("foreign_key") and not maker.is_spread()
    return ["ondelete"] if alone else []
