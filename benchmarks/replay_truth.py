"""Histories of real projects, replayed: what is found of each revision, against what a replay was seen to do; squawk beside it.

    python -m benchmarks.replay_truth FOLDER [--version 15] [--history word ...] [--observed-only] [--misses]

FOLDER holds alembic_replay_truth.jsonl (see replayed.py). A revision is hazardous when one of its statements of DDL rewrites, reads or
indexes what stood before while a lock is held that keeps others from writing. "given" is what the file says, "fresh" what this run was seen
to do. What works on rows alone (UPDATE, INSERT ... SELECT) under the lock of an earlier statement is no event of the file; it is counted
apart (M135). Found is an error or a warning about such work; warned by squawk is a rule of its about locks.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lock_oracle import EMBEDDED, SYSTEM
from benchmarks.replayed import Compared, Replayed, Told, by_history, read_truth, replay
from mcp_server.errors import ArchitectError
from mcp_server.model.action import DATA_VERBS
from mcp_server.model.finding import Finding
from mcp_server.model.observation import Effect
from mcp_server.operations.second_opinion import joined
from mcp_server.operations.walking import actions_of
from mcp_server.rules import judge
from mcp_server.rules.migration.lock_held_during_slow_work import works_on_rows as on_rows
from mcp_server.world.sandbox import Sandboxes, open_sandboxes
from mcp_server.world.squawk import ask_squawk

# Rules about work that lasts as long as a table is large, under a lock that keeps others from writing.
SLOW = frozenset(
    {
        "M101", "M103", "M104", "M105", "M106", "M107", "M108", "M109", "M110", "M111", "M112", "M113", "M115",
        "M116", "M117", "M120", "M121", "M122", "M123", "M124", "M125", "M136",
        "M206", "M302",  # what empties a table builds its indexes anew, and a required column is verified, where it does not fail
    }
)  # fmt: skip
ROWS = "M135"
SQUAWK = frozenset(
    {
        "adding-field-with-default", "adding-foreign-key-constraint", "adding-not-nullable-field", "adding-required-field",
        "adding-serial-primary-key-field", "ban-truncate-cascade", "ban-alter-domain-with-add-constraint", "changing-column-type", "constraint-missing-not-valid", "disallowed-unique-constraint",
        "require-concurrent-index-creation", "require-concurrent-index-deletion", "require-concurrent-partition-detach",
        "require-concurrent-reindex",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """A revision and what was said of it. given, fresh: whether it is hazardous; predicted, squawk: None where not asked."""

    replayed: Replayed
    findings: tuple[Finding, ...]
    given: bool
    fresh: bool
    found: bool
    predicted: bool | None
    squawk: bool | None


def is_blocking(effect: Effect) -> bool:
    """Slow work while a lock keeps others from writing."""
    return effect.is_slow and any(lock.is_blocking for lock in effect.locks)


def told(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(one for one in findings if one.code in SLOW and one.severity != "info")


def works_on_rows(sql: str) -> bool:
    actions = actions_of(sql)
    return bool(actions) and all(action.verb in DATA_VERBS and action.verb != "truncate" for action in actions)


async def judged(replayed: Replayed) -> Judged:
    findings = judge(replayed.migration).findings
    return Judged(
        replayed,
        findings,
        any(one.told.is_hazard for one in replayed.statements),
        any(is_blocking(one.effect) and not on_rows(one) for one in replayed.migration.statements),
        bool(told(findings)),
        any(
            one.predicted and is_blocking(one.predicted) and not works_on_rows(one.told.sql)
            for one in replayed.statements
        )
        if all(one.predicted for one in replayed.statements)
        else None,
        await warned(replayed),
    )


async def warned(replayed: Replayed) -> bool | None:
    text, _ = joined(replayed.migration.statements)
    opinions = await ask_squawk(text, replayed.migration.major, in_transaction=True) if text else ()
    return None if opinions is None else any(one.rule in SQUAWK for one in opinions)


def differences(one: Compared) -> Iterator[str]:
    """What was seen, and what was predicted, that the truth tells otherwise."""
    if one.refusal:
        yield f"refused: {one.refusal}"
        return
    assert one.seen is not None
    if works_on_rows(one.told.sql):
        return
    yield from (f"observed {line}" for line in _against(one.told, one.seen.effect))
    if one.predicted is not None:
        yield from (f"predicted {line}" for line in _beside(one.predicted, one.seen.effect))


def _against(told: Told, effect: Effect) -> Iterator[str]:
    plain = {name: _plain(getattr(effect, name)) for name in ("scans", "builds")}
    held = {lock.relation: lock.mode for lock in effect.locks if lock.is_blocking}
    if held != told.held:
        yield f"held {_dict(held)} instead of {_dict(told.held)}"
    if not told.rewrites <= _plain(effect.rewrites):
        yield f"rewrites {sorted(effect.rewrites)} instead of {sorted(told.rewrites)}"
    if plain["builds"] != told.builds:
        yield f"builds {sorted(plain['builds'])} instead of {sorted(told.builds)}"
    if not told.scans <= plain["scans"] or (told.keys and not plain["scans"]):
        yield f"scans {sorted(plain['scans'])} instead of {sorted(told.scans | told.keys)}"
    if plain["scans"] and not (told.rewrites | told.builds | told.scans | told.keys):
        yield f"scans {sorted(plain['scans'])} instead of nothing"


def _beside(predicted: Effect, seen: Effect) -> Iterator[str]:
    for name in ("rewrites", "scans", "builds"):
        mine, theirs = getattr(predicted, name), getattr(seen, name)
        if mine != theirs:
            yield f"{name} {list(mine)} instead of {list(theirs)}"
    mine, theirs = _held(predicted), _held(seen)
    if mine != theirs:
        yield f"held {_dict(mine)} instead of {_dict(theirs)}"


def _held(effect: Effect) -> dict[str, str]:
    return {lock.relation: lock.mode for lock in effect.locks if lock.is_blocking}


def _plain(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.rpartition(".")[2].strip('"') for name in names)


def _dict(held: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {mode}" for name, mode in sorted(held.items())) + "}"


def ratio(told: Sequence[tuple[bool | None, bool]]) -> str:
    """Recall and precision of (said, is so)."""
    true, so, said = sum(bool(a and b) for a, b in told), sum(b for _, b in told), sum(bool(a) for a, _ in told)
    return f"{_share(true, so)} | {_share(true, said)}"


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} ({part / whole:.1%})" if whole else f"{part}/{whole}"


def row(name: str, revisions: Sequence[Judged]) -> str:
    """One row of the table."""
    ours = ratio([(one.found, one.given) for one in revisions]), ratio([(one.found, one.fresh) for one in revisions])
    asked = [(one.squawk, one.given) for one in revisions if one.squawk is not None]
    fresh = [(one.squawk, one.fresh) for one in revisions if one.squawk is not None]
    others = (ratio(asked), ratio(fresh)) if asked else ("not installed | ", "not installed | ")
    return f"| {name} | {len(revisions)} | {ours[0]} | {ours[1]} | {others[0]} | {others[1]} |"


def misses(one: Judged) -> Iterator[str]:
    """A line for each disagreement about a revision, and about its statements."""
    codes = ",".join(sorted({finding.code for finding in told(one.findings)}))
    where = f"{one.replayed.history}@{one.replayed.revision}"
    if one.found != one.given or one.found != one.fresh:
        word = "found" if one.found else "not found"
        yield f"{word} {codes}, given {one.given}, fresh {one.fresh}: {where}"
        yield from (f"    {finding.code} {finding.place} {finding.message[:150]}" for finding in told(one.findings))
    if one.predicted not in (None, one.fresh):
        yield f"predicted {one.predicted}, fresh {one.fresh}: {where}"
    for statement in one.replayed.statements:
        for line in differences(statement):
            yield f"  {statement.told.source}: {line}\n      {' '.join(statement.told.sql.split())[:300]}"


async def measure(
    sandboxes: Sandboxes, told: Iterable[Told], words: Sequence[str], *, predicting: bool
) -> dict[str, list[Judged]]:
    found: dict[str, list[Judged]] = {}
    for history, revisions in by_history(told):
        if words and not any(word in history for word in words):
            continue
        found[history] = [await judged(one) async for one in replay(sandboxes, revisions, predicting=predicting)]
        print(row(history.partition(":")[0], found[history]), flush=True)
    return found


def summary(every: Sequence[Judged]) -> Iterator[str]:
    """What all histories have together."""
    yield row("together", every)
    rows = [
        any(is_blocking(part.effect) and on_rows(part) for part in one.replayed.migration.statements) for one in every
    ]
    named = [any(finding.code == ROWS for finding in one.findings) for one in every]
    yield f"\nrows worked through under a lock of an earlier statement: {ratio([*zip(named, rows, strict=True)])}"
    if asked := [(one.predicted, one.fresh) for one in every if one.predicted is not None]:
        yield f"predicted alone, against fresh: {ratio(asked)}"
    counted = Counter(
        line.split()[0] for one in every for statement in one.replayed.statements for line in differences(statement)
    )
    yield f"lines of difference by statement: {dict(counted)}"
    for one in every:
        for refused in one.replayed.refusals:
            yield f"does not replay on an empty database: {refused.told.source}: {refused.refusal}"


async def main(arguments: argparse.Namespace) -> int:
    told = read_truth(arguments.folder / "alembic_replay_truth.jsonl")
    with tempfile.TemporaryDirectory(prefix="dbarch-replay-", ignore_cleanup_errors=True) as place:
        os.chmod(place, 0o711)
        binaries = None if arguments.version in EMBEDDED else SYSTEM / arguments.version / "bin"
        async with await open_sandboxes(
            cache=Path(place), near_version=int(arguments.version) * 10000, binaries=binaries
        ) as sandboxes:
            print(f"PostgreSQL {arguments.version}\n")
            print(
                "| history | revisions | recall, given | precision | recall, fresh | precision | squawk: recall, given | precision | recall, fresh | precision |"
            )
            print("|---|---|---|---|---|---|---|---|---|---|")
            found = await measure(sandboxes, told, arguments.history, predicting=not arguments.observed_only)
    every = [one for revisions in found.values() for one in revisions]
    print("\n".join(summary(every)))
    if arguments.misses:
        print("\n".join(line for one in every for line in misses(one)))
    return 0 if all(one.found == one.fresh for one in every) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", default="15")
    parser.add_argument("--history", nargs="*", default=[])
    parser.add_argument(
        "--observed-only", action="store_true", help="leave out the predictions, which take most of the time"
    )
    parser.add_argument("--misses", action="store_true")
    try:
        sys.exit(asyncio.run(main(parser.parse_args())))
    except ArchitectError as error:
        sys.exit(str(error))
