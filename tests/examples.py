"""Examples of rules for Python, laid out as projects."""

from __future__ import annotations

import re
from pathlib import Path

HEAD = re.compile(r"^# file: (\S+)\n", re.MULTILINE)


def lay_out(root: Path, text: str) -> Path:
    """Write an example below `root`: one module, or each after its `# file:` line."""
    pieces = HEAD.split(text.lstrip("\n"))
    files = [("app/example.py", pieces[0])] if pieces[0].strip() else []
    for name, body in (*files, *zip(pieces[1::2], pieces[2::2], strict=True)):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, "utf-8")
    return root
