"""Has no offline mode: it always connects."""

from alembic import context
from sqlalchemy import engine_from_config

from models import Base

config = context.config
target_metadata = Base.metadata

with engine_from_config(config.get_section("alembic"), prefix="sqlalchemy.").connect() as connection:
    context.configure(connection=connection, target_metadata=target_metadata, version_table="schema_history")
    with context.begin_transaction():
        context.run_migrations()
