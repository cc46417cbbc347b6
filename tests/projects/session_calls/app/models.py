from datetime import datetime, timezone
from enum import Enum
from uuid import UUID, uuid4

from sqlmodel import Field, SQLModel


class Level(str, Enum):
    low = "low"
    high = "high"


class User(SQLModel, table=True):
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    email: str = Field(unique=True)
    is_superuser: bool = False


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: UUID = Field(foreign_key="user.id", index=True)
    title: str
    level: Level = Level.low
    is_deleted: bool = False
    changed_at: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))


class Remark(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    task_id: int = Field(foreign_key="task.id", index=True)
    body: str


class TaskCreate(SQLModel):
    title: str = Field(min_length=3, max_length=20)
    level: Level


class TaskImport(TaskCreate):
    user_id: UUID


class TaskChange(SQLModel):
    title: str | None = None
