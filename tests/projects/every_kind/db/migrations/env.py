"""A synchronous environment with a version table of its own in a schema of its own."""

from alembic import context
from sqlalchemy import engine_from_config, text

from app import billing, people  # noqa: F401
from app.base import Base

config = context.config
target_metadata = Base.metadata
options = {
    "target_metadata": target_metadata,
    "version_table": "schema_version",
    "version_table_schema": "ops",
    "include_schemas": True,
    "transaction_per_migration": True,
}

if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"), **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = engine_from_config(config.get_section(config.config_ini_section), prefix="sqlalchemy.")
    with engine.begin() as connection:
        connection.execute(text("create schema if not exists ops"))
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
