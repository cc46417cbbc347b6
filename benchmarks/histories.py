"""Projects with a long Alembic history: a generated one, and one of statements that were observed on real histories."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from asyncpg import Connection, Record

OBSERVED = "alembic_replay_truth.jsonl"
INI = "[alembic]\nscript_location = migrations\nsqlalchemy.url = postgresql+psycopg://nobody@localhost/nowhere\n"
ENV = '''"""Round {number}."""

import os

from alembic import context
from sqlalchemy import create_engine, pool

url = os.environ.get("BENCH_URL") or context.config.get_main_option("sqlalchemy.url")
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True, transaction_per_migration={apart})
    context.run_migrations()
else:
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        context.configure(connection=connection, transaction_per_migration={apart})
        with context.begin_transaction():
            context.run_migrations()
'''
HEAD = '"""{title}"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "r{number:04}"\ndown_revision = {parent}\n\n\n'
WORDS = ("account", "invoice", "ticket", "product", "shipment", "message", "session", "project", "payment", "device")


@dataclass(frozen=True)
class Body:
    """What a revision does, both ways, as lines of Python."""

    title: str
    upgrade: tuple[str, ...]
    downgrade: tuple[str, ...]


def write_project(root: Path, bodies: Iterable[Body]) -> None:
    """A project whose history has these revisions, one after the other."""
    versions = root / "migrations" / "versions"
    versions.mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "long"\nversion = "1"\n')
    (root / "alembic.ini").write_text(INI)
    (root / "migrations" / "script.py.mako").write_text("")
    for number, body in enumerate(bodies, 1):
        parent = f'"r{number - 1:04}"' if number > 1 else "None"
        head = HEAD.format(title=body.title, number=number, parent=parent)
        text = head + _function("upgrade", body.upgrade) + "\n\n" + _function("downgrade", body.downgrade)
        (versions / f"r{number:04}.py").write_text(text)


def write_env(root: Path, number: int, *, apart: bool) -> None:
    """The env.py of a round: another text, so that nothing that was replayed before is known. apart: a transaction each."""
    (root / "migrations" / "env.py").write_text(ENV.format(number=number, apart=apart))


def _function(name: str, lines: tuple[str, ...]) -> str:
    return f"def {name}():\n" + "".join(f"    {line}\n" for line in lines or ("pass",))


def generated(count: int) -> Iterator[Body]:
    """Revisions as autogenerate and people write them: a table in every third, then what is done to it and to others."""
    for number in range(count):
        table = f"{WORDS[number // 3 % len(WORDS)]}_{number // 3}"
        yield (_make, _extend, _tighten)[number % 3](table, number)


def _make(table: str, number: int) -> Body:
    parent = f"{WORDS[(number // 3 - 1) % len(WORDS)]}_{number // 3 - 1}" if number else table
    columns = (
        'sa.Column("id", sa.BigInteger(), nullable=False)',
        f'sa.Column("parent_id", sa.BigInteger(), sa.ForeignKey("{parent}.id"))',
        'sa.Column("name", sa.String(80), nullable=False)',
        'sa.Column("state", sa.String(20), server_default="new", nullable=False)',
        'sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.func.now())',
        'sa.PrimaryKeyConstraint("id")',
    )
    made = ('op.create_table(\n        "' + table + '",', *(f"    {one}," for one in columns), ")")
    index = f'op.create_index("ix_{table}_name", "{table}", ["name"])'
    return Body(f"make {table}", (*made, index), (f'op.drop_index("ix_{table}_name", "{table}")', f'op.drop_table("{table}")'))  # fmt: skip


def _extend(table: str, number: int) -> Body:
    added = (
        f'op.add_column("{table}", sa.Column("note", sa.Text()))',
        f'op.add_column("{table}", sa.Column("amount", sa.Numeric(10, 2), server_default="0", nullable=False))',
        f'op.create_index("ix_{table}_parent", "{table}", ["parent_id"])',
        f'op.execute("update {table} set note = name where note is null")',
    )
    taken = (
        f'op.drop_index("ix_{table}_parent", "{table}")',
        f'op.drop_column("{table}", "amount")',
        f'op.drop_column("{table}", "note")',
    )
    return Body(f"extend {table}", added, taken)


def _tighten(table: str, number: int) -> Body:
    done = (
        f'op.create_check_constraint("ck_{table}_amount", "{table}", "amount >= 0")',
        f'op.alter_column("{table}", "name", type_=sa.String(200), existing_type=sa.String(80), existing_nullable=False)',
        f'op.create_unique_constraint("uq_{table}_name", "{table}", ["name", "parent_id"])',
    )
    undone = (
        f'op.drop_constraint("uq_{table}_name", "{table}")',
        f'op.alter_column("{table}", "name", type_=sa.String(80), existing_type=sa.String(200), existing_nullable=False)',
        f'op.drop_constraint("ck_{table}_amount", "{table}")',
    )
    return Body(f"tighten {table}", done, undone)


def observed(folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The revisions of the observed histories: a name and its statements, in the order of the file."""
    found: dict[str, list[str]] = {}
    for line in (folder / OBSERVED).read_text().splitlines():
        given = json.loads(line)
        found.setdefault(given["source"].rpartition("#")[0], []).append(given["sql"])
    yield from ((name, tuple(statements)) for name, statements in found.items())


async def runnable(
    connection: Connection[Record], revisions: Iterable[tuple[str, tuple[str, ...]]], count: int
) -> tuple[Body, ...]:
    """The first `count` revisions of which something runs after those before them; only half of each history is given."""
    found: list[Body] = []
    for name, statements in revisions:
        kept = [sql for sql in statements if await _runs(connection, sql)]
        if kept and len(found) < count:
            found.append(
                Body(name.replace("\\", ""), tuple(f"op.execute(sa.text({_escaped(sql)!r}))" for sql in kept), ())
            )
    return tuple(found)


def _escaped(sql: str) -> str:
    """For sa.text(), which reads `:name`."""
    return sql.replace("\\", "\\\\").replace(":", "\\:")


async def _runs(connection: Connection[Record], sql: str) -> bool:
    try:
        await connection.execute(sql)
    except asyncpg.PostgresError:
        return False
    return True
