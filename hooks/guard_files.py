"""Before a file is edited: no credential goes into a file that git keeps, or would keep. Standard library, Python 3.8 and newer.

Judged is what the edit would add: the file as it would be against the file as it is. A file that git ignores may hold what it
likes. Wrong input, a missing git and any fault of this program let the edit pass.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from credentials import find
from hook import LARGEST, folder_of, run, text

EDITORS = ("Write", "Edit", "MultiEdit", "NotebookEdit")
PATIENCE = 3
INSTEAD = (
    'Keep it in .env (and .env in .gitignore), read it there by name, as in os.environ["DATABASE_URL"], and put a placeholder like '
    "postgresql://USER:PASSWORD@HOST/DB into .env.example."
)


def decide(event):
    """What the client is told of an edit: deny, ask, or nothing."""
    if not isinstance(event, dict) or event.get("tool_name") not in EDITORS:
        return None
    given = event.get("tool_input")
    path = given.get("file_path") or given.get("notebook_path") if isinstance(given, dict) else None
    if not isinstance(path, str) or not path:
        return None
    folder = folder_of(event)
    path = os.path.join(folder, path)
    added = find_added(given, path)
    if not added:
        return None
    kept = is_kept(path)
    if kept is False or (kept is None and os.path.basename(path).startswith(".env")):
        return None
    kind, _, line = added[0]
    where = f"{os.path.basename(path)}:{line}"
    if kept is None:
        return said(
            "ask", f"This puts {kind} into {where}, and there is no git repository whose .gitignore would keep it out."
        )
    more = f" (and {len(added) - 1} more)" if len(added) > 1 else ""
    return said("deny", f"This puts {kind} into {where}{more}, a file that git does not ignore.")


def said(decision, reason):
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": decision,
            "permissionDecisionReason": f"{reason} {INSTEAD}",
        }
    }


def find_added(given, path):
    """The credentials that a file would hold and does not hold now."""
    before = text(path)
    after = edited(given, before)
    if len(after) > LARGEST:
        after = after[:LARGEST]
    return [one for one in find(after) if one[1] not in before]


def edited(given, before):
    """The text of the file after the edit; where that cannot be told, the texts that are put in."""
    whole = given.get("content", given.get("new_source"))
    if isinstance(whole, str):
        return whole
    edits = given.get("edits") if isinstance(given.get("edits"), list) else [given]
    after = before
    for edit in edits:
        old, new = (edit.get("old_string"), edit.get("new_string")) if isinstance(edit, dict) else (None, None)
        if not isinstance(new, str):
            continue
        if isinstance(old, str) and old and old in after:
            after = after.replace(old, new) if edit.get("replace_all") else after.replace(old, new, 1)
        else:
            after = f"{after}\n{new}"
    return after


def is_kept(path):
    """Whether git keeps a file, or would with the next `git add`: False when it is ignored, None outside a repository."""
    import subprocess  # only when there is something to judge: it is most of the time that this program takes

    folder = os.path.dirname(path)
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", folder, "check-ignore", "-q", "--", os.path.abspath(path)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE, env=environ,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return {0: False, 1: True}.get(done.returncode)


if __name__ == "__main__":
    run(decide)
