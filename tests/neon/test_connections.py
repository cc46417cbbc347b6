"""Connections survive a compute that sleeps, wakes slowly or breaks off, and say the next step where they cannot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from mcp_server.door import Door, contract_of
from mcp_server.errors import ConfigError, ConnectionFailed, DatabaseError, TimedOut, Unavailable
from mcp_server.operations import OPERATIONS
from mcp_server.world.database import connect, read_only, translating
from mcp_server.world.patience import NEON, Patience
from mcp_server.world.workspace import Settings, Workspace
from tests.neon.ground import PROJECT, Ground
from tests.neon.proxy import NO_COMPUTE, STEPS, UNKNOWN, Fault

pytestmark = pytest.mark.anyio

SOON = Patience(tries=4, whole=30.0, first=0.01)
LATE = [step for step in STEPS if step != "ready"]
CONTROL_PLANE = "Control plane request failed: "


async def answered(neon: Ground, patience: Patience = SOON, **options: Any) -> object:
    connection = await connect(neon.url(), patience=patience, **options)
    try:
        return await connection.fetchval("select 40 + 2")
    finally:
        await connection.close()


@pytest.mark.parametrize("step", LATE)
async def test_a_socket_that_drops_in_the_handshake_is_tried_again(neon: Ground, step: str) -> None:
    neon.proxy.faults.extend((Fault(step), Fault(step)))
    assert await answered(neon) == 42
    assert neon.proxy.accepted == 3


@pytest.mark.parametrize("step", LATE)
async def test_a_server_that_falls_silent_in_the_handshake_is_tried_again(neon: Ground, step: str) -> None:
    neon.proxy.faults.append(Fault(step, "stall"))
    assert await answered(neon, timeout=1.0) == 42


@pytest.mark.parametrize("words", [NO_COMPUTE, "Too many connections to this endpoint. Please try again later.",
    "Failed to acquire permit to connect to the database. Too many database connection attempts are currently ongoing.",
])  # fmt: skip
async def test_a_refused_wake_is_tried_again(neon: Ground, words: str) -> None:
    neon.proxy.faults.append(Fault("woken", words))
    assert await answered(neon) == 42


async def test_a_wake_that_outlasts_one_try_is_waited_for(neon: Ground) -> None:
    await neon.suspend()
    neon.compute.wake_seconds = 1.5
    assert await answered(neon, timeout=0.6) == 42
    assert neon.proxy.accepted >= 2


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (f"{CONTROL_PLANE}endpoint is disabled", "Enable the compute"),
        (f"{CONTROL_PLANE}endpoint is temporarily unavailable. Check your quotas and/or contact our support.", "quota"),
        ("Your account or project has exceeded the compute time quota. Upgrade your plan to increase limits.", "quota"),
        (UNKNOWN, "does not exist"),
        ("This IP address 10.1.2.3 is not allowed to connect to this endpoint.", "allow list"),
    ],
)  # fmt: skip
async def test_what_will_not_pass_is_said_at_once_with_the_next_step(neon: Ground, words: str, hint: str) -> None:
    neon.compute.refusal = words
    with pytest.raises(ConnectionFailed) as caught:
        await answered(neon)
    assert words.rstrip(".") in caught.value.message
    assert hint in caught.value.hint
    assert neon.proxy.accepted == 1


async def test_a_wrong_password_is_said_at_once_and_not_told(neon: Ground) -> None:
    with pytest.raises(ConnectionFailed, match="password authentication failed") as caught:
        await connect(neon.url().replace(neon.password, "geheim"), patience=SOON)
    assert "password" in caught.value.hint
    assert "geheim" not in str(caught.value)
    assert neon.proxy.accepted == 1


@pytest.mark.parametrize(
    ("query", "words", "hint"),
    [
        ("dbname=absent", 'database "absent" does not exist', "Check the database name"),
        ("options=endpoint%3Dep-other", "Inconsistent project name", "Remove `options=endpoint"),
    ],
)
async def test_a_url_that_names_the_wrong_thing_says_which(neon: Ground, query: str, words: str, hint: str) -> None:
    with pytest.raises(ConnectionFailed, match=words) as caught:
        await connect(neon.url(query=query), patience=SOON)
    assert hint in caught.value.hint
    assert neon.proxy.accepted == 1


async def test_neon_without_tls_is_refused_before_anything_is_sent(neon: Ground) -> None:
    with pytest.raises(ConfigError, match="sslmode=disable"):
        await connect(neon.url(query="sslmode=disable"))
    assert neon.proxy.accepted == 0


async def test_a_compute_that_never_comes_up_is_given_up_with_what_was_tried(neon: Ground) -> None:
    neon.compute.refusal = NO_COMPUTE
    with pytest.raises(ConnectionFailed, match=r"Couldn't connect to compute node\. Tried 4 times in \d+ s") as caught:
        await answered(neon)
    assert not isinstance(caught.value, Unavailable)
    assert "look at its state and limits in the Neon console" in caught.value.hint
    neon.compute.refusal, neon.compute.is_stalled = "", True
    with pytest.raises(TimedOut, match=rf"connecting to .*{PROJECT}.*Tried 2 times") as late:
        await answered(neon, Patience(tries=2, whole=30.0, first=0.01), timeout=0.3)
    assert neon.password not in f"{caught.value} {late.value}"


def test_the_usual_patience_outlasts_the_slowest_wake() -> None:
    assert NEON.whole > 25
    assert all(NEON.pause(tries) <= NEON.longest for tries in range(1, NEON.tries))
    assert len({NEON.pause(2) for _ in range(20)}) > 1


async def test_a_pooler_that_restarts_is_waited_for(neon: Ground) -> None:
    connection = await connect(neon.url(pooled=True), pooled=True)
    neon.pooler.stop()
    with pytest.raises(Unavailable), translating():
        await connection.fetchval("select 1")
    with pytest.raises(ConnectionFailed, match="Tried 4 times"):
        await connect(neon.url(pooled=True), pooled=True, patience=SOON)
    await neon.pooler.start()
    again = await connect(neon.url(pooled=True), pooled=True, patience=SOON)
    assert await again.fetchval("select 1") == 1
    await again.close()


@pytest.mark.parametrize("abruptly", [False, True])
@pytest.mark.parametrize("pooled", [False, True])
async def test_a_suspend_under_a_session_is_told_as_that_and_undoes_its_transaction(
    neon: Ground, pooled: bool, abruptly: bool
) -> None:
    connection = await connect(neon.url(pooled=pooled), pooled=pooled)
    await connection.execute("create table kept (id int)")
    await connection.execute("begin")
    await connection.execute("insert into kept values (1)")
    await neon.suspend(abruptly=abruptly)
    with pytest.raises(Unavailable) as caught, translating():
        await connection.execute("insert into kept values (2)")
    assert "try again" in caught.value.hint
    assert await neon.ask("select count(*) from kept") == 0


async def test_guards_are_in_force_though_the_proxy_drops_start_up_parameters(neon: Ground) -> None:
    connection = await connect(neon.url())
    async with read_only(connection, statement_timeout_ms=4_000, lock_timeout_ms=700) as guarded:
        shown = [
            await guarded.fetchval(f"show {name}")
            for name in ("statement_timeout", "lock_timeout", "transaction_read_only")
        ]
    assert shown == ["4s", "700ms", "on"]
    assert await connection.fetchval("show statement_timeout") == "0"
    await connection.close()


@pytest.fixture
async def door(neon: Ground, tmp_path: Path) -> Any:
    workspace = Workspace(Settings(tmp_path, database_url=neon.url(pooled=True), cache=tmp_path))
    yield Door(workspace)
    await workspace.close()


async def read_rows(door: Door, sql: str = "select 40 + 2 as answer") -> str:
    contract = contract_of(next(one for one in OPERATIONS if one.name == "query_database"))
    return door.say(await door.carry_out(contract, {"sql": sql}), as_json=False)


@pytest.mark.parametrize("abruptly", [False, True])
async def test_what_only_reads_is_read_again_when_the_compute_had_fallen_asleep(
    neon: Ground, door: Door, abruptly: bool
) -> None:
    assert "42" in await read_rows(door)
    await neon.suspend(abruptly=abruptly)
    assert "42" in await read_rows(door)
    assert not neon.compute.is_asleep


async def test_a_statement_that_meets_the_suspend_is_read_once_more(neon: Ground, door: Door) -> None:
    await neon.ask("create table busy as select 42 as answer")
    await neon.ask(f"alter table busy owner to {neon.role}")
    holder = await connect(neon.sandbox)
    await holder.execute("begin; lock table busy")
    reading = asyncio.create_task(read_rows(door, "select answer from busy"))
    while not await neon.ask("select count(*) from pg_locks where not granted"):
        pass
    await neon.suspend()
    assert "42" in await reading
    holder.terminate()


async def test_nothing_of_ours_wakes_a_compute_or_keeps_it_awake(neon: Ground, door: Door) -> None:
    await read_rows(door)
    await neon.suspend()
    accepted = neon.proxy.accepted
    door.workspace.ledger.runs()
    await door.workspace.close()
    assert neon.proxy.accepted == accepted
    assert neon.compute.is_asleep


async def test_a_failure_of_the_way_is_one_of_ours_whatever_the_driver_calls_it(neon: Ground) -> None:
    connection = await connect(neon.url())
    await neon.suspend(abruptly=True)
    for _ in range(2):
        with pytest.raises(DatabaseError), translating():
            await connection.fetchval("select 1")
    with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresError, OSError)):
        await connection.fetchval("select 1")
