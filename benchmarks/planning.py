"""A change of five tables among a thousand, database at 20 ms a round trip: read, compare, plan and render, beside Alembic's own compare.

    python -m benchmarks.planning [TABLES] [--without-alembic]

"ours, all" takes in whether two texts mean the same, for which the changed tables are made anew twice.

The models are SQLAlchemy tables of eight columns with a foreign key, a unique constraint, a check and two indexes each. Their own
schema is what create_all makes of a sandbox nearby, as `materialise` keeps it; making it is told apart, as it happens once for each
state of the models. Alembic compares the same MetaData with the same database over the same connection.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from benchmarks.delay import delayed
from benchmarks.inspection import address, through
from mcp_server.model.change import Changes
from mcp_server.model.schema import Schema
from mcp_server.operations.equality import differences
from mcp_server.planning import plan
from mcp_server.planning.alike import likely, same_but_for_name
from mcp_server.planning.losses import losses
from mcp_server.planning.target import target_of
from mcp_server.render import alembic
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect, together
from mcp_server.world.sandbox import open_sandboxes
from mcp_server.world.settings import read_settings
from mcp_server.world.shelf import Shelf
from mcp_server.world.workspace import Workspace

ONE_WAY = 10.0
ROUNDS = 5
CHANGED = 5
Times = dict[str, list[tuple[float, float]]]


def models(tables: int, changed: int) -> sa.MetaData:
    """A MetaData; in the last `changed` of its tables a column, a type, a default, an index and a constraint differ."""
    metadata = sa.MetaData()
    for number in range(tables):
        _table(metadata, number, number >= tables - changed)
    return metadata


def _table(metadata: sa.MetaData, number: int, is_changed: bool) -> None:
    more = [sa.Column("note", sa.Text, index=True)] if is_changed else []
    sa.Table(
        f"thing_{number}",
        metadata,
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("owner_id", sa.ForeignKey(f"thing_{number // 2}.id"), index=True),
        sa.Column("name", sa.String(200 if is_changed else 100), nullable=False),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("amount", sa.Numeric(10, 2), server_default="7" if is_changed else "0"),
        sa.Column("made", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("data", sa.JSON),
        sa.Column("done", sa.Boolean, nullable=False),
        *more,
        sa.UniqueConstraint("code", name=f"thing_{number}_code_key"),
        sa.CheckConstraint("amount >= 1" if is_changed else "amount >= 0", name=f"thing_{number}_amount"),
        sa.Index(f"thing_{number}_by_name", "name", "made"),
    )


def create_all(url: str, metadata: sa.MetaData) -> None:
    """What SQLAlchemy makes of a database."""
    engine = _engine(url)
    metadata.create_all(engine, checkfirst=False)
    engine.dispose()


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))


@contextmanager
def timed(times: Times, name: str) -> Iterator[None]:
    """Note the seconds of a block: on the clock, and of this process's processor, which others beside it change less."""
    began, spent = time.perf_counter(), time.process_time()
    yield
    times.setdefault(name, []).append((time.perf_counter() - began, time.process_time() - spent))


async def ours(workspace: Workspace, far: str, near: str, times: Times) -> int:
    """From the database and the models' sandbox to a rendered revision; how many statements it has."""
    with timed(times, "ours, all"):
        with timed(times, "  the database read, far, beside the models' schema, near"):
            before, after = await together(_read(far), _read(near))
        with timed(times, "  compared, planned and rendered"):
            goal = target_of(before, after).schema
            return len(_revision(before, after, goal, await differences(workspace, before, goal)))


async def _read(url: str) -> Schema:
    connection = await connect(url)
    schema = await read_schema(connection)
    list(schema)
    await connection.close()
    return schema


def _revision(before: Schema, after: Schema, goal: Schema, changes: Changes) -> tuple[object, ...]:
    """What a draft asks of two Schemas, and the file."""
    same_but_for_name(before, after)
    made = plan(before, goal, changes)
    losses(before, goal, changes)
    likely(before, goal)
    alembic.render(
        made, revision="b", down_revision="a", message="m", created=datetime(2026, 1, 1), known=(before, goal)
    )
    return made.upgrade


def theirs(far: str, metadata: sa.MetaData, times: Times) -> int:
    """Alembic's compare_metadata; how many differences it finds."""
    engine = _engine(far)
    with timed(times, "Alembic, compare_metadata"), engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        found = compare_metadata(context, metadata)
    engine.dispose()
    return len(found)


async def run(tables: int, with_alembic: bool, cache: Path) -> None:
    """Print the medians, and the ratio."""
    times: Times = {}
    async with AsyncExitStack() as stack:
        sandboxes = await stack.enter_async_context(await open_sandboxes(cache=cache, near_version=180000))
        await sandboxes.start()
        shelf = Shelf(sandboxes={sandboxes.server_version // 10_000: sandboxes})
        workspace = Workspace(replace(read_settings(cache, {}), cache=cache), None, shelf)
        live, near = [await stack.enter_async_context(sandboxes.lend()) for _ in range(2)]
        create_all(live.url, models(tables, 0))
        changed = models(tables, CHANGED)
        with timed(times, "create_all of the models on the sandbox, once"):
            create_all(near.url, changed)
        host, port = await stack.enter_async_context(delayed(address(live.url), ONE_WAY))
        far = through(live.url, host, port)
        for _ in range(ROUNDS):
            steps = await ours(workspace, far, near.url, times)
        print(
            f"{tables} tables, {CHANGED} changed: {steps} statements\n\n| | median s | of ours on the processor | runs |\n|---|---|---|---|"
        )
        _print_medians(times)
        if with_alembic:
            slow: Times = {}
            found = await asyncio.to_thread(theirs, far, changed, slow)
            _print_medians(slow)
            ratio = slow["Alembic, compare_metadata"][0][0] / median(clock for clock, _ in times["ours, all"])
            print(f"\nAlembic finds {found} differences; ratio of the times: {ratio:.0f}")


def _print_medians(times: Times) -> None:
    for name, seconds in times.items():
        clock, processor = (median(column) for column in zip(*seconds, strict=True))
        print(f"| {name} | {clock:.2f} | {processor:.2f} | {len(seconds)} |", flush=True)


if __name__ == "__main__":
    size = next((int(word) for word in sys.argv[1:] if word.isdigit()), 1000)
    with TemporaryDirectory(prefix="dbarch-planning-") as temporary:
        Path(temporary).chmod(0o711)
        asyncio.run(run(size, "--without-alembic" not in sys.argv, Path(temporary)))
