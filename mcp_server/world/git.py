"""What records say of the repository: its branch and who works in it. Read from its files where they tell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

SECONDS = 5.0


def read_branch(root: Path) -> str:
    """The checked-out branch; `detached at <commit>` without one; "" outside of a repository."""
    folder = _git_folder(root)
    if folder is None:
        return ""
    try:
        head = (folder / "HEAD").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    # Repositories that keep their refs in a table have a HEAD that only git can read.
    if head == "ref: refs/heads/.invalid":
        return _ask_git(root, "symbolic-ref", "--quiet", "--short", "HEAD")
    if head.startswith("ref:"):
        return head.removeprefix("ref:").strip().removeprefix("refs/heads/")
    return f"detached at {head[:12]}"


def read_user(root: Path, environ: Mapping[str, str] = os.environ) -> str:
    """The name that commits would carry, "" when none is set."""
    return environ.get("GIT_AUTHOR_NAME", "").strip() or _ask_git(root, "config", "--get", "user.name")


def _git_folder(root: Path) -> Path | None:
    """The folder that holds HEAD, for the nearest repository at or above `root`; a worktree's is named by a file."""
    for folder in (root, *root.parents):
        place = folder / ".git"
        if place.is_dir():
            return place
        if place.is_file():
            try:
                named = place.read_text("utf-8").strip().removeprefix("gitdir:").strip()
            except (OSError, UnicodeDecodeError):
                return None
            return folder / named
    return None


def _ask_git(root: Path, *words: str) -> str:
    try:
        answer = subprocess.run(
            ("git", "-C", str(root), *words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.decode("utf-8", "replace").strip() if answer.returncode == 0 else ""
