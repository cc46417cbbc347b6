"""The benchmark of replayed histories: transactions, refusals, and names that change on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.replay_truth import differences, judged, row
from benchmarks.replayed import Replayed, Told, by_history, read_truth, replay, script_of
from mcp_server.world.sandbox import Sandboxes

pytestmark = pytest.mark.anyio

TABLE = "public.task"


def line(place: str, sql: str, *events: list[str], **held: str) -> dict[str, Any]:
    """A line of the truth. place: revision#number."""
    kept = {f"public.{name}": mode for name, mode in held.items()}
    labels = {"expect": "violation" if events and held else "ok", "events": list(events), "held": kept}
    return {"source": f"someone/project:versions@{place}", "sql": sql, "labels": labels}


HISTORY = (
    line("a1#0", "create table task (id bigint primary key, title text)"),
    line("b2#1", "alter table task add column due date", task="AccessExclusiveLock"),
    line("b2#2", "create index concurrently task_due on task (due)", ["index_build", "task_due", "task"]),
    line("c3#3", "alter table missing add column x int", missing="AccessExclusiveLock"),
    line("c3#4", "create index task_title on task (title)", ["index_build", "task_title", "task"], task="ShareLock"),
    line("d4#5", "alter table task rename to job", task="AccessExclusiveLock"),
    line("d4#6", "create index job_id on job (id, title)", ["index_build", "job_id", "job"], task="AccessExclusiveLock"),
)  # fmt: skip


@pytest.fixture
def told(tmp_path: Path) -> tuple[Told, ...]:
    path = tmp_path / "truth.jsonl"
    path.write_text("\n".join(map(json.dumps, HISTORY)))
    return read_truth(path)


async def replayed(sandboxes: Sandboxes, told: tuple[Told, ...]) -> dict[str, Replayed]:
    ((_, revisions),) = by_history(told)
    return {one.revision: one async for one in replay(sandboxes, revisions)}


def test_what_runs_outside_of_transactions_ends_the_one_before(told: tuple[Told, ...]) -> None:
    assert script_of(told[1:3]) == ("begin", told[1].sql, "commit", told[2].sql)


def test_a_lock_that_is_held_no_longer_shows_where_a_transaction_ended(told: tuple[Told, ...]) -> None:
    assert script_of((told[1], told[0])) == ("begin", told[1].sql, "commit", "begin", told[0].sql, "commit")


async def test_a_refused_statement_is_named_and_the_rest_of_its_revision_is_carried_out(
    sandboxes: Sandboxes, told: tuple[Told, ...]
) -> None:
    revision = (await replayed(sandboxes, told))["c3"]
    assert [one.told.source.rpartition("#")[2] for one in revision.refusals] == ["3"]
    assert "missing" in revision.refusals[0].refusal
    one = await judged(revision)
    assert (one.given, one.fresh, one.found) == (True, True, True)


async def test_a_table_keeps_the_name_that_it_had_when_its_transaction_began(
    sandboxes: Sandboxes, told: tuple[Told, ...]
) -> None:
    revision = (await replayed(sandboxes, told))["d4"]
    index = revision.statements[1]
    assert index.seen is not None
    assert index.predicted is not None
    assert index.seen.effect.builds == index.predicted.builds == (TABLE,)
    assert [one.partition(" ")[0] for one in differences(index)] == ["observed"]  # the truth knows the new name


async def test_recall_and_precision_are_counted_by_revision(sandboxes: Sandboxes, told: tuple[Told, ...]) -> None:
    every = [await judged(one) for one in (await replayed(sandboxes, told)).values()]
    assert row("project", every).startswith(
        "| project | 4 | 2/2 (100.0%) | 2/2 (100.0%) | 2/2 (100.0%) | 2/2 (100.0%) |"
    )
