import os

from dotenv import load_dotenv
from sqlmodel import Session, SQLModel, create_engine

import models  # noqa: F401

load_dotenv()

engine = create_engine(os.getenv("DATABASE_URL", "sqlite:///./todo.db"), echo=True)


def create_db_and_tables():
    SQLModel.metadata.create_all(engine)


def get_session():
    with Session(engine) as session:
        yield session
