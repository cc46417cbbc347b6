import os
import sys

from sqlmodel import Field, SQLModel

if "APP_SECRET_KEY" not in os.environ:
    sys.exit("APP_SECRET_KEY is not set")


class Task(SQLModel, table=True):
    id: int = Field(primary_key=True)
