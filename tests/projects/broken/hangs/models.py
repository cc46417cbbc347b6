import threading

from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int = Field(primary_key=True)


print("waiting for the leader")
threading.Event().wait()
