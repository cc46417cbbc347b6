"""Findings against the labels of other tools' own tests: `python -m benchmarks.labelled FOLDER [--version 16] [--misses]`.

FOLDER holds squawk, eugene, pgsafe, pgfence, django_migration_linter and django_zero_downtime_pairs `.jsonl`: {source, sql,
labels: {rule | hint | rules_mentioned_in_tests, expect}}. What a script expects to stand is made up (stand_ins.py), each
script is carried out and watched, and the findings are held against the label. A label that the observation contradicts is
counted apart: it says "blocks", and Postgres was seen to do nothing that takes as long as the table is large.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.labels import BLOCKING, CODES, OUTSIDE
from benchmarks.stand_ins import MOST, Ground, statements_of, supply
from mcp_server.errors import ArchitectError
from mcp_server.model.finding import Finding
from mcp_server.model.walked import Environment, Migration
from mcp_server.operations.walking import statements_of as judged
from mcp_server.rules import judge
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.observer import observe
from mcp_server.world.sandbox import Sandboxes, open_sandboxes

SOURCES = ("squawk", "pgsafe", "eugene", "pgfence", "django_migration_linter")
TIMEOUT = "M126"


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
    rules = labels.get("rules_mentioned_in_tests") or [labels.get("rule") or labels.get("hint") or ""]
    expect = labels.get("expect", "")
    if name == "pgfence" and expect != "ok" and not labels.get("rules_mentioned_in_tests"):
        return
    if expect in ("unknown", "warning", "") or (expect == "ok" and name == "pgfence"):
        return
    for rule in rules:
        key = rule.replace("_", "-")
        if key in OUTSIDE:
            continue
        codes = None if name == "django_migration_linter" or not key else frozenset(CODES.get(key, ()))
        given, sql = _script(line)
        yield Case(line["source"], given, sql, expect != "ok", codes, key in BLOCKING, key)


def _script(line: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Several scripts are run one after the other, each in a transaction; the first of several only prepares."""
    scripts = line.get("scripts")
    if not scripts or len(scripts) < 2:
        alone = statements_of(line["sql"])
        wrapped = line["labels"].get("assume_in_transaction") and "concurrently" in str(line["sql"]).lower()
        return "", ("begin", *alone, "commit") if wrapped else alone
    found: list[str] = []
    for script in scripts[1:]:
        statements = statements_of(script)
        apart = any("concurrently" in one.lower() for one in statements)
        found += statements if apart else ("begin", *statements, "commit")
    return scripts[0], tuple(found)


async def walk(sandboxes: Sandboxes, case: Case) -> Migration:
    """Carry a script out, with as much made up before as it asks for."""
    ground = Ground()
    migration = None
    for _ in range(MOST):
        async with sandboxes.lend() as sandbox:
            connection, second = await connect(sandbox.url), await connect(sandbox.url)
            try:
                await connection.execute(f"select 1;{ground.sql()};{case.given}")
                before = await read_schema(connection)
                seen = await observe(connection, second, case.sql)
                after = await read_schema(connection)
            finally:
                await connection.close()
                await second.close()
        failed = bool(seen and seen[-1].error)
        migration = Migration(
            case.source, judged(seen, before), before, None if failed else after, sandboxes.server_version,
            environment=Environment(has_lock_timeout=TIMEOUT not in (case.codes or ())),
        )  # fmt: skip
        if not failed or not supply(ground, seen[-1]):
            break
    assert migration is not None
    return migration


def told(case: Case, findings: Sequence[Finding]) -> bool:
    """Whether the findings say what the label's rule is about."""
    grave = [one for one in findings if one.severity != "info" and one.code != TIMEOUT]
    if case.codes is None:
        return bool(grave)
    return any(one.code in case.codes for one in findings)


def contradicted(case: Case, migration: Migration) -> bool:
    """Whether the label says that it blocks, and Postgres was seen to do nothing slow under a lock."""
    if not case.blocks or any(statement.error for statement in migration.statements):
        return False
    return not any(migration.blocked(statement.effect) for statement in migration.statements)


