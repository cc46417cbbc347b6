"""Every rule about queries: found on its bad query, silent on the good ones, and gone when its fix is applied."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mcp_server.model.finding import Finding
from mcp_server.rules import Registered, rules
from mcp_server.rules.examples import TASKS
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from tests.bad_queries import PAIRS
from tests.query_ground import Ground, of_plan

pytestmark = pytest.mark.anyio

IN_QUERIES = [one for one in rules() if one.rule.form == "query"]
IN_PLANS = [one for one in rules() if one.rule.form == "plan"]
TEXT = "the text of the query changes, in a way that a person has to choose"
# Why a finding has no fix that could be run as it stands.
UNFIXED = {
    "F103": "there is none, which is what it says",
    "F118": TEXT,
    "F121": TEXT,
    "F112": "CLUSTER stops everybody, so its hour has to be chosen",
    "F113": "the rewrite stops everybody, so its hour has to be chosen",
    "F114": TEXT,
    "F122": TEXT,
    "F125": TEXT,
    "F129": "the page that comes next is the application's to ask for; the paging advice shows how",
    "F131": "whether an estimate will do is for a person to say",
    "F132": "how many rows are wanted is for a person to say",
    "F133": TEXT,
    "F138": TEXT,
    "F139": TEXT,
    "F140": TEXT,
    "F142": TEXT,
    "F143": TEXT,
    "F147": "it is the application that prepares",
    "F148": "a second run has to show whether it stays",
    "F149": "the plan names the constraint and not the columns of the other table",
    "F150": "which index can go, and how much room is left, is for a person to say",
    "F152": "it is over by the time it is seen",
}
# Why a fix is not tried here.
UNTRIED = {"F109": "VACUUM runs in no transaction"}
# What the embedded Postgres lacks: such a rule is cured on a Postgres of the system's that has it.
NEEDS = {"F119": "pg_trgm"}


def named(one: Registered) -> str:
    return f"{one.rule.code}-{one.name}"


@pytest.fixture(scope="module")
async def ground(sandboxes: Sandboxes) -> AsyncIterator[Ground]:
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        await connection.execute("set jit = off; set max_parallel_workers_per_gather = 0")
        yield Ground(connection)
        await connection.close(timeout=5)


def grave(findings: tuple[Finding, ...], code: str) -> set[str]:
    """The codes that count: infos only when the rule in question is one."""
    return {one.code for one in findings if one.severity != "info" or one.code == code}


def skip_unless_for(one: Registered, sandboxes: Sandboxes) -> None:
    if not one.rule.since <= sandboxes.server_version // 10_000 <= one.rule.until:
        pytest.skip("for another Postgres")


async def lacks_extension(one: Registered, ground: Ground) -> bool:
    there = "select exists (select from pg_available_extensions where name = $1)"
    wanted = NEEDS.get(one.rule.code)
    return wanted is not None and not await ground.connection.fetchval(there, wanted)


@pytest.mark.parametrize("one", IN_QUERIES, ids=named)
async def test_a_bad_query_is_found_and_its_fix_cures_it(one: Registered, ground: Ground, sandboxes: Sandboxes) -> None:
    skip_unless_for(one, sandboxes)
    rule = one.rule
    findings = await ground.findings(rule.given, rule.bad)
    assert grave(findings, rule.code) - set(rule.beside) == {rule.code}, findings
    found = next(finding for finding in findings if finding.code == rule.code)
    assert found.message.endswith(".")
    assert found.subject
    assert found.evidence
    assert 0 <= found.gain <= 1
    assert bool(found.fix) == (rule.code not in UNFIXED), "say in UNFIXED why it has no fix"
    if found.fix and rule.code not in UNTRIED and not await lacks_extension(one, ground):
        cured = await ground.findings(rule.given, rule.bad, fix=found.fix)
        assert rule.code not in {finding.code for finding in cured}, (found.fix, cured)


@pytest.mark.parametrize("one", IN_QUERIES, ids=named)
async def test_good_queries_and_near_misses_are_silent(one: Registered, ground: Ground, sandboxes: Sandboxes) -> None:
    skip_unless_for(one, sandboxes)
    assert len(one.rule.good) >= 2, "a good twin and a near miss"
    for script in one.rule.good:
        if "create extension" in script and await lacks_extension(one, ground):
            continue
        findings = await ground.findings(one.rule.given, script)
        assert grave(findings, one.rule.code) == set(), (script, findings)


@pytest.mark.parametrize(
    ("code", "bad", "good"), PAIRS, ids=[f"{number}-{code}" for number, (code, _, _) in enumerate(PAIRS)]
)
async def test_a_made_bad_query_is_found_and_its_twin_is_not(ground: Ground, code: str, bad: str, good: str) -> None:
    assert code in {finding.code for finding in await ground.findings(TASKS, bad)}
    assert code not in {finding.code for finding in await ground.findings(TASKS, good)}


def test_the_bench_holds_eighty_bad_queries_and_one_of_every_rule() -> None:
    assert len(PAIRS) + len(IN_QUERIES) + len(IN_PLANS) >= 80
    assert {code for code, _, _ in PAIRS} <= {one.rule.code for one in IN_QUERIES}


@pytest.mark.parametrize("one", IN_PLANS, ids=named)
def test_plans_are_judged_as_their_rules_say(one: Registered) -> None:
    bad = of_plan(one.rule.bad)
    assert {finding.code for finding in bad} - set(one.rule.beside) == {one.rule.code}
    found = next(finding for finding in bad if finding.code == one.rule.code)
    assert bool(found.fix) == (one.rule.code not in UNFIXED), "say in UNFIXED why it has no fix"
    assert len(one.rule.good) >= 2, "a good twin and a near miss"
    for document in one.rule.good:
        assert grave(of_plan(document), one.rule.code) == set()


def test_no_rule_is_exempted_that_is_not_there() -> None:
    assert {*UNFIXED, *UNTRIED} <= {one.rule.code for one in (*IN_QUERIES, *IN_PLANS)}
