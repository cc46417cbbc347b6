from sqlmodel import Field, Relationship, SQLModel


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)
    is_superuser: bool = False


class Tag(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    tasks: list["Task"] = Relationship(back_populates="tag")


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    tag_id: int | None = Field(default=None, foreign_key="tag.id", index=True)
    title: str
    tag: Tag | None = Relationship(back_populates="tasks")
    remarks: list["Remark"] = Relationship(back_populates="task")


class Remark(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    task_id: int = Field(foreign_key="task.id", index=True)
    body: str
    task: Task = Relationship(back_populates="remarks")