async def measure(sandboxes: Sandboxes, folder: Path, name: str) -> tuple[Counter[str], list[str]]:
    """What became of each label of one source, and a line for each miss and false alarm."""
    counted: Counter[str] = Counter()
    lines: list[str] = []
    for text in (folder / f"{name}.jsonl").read_text("utf-8").splitlines():
        try:
            cases = list(cases_of(name, json.loads(text)))
        except ArchitectError:
            counted["not SQL"] += 1
            continue
        counted["outside"] += not cases
        for case in cases:
            try:
                migration = await walk(sandboxes, case)
            except (ArchitectError, asyncpg.PostgresError) as error:
                counted["not run"] += 1
                lines.append(f"not run      {case.rule:34} {' '.join(str(error).split())[:200]}")
                continue
            findings = judge(migration).findings
            if not case.is_violation:
                outcome = "false alarm" if told(case, findings) else "silent"
            elif told(case, findings):
                outcome = "found"
            else:
                outcome = "contradicted" if contradicted(case, migration) else "missed"
            counted[outcome] += 1
            if outcome in ("missed", "false alarm", "contradicted"):
                lines.append(_line(outcome, case, migration, findings))
    return counted, lines


def _line(outcome: str, case: Case, migration: Migration, findings: Sequence[Finding]) -> str:
    sql = " ".join("; ".join(case.sql).split())[:200]
    error = next((one.error for one in migration.statements if one.error), "")
    codes = ",".join(one.code for one in findings)
    return f"{outcome:12} {case.rule:34} {codes:20} {sql}{f'  !! {error[:120]}' if error else ''}"


async def pairs(sandboxes: Sandboxes, folder: Path) -> tuple[Counter[str], list[str]]:
    """Safe rewrites must have no finding of severity error; naive forms that block should have one."""
    counted: Counter[str] = Counter()
    lines: list[str] = []
    for text in (folder / "django_zero_downtime_pairs.jsonl").read_text("utf-8").splitlines():
        line = json.loads(text)
        for side in ("sql", "safe_sql"):
            if not line[side]:
                continue
            case = Case(
                line["source"].rpartition("::")[2], "", statements_of(line[side]), side == "sql", None, True, side
            )
            migration = await walk(sandboxes, case)
            errors = [one for one in judge(migration).findings if one.severity == "error"]
            blocks = any(migration.blocked(statement.effect) for statement in migration.statements)
            if side == "safe_sql":
                counted["safe with errors" if errors else "safe"] += 1
            else:
                counted[
                    "naive and blocking, found"
                    if errors and blocks
                    else "naive and blocking, missed"
                    if blocks
                    else "naive, instant"
                ] += 1
            if (side == "safe_sql" and errors) or (side == "sql" and blocks and not errors):
                lines.append(_line("false alarm" if errors else "missed", case, migration, errors))
    return counted, lines


def ratios(counted: Counter[str]) -> str:
    """Recall and precision in the words of a table."""
    found, missed, alarms = counted["found"], counted["missed"], counted["false alarm"]
    recall = f"{found}/{found + missed}" + (f" ({found / (found + missed):.1%})" if found + missed else "")
    precision = f"{found}/{found + alarms}" + (f" ({found / (found + alarms):.1%})" if found + alarms else "")
    rest = ", ".join(f"{name} {counted[name]}" for name in ("silent", "contradicted", "outside", "not run", "not SQL"))
    return f"{recall} | {precision} | {rest}"


async def main(folder: Path, version: str, names: Sequence[str], misses: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="dbarch-labelled-") as place:
        os.chmod(place, 0o711)
        async with await open_sandboxes(cache=Path(place), near_version=int(version) * 10000) as sandboxes:
            print(f"PostgreSQL {version}\n\n| source | recall | precision | rest |\n|---|---|---|---|")
            told_lines: list[str] = []
            for name in names:
                counted, lines = await measure(sandboxes, folder, name)
                told_lines += [f"{name}: {line}" for line in lines]
                print(f"| {name} | {ratios(counted)} |", flush=True)
            counted, lines = await pairs(sandboxes, folder)
            print(f"\ndjango_zero_downtime_pairs: {dict(counted)}")
            if misses:
                print("\n".join(["", *told_lines, *(f"pairs: {line}" for line in lines)]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", default="16")
    parser.add_argument("--source", nargs="*", default=list(SOURCES))
    parser.add_argument("--misses", action="store_true")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.folder, given.version, given.source, given.misses)))
