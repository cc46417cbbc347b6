"""A length is stated where it has no effect.

`Field(max_length=20, sa_column=Column(String))` makes a VARCHAR without a length, because the column is taken as it is, and
`Column(String, max_length=20)` is no argument of Column at all. Say `String(20)`.
"""

import re
from collections.abc import Iterator

from mcp_server.model.code import ClassField, Code
from mcp_server.model.code_call import Argument
from mcp_server.model.finding import Edit, Finding, Rule

RULE = Rule(
    code="O205",
    severity="warning",
    form="python",
    bad="""
from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=200, sa_column=Column(String, nullable=False))
""",
    good=(
        """
from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=200, sa_column=Column(String(200), nullable=False))
    code: str = Field(max_length=20)
""",
        """
from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel


class Note(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    body: str = Field(sa_column=Column(Text, nullable=False))
""",
    ),
)
_BARE = re.compile(r"\b(?:String|VARCHAR|AutoString|Text|Unicode)\b(?!\()(?:\(\))?")
_WITHIN = re.compile(r"\bColumn\(.*\bmax_length=(\d+)")


def check(code: Code) -> Iterator[Finding]:
    for one in code.classes:
        for field in one.fields:
            length, given = _stated(field)
            if not length or given is None:
                continue
            bare = _BARE.search(given.text)
            yield RULE.found(
                subject=f"{one.name}.{field.name}",
                message=f"The length {length} is stated where no column reads it: any length is stored.",
                evidence=f"derived from the text: {given.text}",
                fix=f"String({length})",
                place=str(field.span),
                edits=(_edit(given, bare, length),)
                if bare and "\\" not in given.text and not _WITHIN.search(given.text)
                else (),
            )


def _stated(field: ClassField) -> tuple[str, Argument | None]:
    """The length that is lost, and the argument that makes the column."""
    maker = field.maker
    if maker is None:
        return "", None
    given = maker.argument("sa_column") or maker.argument("sa_type")
    length = maker.argument("max_length")
    if given is not None and field.kind == "Field":
        if length is not None and length.text.isdigit() and _BARE.search(given.text):
            return length.text, given
        within = _WITHIN.search(given.text)
        return (within[1], given) if within else ("", None)
    if field.kind in ("Column", "mapped_column") and length is not None and maker.arguments:
        return length.text, maker.arguments[0]
    return "", None


def _edit(given: Argument, bare: re.Match[str], length: str) -> Edit:
    """The type with its length, where the argument stands as it was written on one line."""
    start = given.span.start + len(given.text[: bare.start()].encode())
    return Edit(given.span.file, start, start + len(bare[0].encode()), f"String({length})")
