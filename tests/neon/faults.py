"""Seeded runs against an API that fails: what is done to branches comes to its end or to a named error, and nothing is left.

`python -m tests.neon.faults 200 1000` runs 200 of them, from seed 1000 on, and tells what each came to.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mcp_server.door import Door, contract_of
from mcp_server.errors import ArchitectError
from mcp_server.operations import OPERATIONS
from mcp_server.world.branch_making import branch_ground
from mcp_server.world.workspace import Settings, Workspace
from tests.neon.api import KEY, NeonApi, moment, serving

FAULTS = (423, 429, 500, 503, "drop", "late", "stall")
STEPS = 5
PASSWORD = "npg_Seeded4Faults"
OTHERS = {"main", "staging", "alice"}


async def seeded_run(seed: int) -> Counter[str]:
    """One run; -> how its steps ended. Raises AssertionError for what must not be."""
    chance = random.Random(seed)
    api = NeonApi(lambda branch: f"{branch}.neon.example", _url, limit=30)
    api.stall = 0.25
    staging = api.add("staging", parent=api.main, protected=True)
    alice = api.add("alice", parent=api.main)
    with tempfile.TemporaryDirectory() as folder, serving(api) as address:
        settings = Settings(
            Path(folder), database_url=_url(api.main), cache=Path(folder), neon_key=KEY, neon_address=address, neon_timeout=0.15
        )  # fmt: skip
        workspace = Workspace(settings)
        api.faults = [chance.choice(FAULTS) if chance.random() < 0.4 else 0 for _ in range(2_000)]
        ended = Counter[str]()
        for _ in range(STEPS):
            ended[await _step(workspace, api, chance)] += 1
        api.faults = []
        await _said(workspace, "sweep")
        for one in api.branches.values():
            if one["name"].startswith("dbarch-") and "expires_at" in one:
                one["expires_at"] = moment(days=-1)
        said = await _said(workspace, "sweep")
        assert {one["name"] for one in api.branches.values()} == OTHERS, (seed, said, api.calls[-20:])
        for kept in (staging, alice, api.main):
            touched = [call for call in api.calls if kept in call and not call.startswith("GET")]
            assert not touched, (seed, touched)
        await workspace.close()
        return ended


def _url(branch: str) -> str:
    return f"postgresql://app:{PASSWORD}@{branch}.neon.example/neondb"


async def _step(workspace: Workspace, api: NeonApi, chance: random.Random) -> str:
    """Something that people do; -> "done" or the error's name."""
    ours = [one["name"] for one in api.branches.values() if one["name"].startswith("dbarch-")]
    name = chance.choice(ours or ["nowhere"])
    steps: list[Callable[[], Awaitable[str]]] = [
        lambda: _said(workspace, "create", name=f"n{chance.randrange(6)}"),
        lambda: _said(workspace, "create", name=f"m{chance.randrange(6)}", masks={"users.email": "anon.fake_email()"}),
        lambda: _said(workspace, "list"),
        lambda: _said(workspace, "delete", name=name),
        lambda: _said(workspace, "reset", name=name),
        lambda: _said(workspace, "restore", name=name, at="0/1A2B3C"),
        lambda: _said(workspace, "sweep"),
        lambda: _fresh(workspace, fails=chance.random() < 0.5),
    ]
    ended = "done"
    try:
        said = await chance.choice(steps)()
    except ArchitectError as error:
        said, ended = str(error), type(error).__name__
    assert said.strip(), "an error without words"
    assert KEY not in said, said
    assert PASSWORD not in said, said
    return ended


async def _said(workspace: Workspace, action: str, **given: Any) -> str:
    """What an agent reads."""
    door = Door(workspace)
    contract = contract_of(next(one for one in OPERATIONS if one.name == "manage_branch"))
    return door.say(await door.carry_out(contract, {"action": action, **given}), as_json=False)


async def _fresh(workspace: Workspace, *, fails: bool) -> str:
    """Work on a fresh branch, which may fail."""
    async with branch_ground(workspace, "branch") as ground:
        if fails:
            raise ArchitectError("The work failed.")
    return ground.left or "the fresh branch is gone"


async def _runs(count: int, first: int) -> None:
    ended = Counter[str]()
    for seed in range(first, first + count):
        ended += await seeded_run(seed)
        sys.stdout.write(f"\r{seed - first + 1} of {count}: {dict(ended)}")
        sys.stdout.flush()
    sys.stdout.write(f"\n{count} runs, nothing left, nothing told: {dict(ended)}\n")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    asyncio.run(_runs(*(given or [200, 0])[:1], *(given[1:2] or [0])))
