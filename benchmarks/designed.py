"""Models designed from specs, held against the specs: is anything lost or invented, does it import, what do the rules find?

    python -m benchmarks.designed FOLDER [--python INTERPRETER] [--whole] [project ...]

FOLDER holds projects, each with specs/. For every project its whole spec, and each of its documents by itself (not with --whole),
is designed; the modules are imported by the interpreter (that of this process when none is named), made real, and compared with the documents.
A spec that contradicts itself (rules P, errors) is designed too and counted apart. Printed: every disagreement that no
decision answers for, faults of the rules O and C, and what could not be designed, with why.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from mcp_server.errors import ArchitectError
from mcp_server.model.designed import DesignReport
from mcp_server.operations.design import designed
from mcp_server.world.settings import read_settings
from mcp_server.world.shelf import Shelf
from mcp_server.world.specs import find_documents
from mcp_server.world.workspace import Workspace


@dataclass
class Count:
    """How many specs of one kind, and what became of them."""

    specs: int = 0
    agree: int = 0
    tables: int = 0
    added: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    refused: int = 0


def cases_in(folder: Path, names: list[str], whole: bool) -> Iterator[tuple[Path, str]]:
    """Each project with "" for its whole spec, then with each document unless only whole ones are wanted."""
    for project in sorted(one for one in folder.iterdir() if one.is_dir() and (not names or one.name in names)):
        yield project, ""
        documents = find_documents(project, "specs")
        if len(documents) > 1 and not whole:
            yield from ((project, path.relative_to(project).as_posix()) for path in documents)


async def measure(folder: Path, names: list[str], python: str, whole: bool) -> int:
    """Design everything, and print what came of it. -> 0 when the specs without contradictions all agree."""
    counts = {"free of contradictions": Count(), "with contradictions": Count()}
    not_designed: list[str] = []
    began = time.monotonic()
    with TemporaryDirectory() as cache:
        shelf = Shelf()
        try:
            for project, name in cases_in(folder, names, whole):
                settings = read_settings(project, {"DBARCH_CACHE_DIR": cache})
                workspace = Workspace(settings, None, shelf).configured(python=python)
                label = f"{project.name} {name}".strip()
                try:
                    report = await designed(workspace, name)
                except ArchitectError as error:
                    not_designed.append(f"{label}: {' '.join(str(error).split())[:200]}")
                    continue
                torn = any(one.severity == "error" for one in report.contradictions)
                tell(label, report, counts["with contradictions" if torn else "free of contradictions"])
        finally:
            await shelf.clear()
    summarise(counts, not_designed, time.monotonic() - began)
    free = counts["free of contradictions"]
    return 0 if free.specs == free.agree else 1


def tell(label: str, report: DesignReport, count: Count) -> None:
    """Count a report, and print what is wrong with it."""
    proof = report.proof
    count.specs += 1
    count.agree += not (proof.against or proof.faults)
    count.tables += len(report.design.classes)
    count.added.update(one.kind for one in proof.added)
    count.judged.update(one.code for one in proof.judged)
    count.refused += len(proof.refused)
    print(
        f"{label}: {len(report.design.classes)} tables, {'agrees' if not (proof.against or proof.faults) else 'DISAGREES'}"
    )
    for one in proof.against:
        says = " | ".join(f"{cell.word.partition(':')[0]}: {cell.text or 'nothing'}" for cell in one.cells)
        print(f"    {one.kind} {one.table}.{one.column}: {says}")
    for fault in proof.faults:
        print(f"    {fault.code} {fault.subject}: {fault.message} {fault.place}")
    for text in proof.refused:
        print(f"    {text[:200]}")


def summarise(counts: dict[str, Count], not_designed: list[str], seconds: float) -> None:
    """Print the totals."""
    for name, one in counts.items():
        print(f"\n{name}: {one.agree} of {one.specs} specs agree with their models, {one.tables} tables")
        print(f"    additions where the spec is silent: {dict(one.added.most_common())}")
        print(f"    findings of the rules on what is stated: {dict(sorted(one.judged.items()))}")
        print(f"    statements that Postgres refuses: {one.refused}")
    print(f"\nnot designed: {len(not_designed)}")
    print("".join(f"    {line}\n" for line in not_designed), end="")
    print(f"{seconds:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("projects", nargs="*")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--whole", action="store_true")
    given = parser.parse_intermixed_args()
    sys.exit(asyncio.run(measure(given.folder, given.projects, given.python, given.whole)))
