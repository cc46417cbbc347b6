"""Long reports, kept in the cache folder by run id, so that an answer can be short and name the rest."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from mcp_server.errors import NotFound

KEPT = 200
ENDINGS = (".txt", ".html")
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def new_run() -> str:
    """A name for one run, short enough to say."""
    return secrets.token_hex(4)


def keep_report(cache: Path, run: str, text: str) -> str:
    """Keep a report and return its address. The oldest beyond KEPT are removed.

    cache: the workspace's cache folder. Only the user may read what is kept. Raises OSError when it cannot be
    written, ValueError when `run` is not a name.
    """
    folder = cache / "runs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = page_path(cache, run) if text.startswith("<!doctype html>") else folder / f"{_checked(run)}.txt"
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
    kept = (path for path in folder.iterdir() if path.suffix in ENDINGS)
    for old in sorted(kept, key=_age, reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)
    return address(run)


def read_report(cache: Path, run: str) -> str:
    """The text of a report that was kept. Raises NotFound."""
    hint = "Reports are kept for the last runs only; run the operation again."
    try:
        page = page_path(cache, run)
        return (page if page.exists() else page.with_name(f"{run}.txt")).read_text("utf-8")
    except ValueError as error:
        raise NotFound(
            f"`{run[:80]}` is not the name of a run.", "Use the id from a `dbarch://runs/` address."
        ) from error
    except OSError as error:
        raise NotFound(f"There is no report of run {run}.", hint) from error


def page_path(cache: Path, run: str) -> Path:
    """The file of a report that is a page, for a browser. Raises ValueError when `run` is not a name."""
    return cache / "runs" / f"{_checked(run)}.html"


def address(run: str) -> str:
    """Where a client reads the report of a run."""
    return f"dbarch://runs/{run}"


def _checked(run: str) -> str:
    if RUN.fullmatch(run) is None:
        raise ValueError(run)
    return run


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
