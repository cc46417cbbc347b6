"""The database would delete the children along, and SQLAlchemy sets their keys to null first, which they do not take.

Without `passive_deletes` or a cascade it sends `update ... set user_id = null` for each child before the delete of the parent:
an IntegrityError, although the foreign key says ON DELETE CASCADE. Say what the database does: `cascade_delete=True,
passive_deletes=True`, or `passive_deletes="all"`.
https://docs.sqlalchemy.org/en/20/orm/cascades.html#using-foreign-key-on-delete-cascade-with-orm-relationships
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.orm import ModelClass, ModelField, Models

_TASK = """

class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", ondelete="CASCADE", index=True)
    user: User = Relationship(back_populates="tasks")
"""
_USER = """
from sqlmodel import Field, Relationship, SQLModel


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
RULE = Rule(
    code="O107",
    severity="warning",
    form="python",
    bad=_USER + '    tasks: list["Task"] = Relationship(back_populates="user")\n' + _TASK,
    good=(
        _USER + '    tasks: list["Task"] = Relationship(back_populates="user", passive_deletes="all")\n' + _TASK,
        _USER
        + '    tasks: list["Task"] = Relationship(back_populates="user", cascade_delete=True, passive_deletes=True)\n'
        + _TASK,
        _USER
        + '    tasks: list["Task"] = Relationship(back_populates="user")\n'
        + _TASK.replace(
            'user_id: int = Field(foreign_key="user.id", ondelete="CASCADE", index=True)',
            'user_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL", index=True)',
        ),
    ),
)


def check(models: Models) -> Iterator[Finding]:
    by_name = {one.name: one for one in models.classes}
    for one in models.classes:
        for side in one.relationships:
            if side.direction != "onetomany" or side.passive_deletes or "delete" in side.cascade.split(", "):
                continue
            key = _key(one, by_name.get(side.target))
            if key is None or key.nullable or key.on_delete.upper() != "CASCADE":
                continue
            yield RULE.found(
                subject=f"{one.name}.{side.name}",
                message=f"Deleting a {one.name} sets {side.target}.{key.name} to null first, which fails, although the database "
                "would delete the rows along.",
                evidence=f"{side.target}.{key.name} is not null, on delete cascade",
                fix="cascade_delete=True, passive_deletes=True",
                place=str(side.place),
            )


def _key(parent: ModelClass, child: ModelClass | None) -> ModelField | None:
    """The only foreign key of the child that leads to the parent."""
    table = f"{parent.schema}.{parent.table}" if parent.schema else parent.table
    keys = [one for one in child.fields if one.foreign_key.rpartition(".")[0] == table] if child else []
    return keys[0] if len(keys) == 1 and not keys[0].primary_key else None
