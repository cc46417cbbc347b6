"""The mechanical fixes of a review: shown as a diff, and written when that is asked."""

from __future__ import annotations

import ast
from dataclasses import replace
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path

from mcp_server.model.edits import apply
from mcp_server.model.finding import Edit
from mcp_server.model.schema_review import SchemaReview
from mcp_server.world.files import replace as replace_file


def mend(root: Path, review: SchemaReview, write: bool) -> SchemaReview:
    """The review with its fixes as a diff. write: change the files; one that would no longer parse is left alone."""
    diffs: list[str] = []
    written: list[str] = []
    notes = list(review.notes)
    judged = dict(review.digests)
    for name, edits in _by_file(review).items():
        path = root / name
        before = _read(root, path)
        if sha256(before).hexdigest() != judged.get(name):
            notes.append(f"{name} is left as it is: it was changed while it was judged, or leads out of the project.")
            continue
        after = apply(before, edits)
        if not _parses(after):
            notes.append(f"{name} is left as it is: with its fixes it would not parse.")
            continue
        diffs.append(_diff(name, before, after))
        if write:
            replace_file(path, after)
            written.append(name)
    return replace(review, diff="".join(diffs), written=tuple(written), notes=tuple(notes))


def _by_file(review: SchemaReview) -> dict[str, list[Edit]]:
    found: dict[str, list[Edit]] = {}
    for one in review.report.findings:
        for edit in one.edits:
            found.setdefault(edit.file, []).append(edit)
    return dict(sorted(found.items()))


def _read(root: Path, path: Path) -> bytes:
    """A file of the project; a link that leads out of it is nothing to be changed."""
    if path.is_symlink() or not path.resolve().is_relative_to(root.resolve()):
        return b""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _parses(data: bytes) -> bool:
    try:
        ast.parse(data)
    except (SyntaxError, ValueError):
        return False
    return True


def _diff(name: str, before: bytes, after: bytes) -> str:
    old, new = (data.decode("utf-8", "replace").splitlines(keepends=True) for data in (before, after))
    lines = unified_diff(old, new, f"a/{name}", f"b/{name}", n=1)
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)
