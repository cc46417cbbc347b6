"""Two relationships are two sides of one thing and do not know of each other, or there is only one side.

Without `back_populates` a change on one side is not seen on the other before the next load, and SQLAlchemy warns that both
write the same column. A relationship that is wanted on one side only works, and leaves the other side to a query.
https://docs.sqlalchemy.org/en/20/orm/backref.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.orm import ModelClass, ModelRelationship, Models

_USER = """
from sqlmodel import Field, Relationship, SQLModel


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
RULE = Rule(
    code="O101",
    severity="warning",
    form="python",
    bad=_USER
    + """    tasks: list["Task"] = Relationship(passive_deletes="all")


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id")
    user: User = Relationship()
""",
    good=(
        _USER
        + """    tasks: list["Task"] = Relationship(back_populates="user", passive_deletes="all")


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id")
    user: User = Relationship(back_populates="tasks")
""",
        _USER
        + """    manager_id: int | None = Field(default=None, foreign_key="user.id")
""",
    ),
)


def check(models: Models) -> Iterator[Finding]:
    by_name = {one.name: one for one in models.classes}
    for one in models.classes:
        for side in one.relationships:
            target = by_name.get(side.target)
            if side.back_populates or target is None or side.direction == "":
                continue
            others = [each for each in target.relationships if each.target == one.name and each is not side]
            yield _found(one, side, target, [each for each in others if not each.back_populates])


def _found(one: ModelClass, side: ModelRelationship, target: ModelClass, others: list[ModelRelationship]) -> Finding:
    twin = others[0].name if others else ""
    name = twin or one.name.lower()
    return RULE.found(
        subject=f"{one.name}.{side.name}",
        message=f"{one.name}.{side.name} and {target.name}.{twin} are two sides that do not know of each other."
        if twin
        else f"{target.name} has no side that leads back to {one.name}.{side.name}.",
        evidence="no back_populates",
        fix=f'back_populates="{name}"' + ("" if twin else f", and {name} in {target.name}"),
        place=str(side.place),
        severity="warning" if twin else "info",
    )
