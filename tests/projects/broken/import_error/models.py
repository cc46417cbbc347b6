from sqlalchemy import Column, Integer
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int = Field(primary_key=True, sa_column=Column(Integer))
    title: str
