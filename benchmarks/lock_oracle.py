"""Locks, rewrites and scans of single statements: observed, and predicted where there is a prediction, against measured labels.

    python -m benchmarks.lock_oracle FOLDER [--versions 15 16 18] [--only id ...]

FOLDER holds base_schema.sql and lock_oracle_pg14_18.jsonl: {id, sql, setup, labels: {major: {locks: {table: mode},
rewritten: [name] | null, scanned: {table: rows} | null, debug: [message], err: text | null}}}; names are those of schema public.
Each statement runs on a copy of the base schema, which is read before it; the prediction is made from its text and that Schema. A version that
this machine lacks is predicted alone, on the Schema that the next one reads. What a label does not know (null) is not compared.
Beside it squawk, per version: does it warn of what is a danger (a lock that keeps writers out while rows are rewritten, read or indexed, or a statement
that fails, drops or renames). Style rules of squawk do not count as warnings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from mcp_server.errors import ArchitectError
from mcp_server.model.lock import Lock
from mcp_server.model.observation import Effect, Observed
from mcp_server.planning.prediction import predict, refusal
from mcp_server.world.actions import read_actions
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.observer import observe
from mcp_server.world.sandbox import Sandbox, Sandboxes, open_sandboxes

BUILDING = re.compile(r'building index "(?!pg_toast)[^"]+" on table "([^"]+)"')
SYSTEM = Path("/usr/lib/postgresql")
EMBEDDED = ("16", "18")


@dataclass(frozen=True)
class Facts:
    """What a statement did, in the words of the labels; None where it is not known."""

    fails: bool
    locks: dict[str, str]
    rewrites: set[str] | None
    scans: set[str] | None

    def differences(self, label: Facts) -> Iterator[str]:
        """One line for each field that differs from a label."""
        for name in ("fails", "locks", "rewrites", "scans"):
            mine, theirs = getattr(self, name), getattr(label, name)
            if theirs is not None and mine != theirs:
                yield f"{name}: {_told(mine)} instead of {_told(theirs)}"


def _told(value: Any) -> str:
    return str(sorted(value)) if isinstance(value, set) else str(value)


def label_of(given: dict[str, Any]) -> Facts:
    """A label. A statement that fails has nothing else to compare."""
    if given["err"]:
        return Facts(True, {}, None, None)
    rewritten, scanned = given["rewritten"], given["scanned"]
    return Facts(
        False,
        given["locks"],
        None if rewritten is None else set(rewritten),
        None if scanned is None else set(scanned),
    )


def facts_of(effect: Effect, fails: bool) -> Facts:
    """What was observed or predicted, with the names of schema public as the labels have them."""
    return Facts(
        fails,
        {lock.relation.removeprefix("public."): lock.mode for lock in effect.locks},
        {name.removeprefix("public.") for name in effect.rewrites},
        {name.removeprefix("public.") for name in effect.scans},
    )


@dataclass(frozen=True)
class Run:
    """A case that ran on a copy. observed: None where the server is not of the label's version."""

    case: dict[str, Any]
    predicted: Effect
    refused: bool
    observed: Observed | None


async def run_case(sandboxes: Sandboxes, template: str, case: dict[str, Any], version: str) -> Run | None:
    """Predict one case, and run it where the server is of that version; None when its setup needs what this Postgres lacks."""
    async with sandboxes.lend(template) as sandbox:
        connection, second = await connect(sandbox.url), await connect(sandbox.url)
        try:
            try:
                await connection.execute(case["setup"] or "select 1")
            except (asyncpg.FeatureNotSupportedError, asyncpg.PostgresSyntaxError):
                return None
            schema, zone = await read_schema(connection), await connection.fetchval("show timezone")
            given = read_actions(case["sql"]), schema, int(version) * 10000, str(zone)
            predicted, refused = predict(*given), bool(refusal(*given))
            if sandbox.server_version // 10000 != int(version):
                return Run(case, predicted, refused, None)
            return Run(case, predicted, refused, (await observe(connection, second, [case["sql"]]))[0])
        finally:
            await connection.close()
            await second.close()


def server_of(version: str) -> str:
    """The version itself where this machine has it, else one that reads the same base schema."""
    has = (*EMBEDDED, *(folder.name for folder in SYSTEM.glob("[1-9]*") if (folder / "bin/initdb").exists()))
    return version if version in has else min((one for one in has if int(one) > int(version)), key=int)


