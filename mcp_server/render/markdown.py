"""Texts of a database, as they may stand in Markdown: nothing in them becomes markup, a link or a row of its own."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote as percent

from mcp_server.model.orm import Place
from mcp_server.render.words import one_line

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def plain(text: str) -> str:
    """A text in one line, its markup escaped."""
    return _MARKUP.sub(r"\\\1", one_line(text)).replace("\\\\n", " ")


def code(text: str) -> str:
    """A text as code in one line that may stand in a table; "" for none."""
    line = one_line(text).replace("|", "\\|")
    if not line:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def prose(text: str) -> str:
    """A sentence with code between back-ticks, in one line that may stand in a table; of the rest no markup is left."""
    parts = one_line(text).split("`")
    return "".join(code(part) if number % 2 else plain(part) for number, part in enumerate(parts))


def link(text: str, target: str) -> str:
    """A link that shows a text as code. target: a relative path."""
    return f"[{code(text)}]({percent(target, safe='/._-#')})"


def place_link(place: Place, folder: str) -> str:
    """`[app/models.py:12](../../app/models.py#L12)`. folder: of the page, relative to the project's root."""
    if not place.file or place.file.startswith("/"):
        return code(str(place))
    target = percent(posixpath.relpath(place.file, folder or "."), safe="/._-")
    return f"[{code(str(place))}]({target}{f'#L{place.line}' if place.line else ''})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. Columns whose cells are all empty are left out."""
    listed = [tuple(row) for row in rows]
    kept = [index for index in range(len(head)) if any(row[index] for row in listed)]
    lines = ["| " + " | ".join(head[index] for index in kept) + " |", "|" + "---|" * len(kept)]
    return "\n".join((*lines, *("| " + " | ".join(row[index] for index in kept) + " |" for row in listed)))
