from sqlmodel import SQLModel


class TaskCreate(SQLModel):
    title: str
