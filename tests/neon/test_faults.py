"""A dozen of the runs that `python -m benchmarks.neon_faults 200` makes two hundred of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.neon.faulty import Bench
from tests.neon.ground import Ground

pytestmark = pytest.mark.anyio

RUNS = int(os.environ.get("DBARCH_FAULTS", "12"))
FIRST = int(os.environ.get("DBARCH_SEED", "7"))


async def test_nothing_is_half_done_nothing_bare_is_raised_and_no_secret_is_told(neon: Ground, tmp_path: Path) -> None:
    bench = Bench(neon, tmp_path)
    await bench.prepare()
    for seed in range(FIRST, FIRST + RUNS):
        run = await bench.run(seed)
        assert run.problem == "", run
