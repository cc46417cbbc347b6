"""compare_schemas of a generated project, cold and warm: spec, models and migrations that state the same tables.

    python -m benchmarks.compare_speed [TABLES]

Printed for each of four calls in one process: seconds by the clock, of our processor, and of the project's interpreter.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mcp_server.operations.compare import compare_schemas
from mcp_server.world.settings import read_settings
from mcp_server.world.workspace import Workspace

CALLS = 4
INI = "[alembic]\nscript_location = migrations\n"
ENV = """from alembic import context
from sqlmodel import SQLModel

import models

options = {"target_metadata": SQLModel.metadata}
if context.is_offline_mode():
    context.configure(url="postgresql://", **options)
    context.run_migrations()
else:
    from sqlalchemy import create_engine

    with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
"""
MODELS = """from datetime import date
from typing import Optional

from sqlmodel import Field, SQLModel
"""
REVISION = """import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "a1", None, None, None


def upgrade():
"""


def write_project(root: Path, tables: int) -> None:
    """A project of so many tables, each with eight columns, a foreign key and two indexes."""
    versions, specs = root / "migrations" / "versions", root / "specs" / "database"
    versions.mkdir(parents=True)
    specs.mkdir(parents=True)
    (root / "alembic.ini").write_text(INI)
    (root / "migrations" / "env.py").write_text(ENV)
    (root / "models.py").write_text(MODELS + "".join(_model(number) for number in range(tables)))
    (versions / "a1.py").write_text(REVISION + "".join(_makings(number) for number in range(tables)))
    (specs / "schema.md").write_text("# Database schema\n" + "".join(_stated(number) for number in range(tables)))


def _model(number: int) -> str:
    return f"""

class Thing{number}(SQLModel, table=True):
    __tablename__ = "thing_{number}"

    id: Optional[int] = Field(default=None, primary_key=True)
    owner_id: Optional[int] = Field(default=None, foreign_key="thing_{number // 2}.id", index=True)
    name: str = Field(max_length=100)
    code: str = Field(max_length=20, unique=True)
    amount: int
    made: date
    note: Optional[str] = None
    done: bool
"""


def _makings(number: int) -> str:
    return f"""    op.create_table(
        "thing_{number}",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner_id", sa.Integer, sa.ForeignKey("thing_{number // 2}.id"), index=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("code", sa.String(20), nullable=False, unique=True),
        sa.Column("amount", sa.Integer, nullable=False),
        sa.Column("made", sa.Date, nullable=False),
        sa.Column("note", sa.String),
        sa.Column("done", sa.Boolean, nullable=False),
    )
"""


def _stated(number: int) -> str:
    rows: Iterator[str] = (
        f"| {name} | {kind} | {told} |\n"
        for name, kind, told in (
            ("id", "serial", "PRIMARY KEY"),
            ("owner_id", "integer", f"REFERENCES thing_{number // 2}(id), INDEX"),
            ("name", "varchar(100)", "NOT NULL"),
            ("code", "varchar(20)", "NOT NULL, UNIQUE"),
            ("amount", "integer", "NOT NULL"),
            ("made", "date", "NOT NULL"),
            ("note", "text", ""),
            ("done", "boolean", "NOT NULL"),
        )
    )
    return f"\n## thing_{number}\n\n| Column | Type | Constraints |\n|---|---|---|\n{''.join(rows)}"


def _spent() -> tuple[float, float, float]:
    """The clock, our processor, and that of the processes that ended."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), own.ru_utime + own.ru_stime, others.ru_utime + others.ru_stime


async def run(root: Path, cache: Path) -> None:
    """Compare some times, and print what each call took."""
    settings = replace(read_settings(root, {}), cache=cache, python=sys.executable)
    workspace = Workspace(settings)
    print("| call | s | our processor | the project's interpreter | said |\n|---|---|---|---|---|")
    try:
        for number in range(1, CALLS + 1):
            began = _spent()
            answer = await compare_schemas(workspace)
            told = " | ".join(f"{end - start:.2f}" for start, end in zip(began, _spent(), strict=True))
            print(f"| {number} | {told} | {answer.verdict} |", flush=True)
    finally:
        await workspace.close()


if __name__ == "__main__":
    with TemporaryDirectory(prefix="dbarch-compare-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)
        (folder / "cache").mkdir(mode=0o711)
        write_project(folder / "project", int(sys.argv[1]) if len(sys.argv) > 1 else 200)
        asyncio.run(run(folder / "project", folder / "cache"))