async def run_cases(folder: Path, version: str, cases: list[dict[str, Any]]) -> list[Run]:
    """Every case that has a label of this version and can be set up here."""
    base = (folder / "base_schema.sql").read_text("utf-8")
    server = server_of(version)

    async def fill(sandbox: Sandbox) -> None:
        connection = await connect(sandbox.url)
        await connection.execute(base)
        await connection.close()

    with tempfile.TemporaryDirectory(prefix="dbarch-oracle-", ignore_cleanup_errors=True) as place:
        os.chmod(place, 0o711)
        binaries = None if server in EMBEDDED else SYSTEM / server / "bin"
        async with await open_sandboxes(
            cache=Path(place), near_version=int(server) * 10000, binaries=binaries
        ) as sandboxes:
            template = await sandboxes.template("lock oracle", fill)
            known = [case for case in cases if version in case["labels"]]
            runs = [await run_case(sandboxes, template, case, version) for case in known]
    skipped = [case["id"] for case, run in zip(known, runs, strict=True) if run is None]
    print(f"PostgreSQL {version}: {len(known)} statements, not to be had here: {', '.join(skipped) or 'none'}")
    return [run for run in runs if run is not None]


def compare(version: str, runs: list[Run]) -> list[str]:
    """The differences from the labels, a line each."""
    found: list[str] = []
    counts = dict.fromkeys(("observed", "predicted"), 0)
    for run in runs:
        label = label_of(run.case["labels"][version])
        seen = {
            "predicted": facts_of(run.predicted, label.fails)
        }  # that a statement fails, an empty Effect does not tell apart
        if run.observed is not None:
            seen["observed"] = facts_of(run.observed.effect, bool(run.observed.error))
        for how, facts in seen.items():
            lines = list(facts.differences(label))
            counts[how] += not lines
            found += [f"{version} {how} {run.case['id']}: {line}" for line in lines]
    observed = f"observed {counts['observed']}, " if any(run.observed for run in runs) else "observed on none, "
    print(f"  as labelled: {observed}predicted {counts['predicted']} of {len(runs)}")
    return found


BREAKING = ("drop table", "drop column", "drop type", "drop view", "rename ", "truncate", "set schema")
STYLE = {
    "require-timeout-settings", "require-lock-timeout", "require-statement-timeout", "prefer-robust-stmts", "prefer-identity", "prefer-text-field",
    "prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-big-int", "prefer-timestamptz", "ban-char-field", "ban-create-domain-with-constraint",
    "identifier-too-long", "require-table-schema",
}  # fmt: skip


def is_danger(label: dict[str, Any], sql: str) -> bool:
    """What a reviewer must hear of: long work under a lock that keeps writers out, or an end that others feel."""
    if label["err"] or any(action.verb.startswith(BREAKING) for action in read_actions(sql)):
        return True
    blocking = any(Lock(name, mode).is_blocking for name, mode in label["locks"].items())
    building = any(BUILDING.search(line) for line in label["debug"] or ()) and bool(label["locks"])
    return blocking and bool(label["rewritten"] or label["scanned"] or building)


def warned_by_prediction(run: Run) -> bool:
    effect = run.predicted
    breaking = any(action.verb.startswith(BREAKING) for action in read_actions(run.case["sql"]))
    return run.refused or breaking or (any(one.is_blocking for one in effect.locks) and effect.is_slow)


def warned_by_squawk(squawk: str, version: str, sql: str) -> bool:
    done = subprocess.run(
        [squawk, "--reporter", "json", "--pg-version", version, "--assume-in-transaction"],
        input=sql + ";", capture_output=True, text=True, check=False,
    )  # fmt: skip
    rules = {finding["rule_name"] for finding in json.loads(done.stdout or "[]")}
    return bool(rules - STYLE)


def ratios(name: str, told: list[tuple[bool, bool]]) -> str:
    """Recall and precision of (warned, is a danger), as counts."""
    true = sum(warned and danger for warned, danger in told)
    return f"  {name}: recall {true}/{sum(danger for _, danger in told)}, precision {true}/{sum(warned for warned, _ in told)}"


async def main(arguments: argparse.Namespace) -> int:
    """Every version in turn; 1 when a statement differs."""
    lines = (arguments.folder / "lock_oracle_pg14_18.jsonl").read_text("utf-8").splitlines()
    cases = [case for case in map(json.loads, lines) if not arguments.only or case["id"] in arguments.only]
    found: list[str] = []
    for version in arguments.versions:
        runs = await run_cases(arguments.folder, version, cases)
        found += compare(version, runs)
        dangers = [is_danger(run.case["labels"][version], run.case["sql"]) for run in runs]
        print(
            ratios(
                "prediction", [(warned_by_prediction(run), danger) for run, danger in zip(runs, dangers, strict=True)]
            )
        )
        squawk = shutil.which("squawk", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
        if squawk:
            warned = [warned_by_squawk(squawk, version, run.case["sql"]) for run in runs]
            print(ratios("squawk", list(zip(warned, dangers, strict=True))))
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--versions", nargs="+", default=["14", "15", "16", "17", "18"])
    parser.add_argument("--only", nargs="+", default=[])
    try:
        sys.exit(asyncio.run(main(parser.parse_args())))
    except ArchitectError as error:
        sys.exit(str(error))
