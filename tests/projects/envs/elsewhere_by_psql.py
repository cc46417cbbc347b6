"""Runs a script by psql before it migrates."""

import subprocess

from alembic import context

subprocess.run(["/usr/bin/env", "psql", "-h", "127.0.0.1", "-c", "select 1"], check=True)
context.configure(dialect_name="postgresql")
