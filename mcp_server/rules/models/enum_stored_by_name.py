"""An enum is stored by the names of its members, and everybody else speaks of their values.

SQLAlchemy stores 'PENDING' for `PENDING = "pending"`. The API, the spec and every statement written by hand say 'pending' and
find nothing, or fail on the type. `values_callable` makes the database keep the values.
https://docs.sqlalchemy.org/en/20/core/type_basics.html#sqlalchemy.types.Enum.params.values_callable
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.orm import Models

_HEAD = """
from enum import Enum
import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class Status(str, Enum):
    PENDING = "pending"
    DONE = "done"


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
RULE = Rule(
    code="O105",
    severity="warning",
    form="python",
    bad=_HEAD + "    status: Status = Status.PENDING\n",
    good=(
        _HEAD
        + "    status: Status = Field(default=Status.PENDING,"
        + " sa_type=sa.Enum(Status, values_callable=lambda kind: [one.value for one in kind]))\n",
        _HEAD.replace("PENDING =", "pending =").replace("DONE =", "done =") + "    status: Status = Status.pending\n",
        _HEAD + "    status: str = Field(default='pending', sa_type=sa.Enum('pending', 'done', name='status'))\n",
    ),
)


def check(models: Models) -> Iterator[Finding]:
    for one in models.classes:
        for field in one.fields:
            if not field.values or field.labels == field.values or set(field.labels) == set(field.values):
                continue
            kind = field.annotation.replace("Optional[", "").rstrip("]").partition(" ")[0] or "Status"
            yield RULE.found(
                subject=f"{one.name}.{field.name}",
                message=f"The database keeps {', '.join(field.labels[:3])}, and the members' values are "
                f"{', '.join(field.values[:3])}.",
                evidence="observed: the labels of the column's type",
                fix=f"sa_type=Enum({kind}, values_callable=lambda kind: [one.value for one in kind])",
                place=str(field.place),
            )
