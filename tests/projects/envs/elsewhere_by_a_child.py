"""Lets another Python look into another database before it migrates."""

import subprocess
import sys

from alembic import context

subprocess.run([sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 5432))"])
context.configure(dialect_name="postgresql")
