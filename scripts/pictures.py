"""Pictures of a terminal for the README, of real runs: `python -m scripts.pictures` makes docs/pictures anew.

The demo's project is made and kept, its Postgres started, and each command run there; what it printed is drawn, no word changed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"
COLUMNS, MOST, SECONDS = 118, 44, 300
_DBARCH = (sys.executable, "-m", "mcp_server")


@dataclass(frozen=True, slots=True)
class Picture:
    """A command as a person types it, after `dbarch`, and the name of its file."""

    name: str
    command: str


PICTURES = (
    Picture(
        "review",
        'review-migration --sql "alter table tasks add column due_at timestamptz not null default clock_timestamp()"',
    ),
    Picture(
        "explain",
        'explain-query "select id, user_id from tasks where lower(title) = \'task 7\'" --analyze --indexes "tasks (lower(title))"',
    ),
    Picture("isolation", "check-isolation"),
)


def draw(command: str, text: str) -> str:
    """A terminal as SVG: the prompt with the command, and what it printed, wrapped, at most MOST lines of it."""
    lines = [part for line in text.rstrip().splitlines() for part in _wrapped(line)]
    if len(lines) > MOST:
        lines = [*lines[: MOST - 1], f"... {len(lines) - MOST + 1} more lines"]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    prompt = textwrap.wrap(f"$ dbarch {command}", COLUMNS, subsequent_indent="    ")
    shown = [[line.replace(" ", "\N{NO-BREAK SPACE}") for line in part] for part in (prompt, lines)]
    return environment.get_template("terminal.svg.j2").render(prompt=shown[0], lines=shown[1], columns=COLUMNS)


def _wrapped(line: str) -> list[str]:
    indent = re.match(r"\s*", line)
    under = (indent.group() if indent else "") + "  "
    return textwrap.wrap(line, COLUMNS, subsequent_indent=under, drop_whitespace=False) or [""]


@contextmanager
def _demo(folder: Path) -> Iterator[Path]:
    """The demo's project with its Postgres running."""
    subprocess.run(
        (*_DBARCH, "demo", "--keep"),
        env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, check=True, timeout=SECONDS,
    )  # fmt: skip
    project = next(folder.glob("*/todo-chatbot"))
    with subprocess.Popen((*_DBARCH, "dev"), cwd=project, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        next(line for line in server.stdout if line.startswith("DATABASE_URL="))
        try:
            yield project
        finally:
            server.terminate()


def main() -> int:
    """Make all pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, _demo(Path(name)) as project:
        for picture in PICTURES:
            words = (*_DBARCH, *shlex.split(picture.command))
            ran = subprocess.run(words, cwd=project, capture_output=True, text=True, timeout=SECONDS, check=False)
            if ran.returncode > 1:
                raise SystemExit(f"dbarch {picture.command} ended with {ran.returncode}: {ran.stderr}")
            (FOLDER / f"{picture.name}.svg").write_text(draw(picture.command, ran.stdout))
    return 0


if __name__ == "__main__":
    sys.exit(main())
