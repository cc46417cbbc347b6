from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int = Field(primary_key=True)
