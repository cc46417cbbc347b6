"""Looks into another database before it migrates."""

import psycopg
from alembic import context

with psycopg.connect("host=127.0.0.1 port=5432 dbname=app user=app password=secret") as elsewhere:
    elsewhere.execute("select 1")
context.configure(dialect_name="postgresql")
