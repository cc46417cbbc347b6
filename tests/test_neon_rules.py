"""Every rule for the use of Neon: what breaks there is found, what is right there and what is nearly wrong is silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_server.errors import Refused
from mcp_server.model.branch import Branch, Endpoint, Plan
from mcp_server.model.neon_use import NeonUse
from mcp_server.operations.health import check_health
from mcp_server.rules import judge, rules
from mcp_server.world.code import read_code
from mcp_server.world.health import read_health
from mcp_server.world.neon_use import read_neon_use
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.examples import lay_out
from tests.neon.api import KEY, NeonApi, serving
from tests.opened import copy_history, open_project

ENGINE = """
import os
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(os.environ["DATABASE_URL"]{more})
"""
GOOD = ', pool_pre_ping=True, pool_recycle=240, connect_args={"statement_cache_size": 0}'
POLLING = """
import asyncio
from sqlalchemy.ext.asyncio import AsyncSession

async def watch(session: AsyncSession):
    while True:
        await session.execute("select 1")
        await asyncio.sleep({seconds})
"""
COMPUTE = Endpoint("ep-a", "ep-a.neon.tech", "br-main", smallest=0.25, largest=2)
MAIN = Branch("br-main", "main", default=True, protected=True)
WELL = NeonUse(
    role="app", max_connections=104, up_days=9, endpoint=COMPUTE, branch=MAIN,
    plan=Plan("scale_v3", 5_000, 604_800), hosts=("ep-a.neon.tech",),
)  # fmt: skip
POOLED = {"pooled": True}


def engine(more: str = GOOD) -> str:
    return ENGINE.format(more=more)


def sending(sql: str) -> str:
    return f'{engine()}\n\nasync def work(session):\n    await session.execute(text("{sql}"))\n'


CASES: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    # code: bad, good, near miss
    "H901": ((engine(", pool_pre_ping=True, pool_recycle=240"), POOLED), (engine(), POOLED), (engine(", pool_pre_ping=True, pool_recycle=240"), {})),
    "H902": ((engine(', pool_recycle=600, connect_args={"statement_cache_size": 0}'), {}), (engine(), {}), (engine(", poolclass=NullPool"), {})),
    "H903": ((sending("SET statement_timeout = 1000"), POOLED), (sending("select pg_advisory_xact_lock(1)"), POOLED), (sending("set local lock_timeout = '1s'"), POOLED)),
    "H904": ((engine(GOOD[:-1] + ', "server_settings": {"statement_timeout": "5000", "application_name": "x"}}'), {}), (engine(), {}), (engine(GOOD[:-1] + ', "server_settings": {"application_name": "shop"}}'), {})),
    "H905": ((engine(f"{GOOD}, pool_size=20"), {"workers": 4}), (engine(f"{GOOD}, pool_size=20"), {"workers": 4, "pooled": True}), (engine(f"{GOOD}, pool_size=20, max_overflow=4"), {"workers": 4})),
    "H906": (("", {"bypasses_row_security": True, "row_security_tables": 2}), ("", {"row_security_tables": 2}), ("", {"bypasses_row_security": True})),
    "H907": (("", {"up_days": 0.01}), ("", {}), ("", {"up_days": 0.01, "endpoint": replace(COMPUTE, suspends=-1)})),
    "H908": ((POLLING.format(seconds=30), {}), (POLLING.format(seconds=600), {}), (POLLING.format(seconds=30), {"endpoint": replace(COMPUTE, suspends=-1)})),
    "H909": (("", {"plan": Plan("free_v3", 10, 21_600)}), ("", {}), ("", {"plan": Plan("launch", 10, 86_400)})),
    "H910": (("", {"branch": replace(MAIN, protected=False)}), ("", {}), ("", {"branch": replace(MAIN, protected=False), "plan": Plan("free_v3", 10, 86_400)})),
    "H911": (("", {"replicas": ("ep-b.neon.tech",)}), ("", {}), ("", {"replicas": ("ep-b.neon.tech",), "hosts": ("ep-b-pooler.neon.tech",)})),
    "H912": (("", {"pooled": True, "migrations": "migrations/env.py", "migrations_text": "url = os.environ['DATABASE_URL']"}), ("", {"pooled": True, "migrations": "migrations/env.py", "migrations_text": "url.replace('-pooler.', '.')"}), ("", {"migrations": "migrations/env.py"})),
}  # fmt: skip


@pytest.fixture
def found(tmp_path: Path) -> Callable[[str, dict[str, Any]], set[str]]:
    """The codes of what is found in a project of one file."""

    def of(text: str, changes: dict[str, Any]) -> set[str]:
        for path in tmp_path.rglob("*.py"):
            path.unlink()
        code = read_code(lay_out(tmp_path, text)) if text else WELL.code
        return {one.code for one in judge(replace(WELL, code=code, **changes)).findings}

    return of


@pytest.mark.parametrize("code", CASES)
def test_bad_is_found_and_good_and_nearly_bad_are_silent(
    code: str, found: Callable[[str, dict[str, Any]], set[str]]
) -> None:
    bad, good, near = CASES[code]
    assert found(*bad) == {code}
    assert found(*good) == set()
    assert code not in found(*near)


def test_a_pool_that_looks_before_it_lends_only_loses_an_attempt(tmp_path: Path) -> None:
    code = read_code(lay_out(tmp_path, engine(', pool_pre_ping=True, connect_args={"statement_cache_size": 0}')))
    (finding,) = judge(replace(WELL, code=code)).findings
    assert (finding.code, finding.severity, finding.fix) == ("H902", "info", "pool_recycle=240")


def test_every_rule_for_neon_has_its_cases_and_says_what_to_do() -> None:
    own = [one for one in rules() if one.subject == "NeonUse"]
    assert {one.rule.code for one in own} == set(CASES)
    assert all("https://" in one.page for one in own)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("select pg_advisory_lock(1)", "an advisory lock"),
        ("listen jobs", "LISTEN"),
        ("select set_config('app.user', :user, false)", "SET"),
        ("select set_config('app.user', :user, true)", ""),
        ("prepare p as select 1", "PREPARE"),
        ("create temp table t (id int)", "a temporary table"),
        ("create temp table t (id int) on commit drop", ""),
        ("select 'set'", ""),
        ("set transaction read only", ""),
    ],
)
def test_what_belongs_to_a_session_is_named(sql: str, word: str, tmp_path: Path) -> None:
    code = read_code(lay_out(tmp_path, sending(sql)))
    subjects = [one.subject for one in judge(replace(WELL, code=code, pooled=True)).findings]
    assert subjects == ([word] if word else [])


@pytest.mark.anyio
async def test_the_check_reads_the_projects_files_its_server_and_the_api(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    root = copy_history(tmp_path)
    (root / "db.py").write_text(engine(f"{GOOD}, pool_size=50"))
    (root / "Dockerfile").write_text("FROM python:3.12\nCMD uvicorn app:app --workers 4\n")
    api = NeonApi(lambda _: "127.0.0.1", lambda _: database.url)
    with serving(api) as address:
        workspace = open_project(
            root, sandboxes, database_url=database.url, cache=tmp_path, neon_key=KEY, neon_address=address
        )
        answer = await check_health(workspace, ("neon",))
        use, unread = await read_neon_use(workspace, await read_health(await workspace.live()))
        await (await workspace.live()).close()
    assert use is not None
    assert unread == ()
    assert (use.workers, use.workers_at, use.migrations) == (4, "Dockerfile:2", "migrations/env.py")
    assert use.plan == Plan("free_v3", 10, 21_600)
    assert "error H905 " in answer.text
    assert "4 workers may open 240 connections" in answer.text
    assert "info H909" in answer.text


@pytest.mark.anyio
async def test_a_database_elsewhere_is_not_judged_and_that_is_said(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_project(tmp_path, sandboxes, database_url=database.url, cache=tmp_path)
    answer = await check_health(workspace, ("neon",))
    assert "the configured database is not there" in answer.text
    with pytest.raises(Refused, match="There is no check neno"):
        await check_health(workspace, ("neno",))
    await (await workspace.live()).close()
