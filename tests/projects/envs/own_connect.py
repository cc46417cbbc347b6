"""The engine makes its connections itself."""

import psycopg
from alembic import context
from sqlalchemy import create_engine

from models import Base


def connect():
    return psycopg.connect("host=db.internal.example dbname=app user=app password=secret")


engine = create_engine("postgresql+psycopg://", creator=connect)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
