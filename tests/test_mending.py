"""Mechanical fixes touch what was judged and nothing else."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from mcp_server.model.finding import Edit, Finding, Report
from mcp_server.model.schema_review import SchemaReview
from mcp_server.operations.mending import mend

BEFORE = b"engine = make(url)\n"


def review(text: str = ", ping=True", of: bytes = BEFORE) -> SchemaReview:
    found = Finding("C103", "warning", "make", "A message.", edits=(Edit("db.py", 17, 17, text),))
    return SchemaReview("models", Report.of([found]), digests=(("db.py", sha256(of).hexdigest()),))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "db.py").write_bytes(BEFORE)
    return tmp_path


def test_a_fix_is_shown_first_and_written_when_asked(root: Path) -> None:
    shown = mend(root, review(), write=False)
    assert "+engine = make(url, ping=True)" in shown.diff
    assert (root / "db.py").read_bytes() == BEFORE
    assert mend(root, review(), write=True).written == ("db.py",)
    assert (root / "db.py").read_bytes() == b"engine = make(url, ping=True)\n"


def test_a_file_that_was_changed_meanwhile_is_left_alone(root: Path) -> None:
    told = mend(root, review(of=b"engine = make()\n"), write=True)
    assert (root / "db.py").read_bytes() == BEFORE
    assert told.written == ()
    assert "changed while it was judged" in told.notes[0]


def test_a_fix_that_does_not_parse_is_not_written(root: Path) -> None:
    told = mend(root, review(text="]"), write=True)
    assert (root / "db.py").read_bytes() == BEFORE
    assert "would not parse" in told.notes[0]


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path, root: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_bytes(BEFORE)
    (root / "db.py").unlink()
    (root / "db.py").symlink_to(outside)
    assert mend(root, review(), write=True).written == ()
    assert outside.read_bytes() == BEFORE
