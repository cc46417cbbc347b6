"""The URL stands in env.py, with a driver and arguments for a server far away."""

from alembic import context
from sqlalchemy import create_engine

from models import Base

engine = create_engine(
    "postgresql+psycopg://app:secret@db.internal.example:6543/app?sslmode=verify-full",
    connect_args={"sslrootcert": "/nowhere/ca.pem", "options": "endpoint=ep-quiet-sun", "application_name": "migrations"},
    pool_pre_ping=True,
)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
