"""A column's default is a clock that does not say its time zone.

`datetime.utcnow` gives a value without a zone. SQLModel from 0.0.45 makes `datetime` a TIMESTAMP WITH TIME ZONE and refuses
such values at flush; asyncpg reads them as the local time of the machine; beside an aware value comparing raises TypeError.
https://docs.python.org/3/library/datetime.html#datetime.datetime.utcnow
"""

import re
from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.orm import Models

_HEAD = """
from datetime import datetime, timezone
from sqlalchemy import DateTime
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
RULE = Rule(
    code="O103",
    severity="warning",
    form="python",
    bad=_HEAD + "    created_at: datetime = Field(default_factory=datetime.utcnow)\n",
    good=(
        _HEAD
        + "    created_at: datetime = Field(default_factory=lambda: datetime.now(timezone.utc), sa_type=DateTime(timezone=True))\n",
        _HEAD + "    due_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))\n",
    ),
)
CLOCKS = re.compile(r"^(?:datetime\.)*datetime\.(?:utcnow|now|today)\(\)$")
REFUSING = "UTCDateTime"  # SQLModel's own type for `datetime`, from 0.0.45


def check(models: Models) -> Iterator[Finding]:
    for one in models.classes:
        for field in one.fields:
            used = [name for name in (field.default, field.onupdate) if CLOCKS.match(name)]
            if not used:
                continue
            fails = field.type_class == REFUSING
            zone = "" if "WITH TIME ZONE" in field.type else ", sa_type=DateTime(timezone=True)"
            yield RULE.found(
                subject=f"{one.name}.{field.name}",
                message=f"{used[0]} gives a moment without its time zone"
                + (": SQLModel refuses it, and every insert fails." if fails else ", read as local time or refused."),
                evidence=f"the column is {field.type}",
                fix=f"default_factory=lambda: datetime.now(timezone.utc){zone}",
                place=str(field.place),
                severity="error" if fails else "warning",
            )
