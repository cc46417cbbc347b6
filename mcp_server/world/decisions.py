"""The decisions of a project: the records under history/adr, read leniently."""

from __future__ import annotations

import re
from pathlib import Path

from mcp_server.model.documented import Decision

FOLDERS = ("history/adr", "docs/adr")
_TITLE = re.compile(r"^#\s+(?:ADR[-\s]?)?(?:\d+\s*[:.)—–-]\s*)?(?P<title>.+?)\s*#*$", re.I | re.M)
_SAID = r"^[-*]?\s*\**{word}\**\s*:\**\s*(?P<text>\S.*?)\s*$"
_BELOW = r"^##+\s*{word}\s*\n+(?P<text>\S.*?)\s*$"
_NUMBER = re.compile(r"^(?:ADR-?)?(\d+)", re.I)


def read_decisions(root: Path) -> tuple[Decision, ...]:
    """Every record, by folder and file name. One that is no UTF-8 is listed by its name alone."""
    found = [path for folder in FOLDERS for path in sorted((root / folder).glob("*.md"))]
    return tuple(
        _decision(path, root) for path in found if path.is_file() and path.stem.lower() not in ("readme", "index")
    )


def _decision(path: Path, root: Path) -> Decision:
    text = path.read_text("utf-8", "replace")
    number = _NUMBER.match(path.stem)
    title = _TITLE.search(text)
    return Decision(
        number=number[1] if number else "",
        title=title["title"] if title else path.stem,
        file=path.relative_to(root).as_posix(),
        status=_stated(text, "Status"),
        date=_stated(text, "Date"),
    )


def _stated(text: str, word: str) -> str:
    """What stands behind a word, as `- **Status:** Accepted` or below a heading; "" for a placeholder."""
    for form in (_SAID, _BELOW):
        match = re.search(form.format(word=word), text, re.I | re.M)
        if match and "{{" not in match["text"]:
            return match["text"].strip("* ")
    return ""
