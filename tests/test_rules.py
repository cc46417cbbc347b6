"""Every rule: its bad example is found, its good ones and near misses are silent, its fix reviews clean and ends alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.model.change import diff
from mcp_server.model.finding import Finding
from mcp_server.model.schema import Schema
from mcp_server.model.spec_fold import fold
from mcp_server.model.walked import Environment, Migration
from mcp_server.operations.walking import statements_of
from mcp_server.rules import Registered, judge, rules
from mcp_server.world.actions import split_statements
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.observer import observe
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.specs import read_document
from tests.revision_walks import walked

pytestmark = pytest.mark.anyio

IN_PYTHON = [one for one in rules() if one.rule.form == "revision"]
IN_SPECS = [one for one in rules() if one.rule.form == "spec"]
IN_SQL = [one for one in rules() if one.rule.form == "sql" and one.subject == "Migration"]
TIMEOUT = "M126"
# Why a finding has no fix that could be run as it stands.
PHASES = "it takes several revisions with a deployment between them, which autogenerate_migration writes"
DECISION = "it may be what is meant: only a person can say what is to be kept"
UNKNOWN = "what was meant does not show in the text"
UNFIXED = {
    "M111": PHASES, "M112": PHASES, "M115": "Postgres has no other way to add an exclusion constraint to a table",
    "M116": "the check that proves the bound stands is a revision of its own before", "M117": "as M116, on the default partition",
    "M120": "the table is written anew whatever the words; a copy beside it takes several revisions", "M124": PHASES, "M123": "VALIDATE takes the same lock; a check on each table's column takes several revisions",
    "M125": "its statements belong into several revisions", "M135": "its statements belong into several revisions",
    "M136": "what the code does is not in the text", "M128": "batches are a program of their own",
    "M129": "the lock belongs out of the revision; what it guards is not known",
    "M201": DECISION, "M202": DECISION, "M203": DECISION, "M204": DECISION, "M205": DECISION, "M206": DECISION,
    "M207": "the old name must live on until nobody uses it: by a view, or a second column", "M208": DECISION,
    "M210": "what clients keep is not in the database's hand", "M211": DECISION, "M301": UNKNOWN, "M302": "the value of old rows is not known",
    "M304": "the value belongs into a revision before", "M307": UNKNOWN, "M308": UNKNOWN, "M309": UNKNOWN, "M310": UNKNOWN,
    "M311": UNKNOWN, "M312": "whether rows are alike is in the data", "M402": "the type is a decision", "M403": UNKNOWN, "M404": DECISION, "M405": DECISION, "M406": DECISION,
    "M407": "the type is a decision",
}  # fmt: skip
# Why a fix ends elsewhere than the example that it cures.
ENDS_OTHERWISE = {
    "M119": "DETACH ... CONCURRENTLY leaves a check on what was the partition",
    "M303": "the example is refused, so it has no end",
    "M401": "the fix adds the index that the example lacks",
}


def named(one: Registered) -> str:
    return f"{one.rule.code}-{one.name}"


async def reviewed(sandboxes: Sandboxes, given: str, sql: str, *, code: str) -> Migration:
    """A script as it was walked on a database that holds `given`."""
    async with sandboxes.lend() as sandbox:
        connection, second = await connect(sandbox.url), await connect(sandbox.url)
        try:
            if given:
                await connection.execute(given)
            before = await read_schema(connection)
            seen = await observe(connection, second, split_statements(sql))
            after = await read_schema(connection)
        finally:
            await connection.close()
            await second.close()
    return Migration(
        "the script",
        statements_of(seen, before),
        before,
        after,
        sandbox.server_version,
        environment=Environment(has_lock_timeout=code != TIMEOUT),
    )


def grave(findings: tuple[Finding, ...], code: str) -> set[str]:
    """The codes that count: infos only when the rule in question is one."""
    return {one.code for one in findings if one.severity != "info" or one.code == code}


def is_for(one: Registered, sandboxes: Sandboxes) -> bool:
    return one.rule.since <= sandboxes.server_version // 10_000 <= one.rule.until


@pytest.mark.every_postgres
@pytest.mark.parametrize("one", IN_SQL, ids=named)
async def test_a_bad_script_is_found_and_its_fix_cures_it(one: Registered, sandboxes: Sandboxes) -> None:
    if not is_for(one, sandboxes):
        pytest.skip("for another Postgres")
    rule = one.rule
    bad = await reviewed(sandboxes, rule.given, rule.bad, code=rule.code)
    findings = judge(bad).findings
    assert grave(findings, rule.code) == {rule.code, *rule.beside}, findings
    found = next(finding for finding in findings if finding.code == rule.code)
    assert found.message.endswith(".")
    assert found.subject
    assert bool(found.fix) == (rule.code not in UNFIXED), "say in UNFIXED why it has no fix"
    if not found.fix:
        return
    cured = await reviewed(sandboxes, rule.given, found.fix, code=rule.code)
    assert [s.error for s in cured.statements if s.error] == []
    assert grave(judge(cured).findings, rule.code) == set(), (found.fix, judge(cured).findings)
    assert rule.cured == (rule.code not in ENDS_OTHERWISE), "say in ENDS_OTHERWISE why the ends differ"
    if rule.cured:
        assert ends(bad) == ends(cured), diff(ends(bad), ends(cured))


def ends(migration: Migration) -> Schema:
    assert migration.after is not None
    return migration.after


@pytest.mark.every_postgres
@pytest.mark.parametrize("one", IN_SQL, ids=named)
async def test_good_scripts_and_near_misses_are_silent(one: Registered, sandboxes: Sandboxes) -> None:
    if not is_for(one, sandboxes):
        pytest.skip("for another Postgres")
    for sql in one.rule.good:
        migration = await reviewed(sandboxes, one.rule.given, sql, code=one.rule.code)
        assert [s.error for s in migration.statements if s.error] == [], sql
        assert grave(judge(migration).findings, one.rule.code) == set(), (sql, judge(migration).findings)


@pytest.mark.parametrize("one", IN_PYTHON, ids=named)
async def test_revisions_are_judged_as_their_rules_say(one: Registered, tmp_path: Path, sandboxes: Sandboxes) -> None:
    rule = one.rule
    bad = judge(await walked(tmp_path / "bad", sandboxes, rule.given, rule.bad)).findings
    assert grave(bad, rule.code) - {TIMEOUT} == {rule.code, *rule.beside}, bad
    first = next(finding for finding in bad if finding.code == rule.code)
    assert first.place.startswith("migrations/versions/b2.py:")
    assert bool(first.fix) == (rule.code not in UNFIXED), "say in UNFIXED why it has no fix"
    for number, body in enumerate(rule.good):
        good = judge(await walked(tmp_path / str(number), sandboxes, rule.given, body)).findings
        assert grave(good, rule.code) - {TIMEOUT} == set(), good


@pytest.mark.parametrize("one", rules(), ids=named)
def test_a_rule_explains_itself(one: Registered) -> None:
    first, _, rest = one.page.partition("\n")
    assert first.endswith((".", ":"))
    assert len(rest.split()) >= 10
    assert one.rule.code[0] in "MOCSPF"


def test_no_rule_is_exempted_that_is_not_there() -> None:
    assert {*UNFIXED, *ENDS_OTHERWISE} <= {one.rule.code for one in [*IN_SQL, *IN_PYTHON]}


@pytest.mark.parametrize("one", IN_SPECS, ids=named)
def test_specs_are_judged_as_their_rules_say(one: Registered) -> None:
    rule = one.rule
    bad = judge(fold([read_document(rule.bad, "specs/schema.md")])).findings
    assert {finding.code for finding in bad} == {rule.code, *rule.beside}, bad
    found = next(finding for finding in bad if finding.code == rule.code)
    assert found.place.startswith("specs/schema.md:")
    assert found.message.endswith(".")
    for text in rule.good:
        good = judge(fold([read_document(text, "specs/schema.md")])).findings
        assert {finding.code for finding in good} - set(rule.beside) == set(), good


def test_codes_are_used_once() -> None:
    codes = [one.rule.code for one in rules()]
    assert sorted(set(codes)) == codes


async def test_a_setting_of_another_name_is_no_lock_timeout(sandboxes: Sandboxes) -> None:
    script = "set app.lock_timeout = '1s';\nalter table task add column due date;"
    migration = await reviewed(sandboxes, "create table task (id bigint primary key);", script, code=TIMEOUT)
    assert [one.code for one in judge(migration).findings] == [TIMEOUT]
