"""Tables whose database holds more than models can say: see migrations/versions."""

from datetime import datetime
from typing import Optional

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class Project(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    name: str = Field(max_length=100, unique=True)


class Task(SQLModel, table=True):
    __table_args__ = (
        sa.CheckConstraint("status in ('open', 'done')", name="task_status"),
        {"comment": "what is to be done"},
    )

    id: Optional[int] = Field(default=None, primary_key=True)
    title: str = Field(max_length=100, index=True)
    status: str = Field(max_length=10, sa_column_kwargs={"server_default": "open"})
    notes: Optional[str] = None
    owner: str
    project_id: int = Field(foreign_key="project.id", ondelete="CASCADE", index=True)


class Event(SQLModel, table=True):
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=sa.DateTime(timezone=True), primary_key=True)
    kind: str
