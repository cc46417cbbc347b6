"""Long reports, kept in the cache folder by run id, so that an answer can be short and name the rest."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import Any

from mcp_server.errors import NotFound

KEPT = 200
ENDINGS = (".txt", ".json")
_AGAIN = "Reports are kept for the last runs only; run the operation again."
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def new_run() -> str:
    """A name for one run, short enough to say."""
    return secrets.token_hex(4)


def keep_report(cache: Path, run: str, text: str) -> str:
    """Keep a report and return its address. The oldest beyond KEPT are removed.

    cache: the workspace's cache folder. Only the user may read what is kept. Raises OSError when it cannot be
    written, ValueError when `run` is not a name.
    """
    _keep(cache, f"{_checked(run)}.txt", text)
    return address(run)


def keep_page(cache: Path, run: str, data: object) -> str:
    """Keep what stands on a page, as JSON, and return its address; otherwise as `keep_report` does."""
    _keep(cache, f"{_checked(run)}.json", json.dumps(data, ensure_ascii=False))
    return address(run)


def _keep(cache: Path, name: str, text: str) -> None:
    folder = cache / "runs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
    kept = [path for path in folder.iterdir() if path.suffix in ENDINGS]
    if len(kept) > KEPT:
        for old in sorted(kept, key=_age, reverse=True)[KEPT:]:
            old.unlink(missing_ok=True)


def read_report(cache: Path, run: str) -> str:
    """The text of a report that was kept. Raises NotFound."""
    try:
        return (cache / "runs" / f"{_checked(run)}.txt").read_text("utf-8")
    except ValueError as error:
        raise NotFound(
            f"`{run[:80]}` is not the name of a run.", "Use the id from a `dbarch://runs/` address."
        ) from error
    except OSError as error:
        raise NotFound(f"There is no report of run {run}.", _AGAIN) from error


def read_page(cache: Path, run: str) -> dict[str, Any] | None:
    """What stands on the page of a run, with the JSON of the report that it names as "document"; None when it has no page.

    Raises NotFound when that report is gone.
    """
    path = cache / "runs" / f"{run}.json"
    if RUN.fullmatch(run) is None or not path.is_file():
        return None
    try:
        data = json.loads(path.read_text("utf-8"))
        if "document" in data:
            data["document"] = json.loads(read_report(cache, data["document"]))
    except (OSError, ValueError) as error:
        raise NotFound(f"The page of run {run} cannot be read any more.", _AGAIN) from error
    return dict(data)


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
