"""The relationships of the models do not fit together.

The tables can be made, and the first query of any of the classes fails: SQLAlchemy puts all mappers together at once, so one
relationship without a foreign key or with a misspelt class stops every other.
https://docs.sqlalchemy.org/en/20/orm/basic_relationships.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.orm import Models

RULE = Rule(
    code="O102",
    severity="error",
    form="python",
    bad="""
from sqlmodel import Field, Relationship, SQLModel


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    tasks: list["Task"] = Relationship(back_populates="user")


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user: User = Relationship(back_populates="tasks")
""",
    good=(
        """
from sqlmodel import Field, Relationship, SQLModel


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    tasks: list["Task"] = Relationship(back_populates="user", passive_deletes="all")


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id")
    user: User = Relationship(back_populates="tasks")
""",
    ),
)


def check(models: Models) -> Iterator[Finding]:
    for one in models.problems:
        yield RULE.found(
            subject="the mappers",
            message=f"{one.message.rstrip('.')[:500]}.",
            evidence="observed: SQLAlchemy put the mappers together",
            place=str(one.place),
        )
