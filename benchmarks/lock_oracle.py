"""Locks, rewrites and scans of single statements: observed, and predicted where there is a prediction, against measured labels.

    python -m benchmarks.lock_oracle FOLDER [--versions 15 16 18] [--only id ...]

FOLDER holds base_schema.sql and lock_oracle_pg14_18.jsonl: {id, sql, setup, labels: {major: {locks: {table: mode},
rewritten: [name] | null, scanned: {table: rows} | null, debug: [message], err: text | null}}}; names are those of schema public.
Each statement runs on a copy of the base schema. What a label does not know (null) is not compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from mcp_server.errors import ArchitectError
from mcp_server.model.observation import Observed
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


def facts_of(seen: Observed) -> Facts:
    """What was observed, with the names of schema public as the labels have them."""
    effect = seen.effect
    return Facts(
        bool(seen.error),
        {lock.relation.removeprefix("public."): lock.mode for lock in effect.locks},
        {name.removeprefix("public.") for name in effect.rewrites},
        {name.removeprefix("public.") for name in effect.scans},
    )


async def observe_case(sandboxes: Sandboxes, template: str, case: dict[str, Any]) -> Observed | None:
    """Run one case on a copy; None when its setup needs an extension that this Postgres lacks."""
    async with sandboxes.lend(template) as sandbox:
        connection, second = await connect(sandbox.url), await connect(sandbox.url)
        try:
            try:
                await connection.execute(case["setup"] or "select 1")
            except asyncpg.FeatureNotSupportedError:
                return None
            return (await observe(connection, second, [case["sql"]]))[0]
        finally:
            await connection.close()
            await second.close()


async def measure(folder: Path, version: str, cases: list[dict[str, Any]]) -> list[str]:
    """Compare every case on one Postgres; -> the differences, a line each."""
    found: list[str] = []
    skipped: list[str] = []
    base = (folder / "base_schema.sql").read_text("utf-8")
    known = [case for case in cases if version in case["labels"]]

    async def fill(sandbox: Sandbox) -> None:
        connection = await connect(sandbox.url)
        await connection.execute(base)
        await connection.close()

    with tempfile.TemporaryDirectory(prefix="dbarch-oracle-") as place:
        os.chmod(place, 0o711)
        binaries = None if version in EMBEDDED else SYSTEM / version / "bin"
        async with await open_sandboxes(
            cache=Path(place), near_version=int(version) * 10000, binaries=binaries
        ) as sandboxes:
            template = await sandboxes.template("lock oracle", fill)
            for case in known:
                seen = await observe_case(sandboxes, template, case)
                if seen is None:
                    skipped.append(case["id"])
                    continue
                label = label_of(case["labels"][version])
                found += [f"{version} {case['id']}: {line}" for line in facts_of(seen).differences(label)]
    wrong, ran = len({line.split(":")[0] for line in found}), len(known) - len(skipped)
    print(f"observed on {version}: {ran - wrong} of {ran} statements agree; not to be had here: {skipped or 'none'}")
    return found


async def main(arguments: argparse.Namespace) -> int:
    """Every version in turn; 1 when a statement differs."""
    lines = (arguments.folder / "lock_oracle_pg14_18.jsonl").read_text("utf-8").splitlines()
    cases = [case for case in map(json.loads, lines) if not arguments.only or case["id"] in arguments.only]
    found: list[str] = []
    for version in arguments.versions:
        found += await measure(arguments.folder, version, cases)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--versions", nargs="+", default=["15", "16", "18"])
    parser.add_argument("--only", nargs="+", default=[])
    try:
        sys.exit(asyncio.run(main(parser.parse_args())))
    except ArchitectError as error:
        sys.exit(str(error))
