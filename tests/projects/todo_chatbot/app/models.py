"""The tables of the todo chatbot: people, their tasks and tags, and what they say to the assistant."""

from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Column, DateTime, Enum, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship, SQLModel


def now() -> datetime:
    return datetime.now(UTC)


def created_at():
    return Field(
        default_factory=now, sa_type=DateTime(timezone=True), nullable=False, sa_column_kwargs={"server_default": func.now()}
    )


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


def words(kind: type[StrEnum], name: str) -> Enum:
    """A native enum that stores the words, not the names of the Python members."""
    return Enum(kind, name=name, values_callable=lambda members: [member.value for member in members])


class User(SQLModel, table=True):
    __tablename__ = "users"

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    email: str = Field(max_length=320, unique=True)
    name: str = Field(max_length=100)
    created_at: datetime = created_at()

    tasks: list["Task"] = Relationship(back_populates="user", cascade_delete=True, passive_deletes=True)
    tags: list["Tag"] = Relationship(back_populates="user", cascade_delete=True, passive_deletes=True)
    conversations: list["Conversation"] = Relationship(back_populates="user", cascade_delete=True, passive_deletes=True)


class TaskTag(SQLModel, table=True):
    __tablename__ = "task_tags"

    task_id: int = Field(foreign_key="tasks.id", primary_key=True, ondelete="CASCADE")
    tag_id: int = Field(foreign_key="tags.id", primary_key=True, ondelete="CASCADE", index=True)


class Task(SQLModel, table=True):
    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_user_id_completed_due_date", "user_id", "completed", "due_date"),
        Index("ix_tasks_open", "user_id", "due_date", postgresql_where=text("not completed")),
        CheckConstraint("length(title) > 0", name="ck_tasks_title_not_empty"),
    )

    id: int | None = Field(default=None, primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE", nullable=False)
    title: str = Field(max_length=200)
    description: str | None = Field(default=None, sa_type=Text)
    priority: Priority = Field(
        default=Priority.MEDIUM, sa_column=Column(words(Priority, "priority"), nullable=False, server_default="medium")
    )
    completed: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    due_date: date | None = None
    created_at: datetime = created_at()
    updated_at: datetime = Field(
        default_factory=now, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now(), "onupdate": now}
    )

    user: User = Relationship(back_populates="tasks")
    tags: list["Tag"] = Relationship(back_populates="tasks", link_model=TaskTag)


class Tag(SQLModel, table=True):
    __tablename__ = "tags"
    __table_args__ = (Index("uq_tags_user_id_lower_name", "user_id", text("lower(name)"), unique=True),)

    id: int | None = Field(default=None, primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE", nullable=False)
    name: str = Field(max_length=50)

    user: User = Relationship(back_populates="tags")
    tasks: list[Task] = Relationship(back_populates="tags", link_model=TaskTag)


class Conversation(SQLModel, table=True):
    __tablename__ = "conversations"

    id: int | None = Field(default=None, primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE", index=True, nullable=False)
    title: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    created_at: datetime = created_at()

    user: User = Relationship(back_populates="conversations")
    messages: list["Message"] = Relationship(back_populates="conversation", cascade_delete=True, passive_deletes=True)


class Message(SQLModel, table=True):
    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_conversation_id_created_at", "conversation_id", "created_at"),)

    id: int | None = Field(default=None, primary_key=True)
    conversation_id: int = Field(foreign_key="conversations.id", ondelete="CASCADE")
    role: Role = Field(sa_column=Column(words(Role, "message_role"), nullable=False))
    content: str = Field(sa_type=Text)
    tool_calls: dict | None = Field(default=None, sa_type=JSONB)
    created_at: datetime = created_at()

    conversation: Conversation = Relationship(back_populates="messages")
