"""Findings against the labels of other tools' own tests: `python -m benchmarks.labelled FOLDER [--version 16] [--misses]`.

FOLDER holds squawk, eugene, pgsafe, pgfence, django_migration_linter and django_zero_downtime_pairs `.jsonl`: {source, sql,
labels: {rule | hint | rules_mentioned_in_tests, expect}}. Each script is reviewed as review_migration reviews one whose
tables nobody knows: what it expects to stand is made up, it is carried out and watched, and the findings are held against
the label. Counted apart are labels that the observation contradicts (the label says "blocks", and Postgres was seen to do
nothing that takes as long as the table is large), scripts that no Postgres takes ("refused", which M301 says), and labels
of squawk's to which squawk itself does not hold ("disowned").
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.labels import BLOCKING, CODES, NAMES, OUTSIDE, TIMEOUTS, WINDOWS
from mcp_server.errors import ArchitectError, StatementFailed
from mcp_server.model.finding import Finding
from mcp_server.model.walked import Environment, Migration
from mcp_server.operations.ground import Ground
from mcp_server.operations.script import Line
from mcp_server.operations.script_walk import walk_script
from mcp_server.rules import judge
from mcp_server.world.actions import split_statements
from mcp_server.world.rehearsal import template_of
from mcp_server.world.sandbox import Sandboxes, open_sandboxes
from mcp_server.world.settings import read_settings
from mcp_server.world.shelf import Shelf
from mcp_server.world.squawk import ask_squawk
from mcp_server.world.workspace import Workspace

SOURCES = ("squawk", "pgsafe", "eugene", "pgfence", "django_migration_linter")
PAIRS = "django_zero_downtime_pairs"
TIMEOUT, REFUSED, UNIQUE_ADDED = "M126", "M301", "M312"
DESTROYS = ("M201", "M202", "M206", "M209")


@dataclass(frozen=True)
class Case:
    """A script and what its label wants. codes: those of ours that say the same, None for any that is grave."""

    source: str
    given: str
    sql: tuple[str, ...]
    is_violation: bool
    codes: frozenset[str] | None
    blocks: bool
    rule: str


def cases_of(name: str, line: dict[str, Any]) -> Iterator[Case]:
    """The cases of one line; none for a label that takes no side, or that is about style."""
    labels = line["labels"]
    expect = labels.get("expect", "") or _proven(labels)
    rules = labels.get("rules_mentioned_in_tests") or [labels.get("rule") or labels.get("hint") or ""]
    if name == "pgfence" and expect != "ok" and not labels.get("rules_mentioned_in_tests"):
        return
    if expect in ("unknown", "warning", "") or (expect == "ok" and name == "pgfence"):
        return
    for rule in rules:
        key = rule.partition(" (")[0].removeprefix("(").partition(":")[0].replace("_", "-")
        key = "cached-plan" if labels.get("kind") == "CachedPlanCase" else key
        if key in OUTSIDE:
            continue
        codes = None if name == "django_migration_linter" or not key else frozenset(CODES.get(key, ()))
        if codes is not None and "Fails" in str(labels.get("outcome", "")):
            codes |= {REFUSED}
        given, sql = _script(line)
        yield Case(line["source"], given, sql, expect != "ok", codes, key in BLOCKING, key)


def _proven(labels: dict[str, Any]) -> str:
    """Of pgsafe's proofs: what its own observation of Postgres says of a rule."""
    if not str(labels.get("kind", "")).endswith("Case"):
        return ""
    return "ok" if "must NOT" in str(labels.get("rule", "")) else "violation"


