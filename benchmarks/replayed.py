"""The statements of real Alembic histories, carried out again revision by revision: what was seen, and what was predicted of each.

A line of the truth says of one statement what a replay was seen to do: `events` (rewrite, scan, fk_scan, index_build; of what stood before),
`held` (locks from ShareLock on that were held on what stood before when it ended), `expect` ("violation" where both are there).
`source` is `history@revision#number`. Where a transaction ended in the midst of a revision the truth does not say: it is taken from what
Postgres runs outside of transactions only, and from locks that are held no longer.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from mcp_server.model.action import Action
from mcp_server.model.lock import Lock, strongest
from mcp_server.model.observation import Effect, Observed
from mcp_server.model.schema import Index, Schema, Table, View
from mcp_server.model.walked import Environment, Migration
from mcp_server.operations.walking import actions_of, statements_of
from mcp_server.planning.prediction import predict
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.observer import observe, runs_alone
from mcp_server.world.sandbox import Sandboxes

if TYPE_CHECKING:
    from asyncpg import Connection, Record

SOURCE = re.compile(r"(.+)@(.+)#(\d+)\Z")
PARAMETER = re.compile(r"%\(\w+\)s")
IN_PUBLIC = "public."


@dataclass(frozen=True)
class Told:
    """A statement and what the truth says of it. rewrites, builds, scans: tables without their schema, of what stood before.

    keys: foreign keys that were verified. held: blocking locks by relation. is_hazard: slow work while a blocking lock is held.
    """

    source: str
    history: str
    revision: str
    sql: str
    is_hazard: bool
    held: dict[str, str]
    rewrites: frozenset[str]
    builds: frozenset[str]
    scans: frozenset[str]
    keys: frozenset[str]


@dataclass(frozen=True)
class Compared:
    """A statement: told, seen and predicted. seen: None when Postgres refused it, `refusal` says why.

    predicted: on tables without rows, of what stood before its transaction; its locks are those held when it ends. None when not asked.
    """

    told: Told
    seen: Observed | None
    predicted: Effect | None
    refusal: str = ""


@dataclass(frozen=True)
class Replayed:
    """A revision as it was carried out. migration: what the rules judge."""

    history: str
    revision: str
    statements: tuple[Compared, ...]
    migration: Migration

    @property
    def refusals(self) -> tuple[Compared, ...]:
        return tuple(one for one in self.statements if one.refusal)


def read_truth(path: Path) -> tuple[Told, ...]:
    """Every line, in the order of the file."""
    return tuple(_told(json.loads(line)) for line in path.read_text("utf-8").splitlines())


def _told(line: dict[str, Any]) -> Told:
    found, labels = SOURCE.match(line["source"]), line["labels"]
    assert found is not None

    def of(kind: str, place: int) -> frozenset[str]:
        return frozenset(event[place] for event in labels["events"] if event[0] == kind)

    return Told(
        source=line["source"],
        history=found[1],
        revision=found[2],
        sql=PARAMETER.sub("null", line["sql"]),
        is_hazard=labels["expect"] == "violation",
        held=labels["held"],
        rewrites=of("rewrite", 1),
        builds=of("index_build", 2),
        scans=of("scan", 1),
        keys=of("fk_scan", 1),
    )


def by_history(told: Iterable[Told]) -> Iterator[tuple[str, tuple[tuple[Told, ...], ...]]]:
    """Each history with its revisions, in their order."""
    for history, lines in groupby(told, key=lambda one: one.history):
        yield history, tuple(tuple(part) for _, part in groupby(lines, key=lambda one: one.revision))


def script_of(lines: Sequence[Told]) -> tuple[str, ...]:
    """The statements of a revision with the BEGIN and COMMIT that Alembic sends."""
    script: list[str] = []
    is_open = False
    held: set[str] = set()
    for line in lines:
        alone = runs_alone(line.sql)
        gone = bool(held - line.held.keys()) and not _drops(line.sql)
        if is_open and (alone or gone):
            script.append("commit")
            is_open = False
        if not is_open and not alone:
            script.append("begin")
            is_open = True
        script.append(line.sql)
        held = set(line.held)
    return (*script, "commit") if is_open else tuple(script)


def _drops(sql: str) -> bool:
    """Whether a lock may have gone with what it was on."""
    return any(action.verb.startswith(("drop table", "drop view")) for action in actions_of(sql))


async def replay(
    sandboxes: Sandboxes, revisions: Iterable[Sequence[Told]], *, predicting: bool = True
) -> AsyncIterator[Replayed]:
    """One history on a database of its own. For predictions a second one goes ahead, statement by statement, and is read before each."""
    async with sandboxes.lend() as watched, sandboxes.lend() as ahead:
        connection, second, scout = [await connect(one.url) for one in (watched, watched, ahead)]
        try:
            before = await read_schema(connection)
            for lines in revisions:
                predictions = await _predictions(scout, lines) if predicting else {}
                observed, refused = await _observed(connection, second, lines)
                after = await read_schema(connection)
                yield _replayed(lines, predictions, observed, refused, (before, after), sandboxes.server_version)
                before = after
        finally:
            for one in (connection, second, scout):
                await one.close()


async def _observed(
    connection: Connection[Record], second: Connection[Record], lines: Sequence[Told]
) -> tuple[dict[str, Observed], dict[str, str]]:
    """What was seen, and why statements were refused, by source. What is refused is left out, and the rest tried again."""
    refused: dict[str, str] = {}
    done = 0
    seen: dict[str, Observed] = {}
    left = list(lines)
    while left:
        found = await observe(connection, second, script_of(left))
        failed = bool(found and found[-1].error)
        whole = found[:-1] if failed else found
        kept = _committed(whole, found[-1] if failed else None)
        number = done
        for line, one in zip(left, kept, strict=False):
            seen[line.source] = replace(one, transaction=one.transaction + number)
        done = max((one.transaction for one in seen.values()), default=0)
        if not failed:
            break
        bad = left[len(whole)]
        refused[bad.source] = found[-1].error
        left = [line for line in left[len(kept) :] if line is not bad]
    return seen, refused


def _committed(ran: Sequence[Observed], failed: Observed | None) -> Sequence[Observed]:
    """Those whose transaction was over before the refused one began its own."""
    if failed is None:
        return ran
    return [one for one in ran if one.transaction != failed.transaction]


@dataclass
class Standing:
    """Names of tables, views and indexes at a point of a revision -> their names when its transaction began; without what that made."""

    origin: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, schema: Schema) -> Standing:
        return cls({one.identity: one.identity for kind in (Table, View, Index) for one in schema.all(kind)})

    def follow(self, actions: Iterable[Action], schema: Schema) -> None:
        """Names that the actions change or take away."""
        for action in actions:
            name = _identity(schema, action.relation)
            if action.verb in ("rename table", "rename view") and name in self.origin:
                self.origin[f"{name.rpartition('.')[0]}.{action.new_name}"] = self.origin.pop(name)
            elif action.verb in ("drop table", "drop view", "drop materialized view"):
                self.origin.pop(name, None)

    def names(self, relations: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(self.origin[one] for one in relations if one in self.origin))


def _identity(schema: Schema, name: str) -> str:
    return name if schema.group(name) else f"{IN_PUBLIC}{name}"


async def _predictions(scout: Connection[Record], lines: Sequence[Told]) -> dict[str, Effect]:
    """What is predicted of each statement by its source, on the Schema right before it; locks last until the transaction ends."""
    found: dict[str, Effect] = {}
    standing, held = Standing(), list[Lock]()
    script = iter(script_of(lines))
    by_sql = iter(lines)
    for sql in script:
        if sql == "commit":
            continue
        schema = await read_schema(scout)
        if sql == "begin" or runs_alone(sql):
            standing, held = Standing.of(schema), []
        if sql == "begin":
            continue
        line, actions = next(by_sql), actions_of(sql)
        effect = predict(actions, schema, schema.server_version, rows=False)
        held += [
            Lock(standing.origin[one.relation], one.mode) for one in effect.locks if one.relation in standing.origin
        ]
        found[line.source] = Effect(strongest(held), *_worked(effect, standing, schema))
        standing.follow(actions, schema)
        await _go_ahead(scout, sql)
    return found


def _worked(effect: Effect, standing: Standing, schema: Schema) -> tuple[tuple[str, ...], ...]:
    return tuple(standing.names(names) for names in (effect.rewrites, effect.scans, effect.builds))


async def _go_ahead(scout: Connection[Record], sql: str) -> None:
    """Carry a statement out; one that is refused here is refused, and told, where it is watched."""
    try:
        if not sql.strip().strip(";"):
            return
        if runs_alone(sql):
            await scout.execute(sql)
        else:
            async with scout.transaction():
                await scout.execute(sql)
    except asyncpg.PostgresError:
        return


def _replayed(
    lines: Sequence[Told],
    predictions: dict[str, Effect],
    observed: dict[str, Observed],
    refused: dict[str, str],
    ends: tuple[Schema, Schema],
    server_version: int,
) -> Replayed:
    seen = [replace(observed[line.source], place=line.source) for line in lines if line.source in observed]
    migration = Migration(
        lines[0].revision, statements_of(seen, ends[0]), ends[0], ends[1], server_version,
        environment=Environment(is_alembic=True, transaction_per_migration=True, has_lock_timeout=True),
    )  # fmt: skip
    compared = tuple(
        Compared(line, observed.get(line.source), predictions.get(line.source), refused.get(line.source, ""))
        for line in lines
    )
    return Replayed(lines[0].history, lines[0].revision, compared, migration)
