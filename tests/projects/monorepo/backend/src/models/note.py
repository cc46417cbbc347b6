from typing import Optional

from sqlmodel import Field, SQLModel

from src.models.task import Task


class Note(SQLModel, table=True):
    __tablename__ = "notes"

    id: Optional[int] = Field(default=None, primary_key=True)
    task_id: int = Field(foreign_key=f"{Task.__tablename__}.id", index=True, ondelete="CASCADE")
    body: str
