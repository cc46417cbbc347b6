"""A statement before context.configure() begins a transaction, and nobody commits it."""

from alembic import context
from sqlalchemy import engine_from_config, text

from models import Base

config = context.config
engine = engine_from_config(config.get_section("alembic"), prefix="sqlalchemy.")
with engine.connect() as connection:
    connection.execute(text("set lock_timeout = '5s'"))
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
