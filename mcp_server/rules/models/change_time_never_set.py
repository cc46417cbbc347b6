"""The time of the last change is only what somebody remembered to write.

Without `onupdate` the column keeps the moment of the insert until a handler sets it by hand, and one of them will forget it.
`onupdate=func.now()` lets SQLAlchemy set it with each update; a trigger also covers what goes past SQLAlchemy.
https://docs.sqlalchemy.org/en/20/core/defaults.html#python-executed-functions
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.naming import is_change
from mcp_server.model.orm import Models

_HEAD = """
from datetime import datetime
from sqlalchemy import DateTime, func
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
RULE = Rule(
    code="O104",
    severity="warning",
    form="python",
    bad=_HEAD
    + "    updated_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs={'server_default': func.now()})\n",
    good=(
        _HEAD
        + "    updated_at: datetime = Field(sa_type=DateTime(timezone=True),"
        + " sa_column_kwargs={'server_default': func.now(), 'onupdate': func.now()})\n",
        _HEAD + "    updated_by: int | None = None\n    updated: bool = False\n",
    ),
)


def check(models: Models) -> Iterator[Finding]:
    for one in models.classes:
        for field in one.fields:
            if field.onupdate or not is_change(field.column) or not field.type.startswith(("TIMESTAMP", "DATE")):
                continue
            yield RULE.found(
                subject=f"{one.name}.{field.name}",
                message=f"{one.name}.{field.name} keeps the moment of the insert until somebody remembers to set it.",
                evidence="no onupdate",
                fix='sa_column_kwargs={"server_default": func.now(), "onupdate": func.now()}',
                place=str(field.place),
            )
