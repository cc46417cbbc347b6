"""The URL comes from the environment, with SQLite as a fallback."""

import os

from alembic import context
from sqlmodel import create_engine

from models import Base

url = os.getenv("APP_DB", "sqlite:///./todo.db")
engine = create_engine(url, connect_args={"check_same_thread": False} if url.startswith("sqlite") else {})
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
