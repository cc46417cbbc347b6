"""Spec documents put into the canonical form: how much of them can be with the same meaning, and which lines are kept.

    python -m benchmarks.spec_normal FOLDER [project ...]

FOLDER holds projects with specs/. Each project's documents are rewritten one by one, each read beside the others; a part
counts only when the spec, read again and folded, states the same. At the end all of it is proven once more as a whole.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.spec_drift import projects_in
from mcp_server.errors import ArchitectError
from mcp_server.model.spec_sameness import difference
from mcp_server.world.spec_normal import normalise_all
from mcp_server.world.specs import read_document


def main(folder: Path, names: list[str]) -> int:
    """Print the lines that are kept, and the sums."""
    counts: Counter[str] = Counter()
    began = time.monotonic()
    for project in projects_in(folder, names):
        try:
            found = normalise_all(project)
        except ArchitectError as error:
            print(f"{project.name}: {error.message}")
            continue
        for one in found:
            counts.update(
                {"documents": 1, "changed": one.text != one.before, "rewritten": one.parts, "kept": len(one.kept)}
            )
            print("".join(f"{project.name}/{each.place}: {each.why}\n" for each in one.kept), end="")
        told = difference(
            [read_document(one.before, one.path) for one in found], [read_document(one.text, one.path) for one in found]
        )
        counts["projects that differ"] += bool(told)
    listed = ", ".join(f"{count} {what}" for what, count in counts.items())
    print(f"\n{listed}, in {time.monotonic() - began:.1f} s")
    return int(bool(counts["projects that differ"]))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
