"""Field() is given an argument that SQLModel does not know.

It is a TypeError when the module is imported (`on_delete` for `ondelete`, `pattern` for `regex`), or a wish that nobody
hears, such as `autoincrement`.
https://sqlmodel.tiangolo.com/tutorial/create-db-and-table/
"""

from collections.abc import Iterator
from difflib import get_close_matches

from mcp_server.model.code import Code
from mcp_server.model.finding import Edit, Finding, Rule

RULE = Rule(
    code="O204",
    severity="error",
    form="python",
    bad="""
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", on_delete="CASCADE", index=True)
""",
    good=(
        """
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", ondelete="CASCADE", index=True)
""",
        """
from pydantic import BaseModel, Field


class TaskIn(BaseModel):
    title: str = Field(pattern="^.+$", examples=["a"])
""",
    ),
)
KNOWN = frozenset(
    [
        "default",
        "default_factory",
        "alias",
        "validation_alias",
        "serialization_alias",
        "title",
        "description",
        "exclude",
        "include",
        "const",
        "gt",
        "ge",
        "lt",
        "le",
        "multiple_of",
        "max_digits",
        "decimal_places",
        "min_items",
        "max_items",
        "unique_items",
        "min_length",
        "max_length",
        "allow_mutation",
        "regex",
        "discriminator",
        "repr",
        "primary_key",
        "foreign_key",
        "ondelete",
        "unique",
        "nullable",
        "index",
        "sa_type",
        "sa_column",
        "sa_column_args",
        "sa_column_kwargs",
        "schema_extra",
    ]
)
SAME = {"on_delete": "ondelete", "pattern": "regex", "onDelete": "ondelete", "is_unique": "unique", "indexed": "index"}


def check(code: Code) -> Iterator[Finding]:
    for one in code.classes:
        for field in one.fields:
            if field.maker is None or field.maker.name not in ("sqlmodel.Field", "sqlmodel.main.Field"):
                continue
            for given in field.maker.arguments:
                if not given.name or given.name.startswith("*") or given.name in KNOWN:
                    continue
                right = SAME.get(given.name) or next(iter(get_close_matches(given.name, sorted(KNOWN), 1, 0.85)), "")
                is_same = given.name in SAME
                yield RULE.found(
                    subject=f"{one.name}.{field.name}",
                    message=f"SQLModel's Field() has no `{given.name}`: the module cannot be imported.",
                    evidence=f"derived from the text: {given.name}={given.text}",
                    fix=f"{right}={given.text}" if right else "sa_column_kwargs={...}",
                    place=str(field.span),
                    edits=(Edit(given.span.file, given.begins, given.span.start, f"{right}="),) if is_same else (),
                )
