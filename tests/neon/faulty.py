"""Seeded runs: one piece of work meets one fault of Neon's, and what must hold then is looked at.

Whatever happens: no row stands without its twin of the same transaction, every failure is one of ours with a next step,
no output holds the password, and the same door answers once the fault is gone. A fault that passes must not be seen by
what only reads; one that stays must be named at once.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_server.door import Door, contract_of
from mcp_server.errors import ArchitectError
from mcp_server.operations import OPERATIONS
from mcp_server.world.database import connect, translating
from mcp_server.world.workspace import Settings, Workspace
from tests.neon.ground import PROJECT, Ground
from tests.neon.proxy import NO_COMPUTE, STEPS, Fault

READS = {
    "query_database": {"sql": "select count(*) as found from pair"},
    "inspect_schema": {"source": "live"},
    "check_health": {},
}
QUOTA = (
    "Control plane request failed: endpoint is temporarily unavailable. Check your quotas and/or contact our support."
)
# A fault -> what the answer must say, for those that stay.
STAYING = {
    "wrong password": "password",
    "quota": "quota",
    "endpoint gone": "endpoint does not exist",
    "endpoint disabled": "Enable the compute endpoint",
    "wake refused for good": "Tried",
}
PASSING = ("suspended idle", "slow wake", "wake refused", "socket dropped", "silence")
DURING = ("suspended under a statement", "suspended in a transaction", "pooler restarted")
FAULTS = (*PASSING, *PASSING, *DURING, *STAYING)
# A wake of 1 to 25 seconds, one sixth as slow; a try has two seconds.
SLOWNESS = 6.0
ONE_TRY = 2


@dataclass(frozen=True)
class Run:
    """How one went. ended: "answered", or the kind of our error. problem: what should not be, "" when all is well."""

    seed: int
    fault: str
    work: str
    ended: str
    said: str
    connections: int
    seconds: float
    problem: str = ""


class Bench:
    """One ground for many runs, with a table whose rows come in pairs."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self.ground, self.folder = ground, folder

    async def prepare(self) -> None:
        connection = await connect(self.ground.url())
        await connection.execute("create table pair (id int generated always as identity, run int not null)")
        await connection.close()

    async def run(self, seed: int) -> Run:
        chance = random.Random(seed)
        fault = chance.choice(FAULTS)
        work = "write" if fault in DURING and chance.random() < 0.8 else chance.choice((*READS, "write"))
        work = "write" if fault in ("suspended in a transaction", "pooler restarted") else work
        door = self._door(fault)
        began, before = time.monotonic(), self.ground.proxy.accepted
        try:
            ended, said = await self._meet(door, fault, work, chance, seed)
            problem = await self._judge(door, fault, work, ended, said, seed)
        finally:
            await door.workspace.close()
        accepted = self.ground.proxy.accepted - before
        return Run(seed, fault, work, ended, said, accepted, time.monotonic() - began, problem)

    def _door(self, fault: str) -> Door:
        """As a client has it: the pooled URL of Neon's console."""
        url = self.ground.url(pooled=True) + f"&connect_timeout={ONE_TRY}"
        if fault == "wrong password":
            url = url.replace(self.ground.password, f"{self.ground.password}x")
        return Door(Workspace(Settings(self.folder, database_url=url, cache=self.folder)))

    async def _meet(self, door: Door, fault: str, work: str, chance: random.Random, seed: int) -> tuple[str, str]:
        """-> how the work ended, and what was said."""
        if fault not in STAYING and chance.random() < 0.5:
            await self._read(door, "query_database")  # a session waits on the shelf
        await self._arm(fault, chance)
        try:
            if work in READS:
                doing = self._read(door, work)
                said = await (self._interrupted(doing, chance) if fault in DURING else doing)
            else:
                said = await self._write(door, seed, fault, chance)
        except ArchitectError as error:
            return type(error).__name__, door.harmless(str(error))
        except Exception as error:  # noqa: BLE001 (what this bench is here to find)
            return f"bare {type(error).__name__}", door.harmless(str(error))
        finally:
            await self._heal()
        return "answered", said

    async def _arm(self, fault: str, chance: random.Random) -> None:
        compute, proxy = self.ground.compute, self.ground.proxy
        if fault in (*PASSING, *STAYING):
            await self.ground.suspend(abruptly=chance.random() < 0.5)
            compute.wake_seconds = chance.uniform(0, 0.1)
        times = chance.randint(1, 3)
        match fault:
            case "slow wake":
                compute.wake_seconds = chance.uniform(1, 25) / SLOWNESS
            case "wake refused":
                proxy.faults.extend([Fault("woken", NO_COMPUTE)] * times)
            case "socket dropped":
                proxy.faults.extend(Fault(chance.choice(STEPS)) for _ in range(times))
            case "silence":
                proxy.faults.append(Fault(chance.choice(STEPS[:-1]), "stall"))
            case "quota":
                compute.refusal = QUOTA
            case "endpoint disabled":
                compute.refusal = "Control plane request failed: endpoint is disabled"
            case "wake refused for good":
                compute.refusal = NO_COMPUTE
            case "endpoint gone":
                proxy.computes.clear()

    async def _heal(self) -> None:
        self.ground.proxy.faults.clear()
        self.ground.proxy.computes[PROJECT] = self.ground.compute
        self.ground.compute.refusal, self.ground.compute.wake_seconds = "", 0.0
        if self.ground.pooler.process is None:
            await self.ground.pooler.start()

    async def _read(self, door: Door, work: str) -> str:
        contract = contract_of(next(one for one in OPERATIONS if one.name == work))
        return door.say(await door.carry_out(contract, READS[work]), as_json=False)

    async def _interrupted(self, doing: Any, chance: random.Random, lock: str = "lock table pair") -> str:
        """The compute falls asleep while the statement waits for a lock, or shortly after it was sent."""
        holder = await connect(self.ground.sandbox)
        await holder.execute(f"begin; {lock}")
        task = asyncio.ensure_future(doing)
        waiting = "select count(*) from pg_locks where not granted"
        for _ in range(50):
            if task.done() or await self.ground.ask(waiting):
                break
        await self.ground.suspend(abruptly=chance.random() < 0.5)
        holder.terminate()
        return str(await task)

    async def _write(self, door: Door, seed: int, fault: str, chance: random.Random) -> str:
        """Two rows in one transaction, by the connection that our own writing takes."""
        pooled = fault == "pooler restarted"
        insert = f"insert into pair (run) values ({seed})"
        with translating("writing a pair"):
            connection = await connect(str(door.workspace.settings.database_url), pooled=pooled)
            try:
                async with connection.transaction():
                    await connection.execute(insert)
                    if pooled:
                        self.ground.pooler.stop()
                    elif fault == "suspended in a transaction":
                        await self.ground.suspend(abruptly=chance.random() < 0.5)
                    if fault == "suspended under a statement":
                        lock = "select pg_advisory_xact_lock(1)"
                        await self._interrupted(connection.execute(lock), chance, lock)
                    await connection.execute(insert)
            finally:
                connection.terminate()
        return "wrote a pair"

    async def _judge(self, door: Door, fault: str, work: str, ended: str, said: str, seed: int) -> str:
        """What should not be; "" when all is well."""
        rows = await self.ground.ask(f"select count(*) from pair where run = {seed}")
        if rows not in ((2,) if (work, ended) == ("write", "answered") else (0, 2)):
            return f"{rows} rows of a pair"
        if ended.startswith("bare"):
            return f"not an error of ours: {ended}"
        ledger = door.workspace.ledger.path
        if self.ground.password in said + (ledger.read_text() if ledger.exists() else ""):
            return "the password was told"
        if fault in STAYING and (ended == "answered" or STAYING[fault] not in said):
            return f"it does not say `{STAYING[fault]}`: {said}"
        if fault not in STAYING and work in READS and ended != "answered":
            return f"a fault that passes was seen by a reader: {said}"
        if ended != "answered" and "\n" not in said:
            return f"no next step: {said}"
        if fault != "wrong password" and "found" not in await self._read(door, "query_database"):
            return "the door does not answer any more"
        return ""
