"""Loads an address of libpq into its environment, as load_dotenv() does, before it connects by its engine."""

import os

from alembic import context
from sqlalchemy import create_engine, pool

from models import Base

os.environ.update(PGHOSTADDR="127.0.0.1", PGSERVICE="live", PGSERVICEFILE="/nowhere")
engine = create_engine("postgresql+psycopg://", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