def _script(line: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Several scripts are run one after the other, each in a transaction; the first of several only prepares."""
    scripts = line.get("scripts") or scripts_in(line["sql"])
    labels = line["labels"]
    if len(scripts) < 2:
        alone = statements_of(scripts or line["sql"])
        wrapped = labels.get("assume_in_transaction") and labels.get("expect") == "violation"
        return line.get("setup", ""), ("begin", *alone, "commit") if wrapped else alone
    found: list[str] = []
    for script in scripts[1:]:
        statements = statements_of(script)
        apart = any("concurrently" in one.lower() for one in statements)
        found += statements if apart else ("begin", *statements, "commit")
    return ";\n".join(statements_of(scripts[0])), tuple(found)


def statements_of(sql: str | Sequence[str]) -> tuple[str, ...]:
    """The statements of a text, or of several; of one without semicolons, as a page of a manual has it, those between blank lines."""
    texts = [sql] if isinstance(sql, str) else sql
    return tuple(one for text in texts for one in _split(text))


def _split(text: str) -> tuple[str, ...]:
    try:
        return split_statements(text)
    except StatementFailed:
        if ";" in text:
            raise
        return split_statements(";\n".join(part for part in re.split(r"\n\s*\n", text) if _is_more_than_comment(part)))


def _is_more_than_comment(part: str) -> bool:
    return any(line.strip() and not line.strip().startswith("--") for line in part.splitlines())


def scripts_in(sql: str | Sequence[str]) -> tuple[str, ...]:
    """The files that a text holds, each under its name: `-- 2.sql`."""
    if not isinstance(sql, str) or not re.match(r"-- 1\.sql\n", sql):
        return ()
    return tuple(part for part in re.split(r"^-- \d+\.sql\n", sql, flags=re.MULTILINE) if part.strip())


async def walk(workspace: Workspace, case: Case) -> Migration:
    """Carry a script out as review_migration does, with what it is given, and what it lacks made up."""
    given = statements_of(case.given)
    name = hashlib.sha256(case.given.encode()).hexdigest()[:16]
    template = await template_of(workspace, f"given {name}", given) if given else ""
    lines = [Line(sql, f"statement {number}") for number, sql in enumerate(case.sql, 1)]
    walked = await walk_script(workspace, lines, Ground("what is given", template, is_open=True), {})
    has_timeout = TIMEOUT not in (case.codes or ())
    return replace(walked.migration, environment=Environment(has_lock_timeout=has_timeout))


def told(case: Case, findings: Sequence[Finding]) -> bool:
    """Whether the findings say what the label's rule is about."""
    if case.codes is None:
        return any(one.code != TIMEOUT and (one.severity != "info" or one.code == UNIQUE_ADDED) for one in findings)
    return any(one.code in case.codes for one in findings)


def contradicted(case: Case, migration: Migration) -> bool:
    """Whether the label says that it blocks, and Postgres was seen to do nothing slow under a lock."""
    statements = migration.statements
    if any(statement.error for statement in statements):
        return False
    if case.rule in TIMEOUTS:
        return not any(migration.taken(statement) for statement in statements)
    if case.rule in WINDOWS:
        return not any(
            statement.effect.is_slow
            and any(lock.is_blocking and lock not in statement.fresh for lock in statement.effect.locks)
            for statement in statements
        )
    return case.blocks and not any(migration.blocked(statement.effect) for statement in statements)


async def disowned(case: Case, labels: dict[str, Any], major: int) -> bool:
    """Whether squawk itself, asked about one of its own violations, has no such objection."""
    if labels.get("tool") != "squawk" or not case.is_violation:
        return False
    inside = bool(labels.get("assume_in_transaction"))
    version = int(str(labels.get("pg_version") or major).partition(".")[0])
    opinions = await ask_squawk(";\n".join(case.sql) + ";", version, in_transaction=inside)
    return opinions is not None and NAMES.get(case.rule, case.rule) not in {one.rule for one in opinions}


def outcome_of(case: Case, migration: Migration, findings: Sequence[Finding]) -> str:
    """In one word what became of a label."""
    if not case.is_violation:
        return "false alarm" if told(case, findings) else "silent"
    if told(case, findings):
        return "found"
    if case.codes == frozenset():
        return "unmapped"
    if any(one.code == REFUSED for one in findings):
        return "refused"
    return "contradicted" if contradicted(case, migration) else "missed"


async def measure(workspace: Workspace, folder: Path, name: str) -> tuple[Counter[str], list[str]]:
    """What became of each label of one source, and a line for each that is neither found nor silent."""
    counted: Counter[str] = Counter()
    lines: list[str] = []
    major = (await workspace.sandboxes()).server_version // 10_000
    for text in (folder / f"{name}.jsonl").read_text("utf-8").splitlines():
        line = json.loads(text)
        try:
            cases = list(cases_of(name, line))
        except ArchitectError as error:
            counted["not SQL"] += 1
            lines.append(
                f"not SQL      {' '.join(error.message.split())[:100]} {' '.join(str(line['sql']).split())[:160]}"
            )
            continue
        counted["outside"] += not cases
        for case in cases:
            migration = await walk(workspace, case)
            findings = judge(migration).findings
            outcome = outcome_of(case, migration, findings)
            if outcome in ("missed", "contradicted", "refused") and await disowned(case, line["labels"], major):
                outcome = "disowned"
            counted[outcome] += 1
            if outcome not in ("found", "silent"):
                lines.append(_line(outcome, case, migration, findings))
    return counted, lines


def _line(outcome: str, case: Case, migration: Migration, findings: Sequence[Finding]) -> str:
    sql = " ".join("; ".join(case.sql).split())[:200]
    error = next((one.error for one in migration.statements if one.error), "")
    codes = ",".join(one.code for one in findings)
    return f"{outcome:12} {case.rule:34} {codes:20} {sql}{f'  !! {error[:120]}' if error else ''}"


async def pairs(workspace: Workspace, folder: Path) -> tuple[Counter[str], list[str]]:
    """Safe rewrites must have no finding of severity error; naive forms that block should have one."""
    counted: Counter[str] = Counter()
    lines: list[str] = []
    for text in (folder / f"{PAIRS}.jsonl").read_text("utf-8").splitlines():
        line = json.loads(text)
        for side in ("sql", "safe_sql"):
            if not line[side]:
                continue
            name = line["source"].rpartition("::")[2]
            case = Case(name, "", statements_of(line[side]), side == "sql", None, True, side)
            migration = await walk(workspace, case)
            errors = [one for one in judge(migration).findings if one.severity == "error"]
            outcome = _outcome_of_pair(side, migration, errors)
            counted[outcome] += 1
            if outcome not in (
                "safe",
                "naive, instant",
                "naive and blocking, found",
                "naive and blocking, told as a warning",
            ):
                lines.append(_line(outcome, case, migration, errors))
    return counted, lines


def _outcome_of_pair(side: str, migration: Migration, errors: Sequence[Finding]) -> str:
    """A rewrite whose errors are all seen (a table that is read under a lock, values that are gone) is not safe after all."""
    blocks = any(migration.blocked(statement.effect) for statement in migration.statements)
    if side == "sql":
        warned = any(one.severity == "warning" and one.code != TIMEOUT for one in judge(migration).findings)
        told = "found" if errors else "told as a warning" if warned else "missed"
        return f"naive and blocking, {told}" if blocks else "naive, instant"
    if not errors:
        return "safe"
    loses = any(one.code in DESTROYS for one in errors)
    return "not safe: it blocks" if blocks else "not safe: values are lost" if loses else "false alarm"


def ratios(counted: Counter[str]) -> str:
    """Recall and precision in the words of a table."""
    found, missed, alarms = counted["found"], counted["missed"], counted["false alarm"]
    recall = f"{found}/{found + missed}" + (f" ({found / (found + missed):.1%})" if found + missed else "")
    precision = f"{found}/{found + alarms}" + (f" ({found / (found + alarms):.1%})" if found + alarms else "")
    names = ("silent", "contradicted", "refused", "disowned", "unmapped", "outside", "not SQL")
    return f"{recall} | {precision} | {', '.join(f'{name} {counted[name]}' for name in names)}"


def workspace_of(place: Path, sandboxes: Sandboxes) -> Workspace:
    """A project that knows nothing."""
    place.mkdir()
    shelf = Shelf(sandboxes={sandboxes.server_version // 10_000: sandboxes})
    return Workspace(read_settings(place, {}), None, shelf)


async def main(folder: Path, version: str, names: Sequence[str], misses: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="dbarch-labelled-") as place:
        os.chmod(place, 0o711)
        async with await open_sandboxes(cache=Path(place), near_version=int(version) * 10000) as sandboxes:
            workspace = workspace_of(Path(place) / "project", sandboxes)
            print(f"PostgreSQL {version}\n\n| source | recall | precision | rest |\n|---|---|---|---|")
            told_lines: list[str] = []
            for name in (one for one in names if one != PAIRS):
                counted, lines = await measure(workspace, folder, name)
                told_lines += [f"{name}: {line}" for line in lines]
                print(f"| {name} | {ratios(counted)} |", flush=True)
            if PAIRS in names:
                counted, lines = await pairs(workspace, folder)
                told_lines += [f"pairs: {line}" for line in lines]
                print(f"\n{PAIRS}: {dict(counted)}")
            if misses:
                print("\n".join(["", *told_lines]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", default="16")
    parser.add_argument("--source", nargs="*", choices=(*SOURCES, PAIRS), default=[*SOURCES, PAIRS])
    parser.add_argument("--misses", action="store_true")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.folder, given.version, given.source, given.misses)))
