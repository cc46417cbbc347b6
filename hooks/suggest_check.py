"""After an edit of models, a migration or a spec: one line on what to run. Standard library, Python 3.8 and newer."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from database_files import kind_of
from hook import folder_of, run

EDITORS = ("Write", "Edit", "MultiEdit")


def decide(event):
    """What the model is told after an edit, None for nothing."""
    if not isinstance(event, dict) or event.get("tool_name") not in EDITORS:
        return None
    given = event.get("tool_input")
    path = given.get("file_path") if isinstance(given, dict) else None
    if not isinstance(path, str):
        return None
    folder = folder_of(event)
    told = line_for(*kind_of(os.path.join(folder, path)))
    return {"hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": told}} if told else None


def line_for(kind, revision):
    """The one line for a kind of file."""
    if kind == "models":
        return "dbarch: models changed. review_schema(source=models) judges them; autogenerate_migration(write=false) shows what it means for tables."
    if kind == "migration":
        return f"dbarch: a migration changed. review_migration(revision={revision}) rehearses it up, down and up before anyone applies it."
    if kind == "spec":
        return "dbarch: a spec of the schema changed. compare_schemas(sources=spec,models) says where the models now differ from it."
    return ""


if __name__ == "__main__":
    run(decide)
