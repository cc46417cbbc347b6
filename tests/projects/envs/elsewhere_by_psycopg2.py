"""Looks into another database before it migrates, and copes when that fails."""

import psycopg2
from alembic import context

try:
    psycopg2.connect("postgresql://app:secret@127.0.0.1:5432/app")
except Exception as error:
    print("it is away:", error)
context.configure(dialect_name="postgresql")
