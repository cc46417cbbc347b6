"""Before a sub-agent ends: database work without a Prompt History Record is named, once. Standard library, Python 3.8 and newer.

What the agent did is read from its transcript; where the client keeps none, from the project's ledger (.dbarch/ledger.jsonl).
Its format is the client's own: what is not understood counts as no work.
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from database_files import kind_of
from hook import folder_of, run

PREFIX = "mcp__plugin_dbarch_db__"
EDITORS = ("Write", "Edit", "MultiEdit")
ALWAYS = ("apply_migration",)
UNLESS_TOLD = ("autogenerate_migration",)
WHEN_TOLD = ("design_models", "recommend_indexes", "review_schema")
LARGEST = 50_000_000


def decide(event):
    """Go on and record the work, or nothing. An agent that was sent back once is not sent back again."""
    if not isinstance(event, dict) or event.get("stop_hook_active") is not False:
        return None
    folder = folder_of(event)
    is_ours = str(event.get("agent_type") or "").startswith("dbarch:")
    calls = calls_of(event.get("agent_transcript_path"))
    if calls is None:
        calls = runs_of(folder) if is_ours else []
    if any(name == f"{PREFIX}write_phr" for name, _ in calls):
        return None
    if not is_ours and not any(name.startswith(PREFIX) for name, _ in calls):
        return None
    distinct = {
        f"{name} {given.get('file_path')}" if name in EDITORS else str(index): (name, given)
        for index, (name, given) in enumerate(calls)
    }
    done = sorted({what for what in (work(name, given, folder) for name, given in distinct.values()) if what})
    if not done:
        return None
    reason = f"This was database work ({', '.join(done[:4])}) and it has no Prompt History Record. Call write_phr (the prompt word for word, "
    return {
        "decision": "block",
        "reason": reason + "the stage, the files), or say in your report that it is still to be recorded. Then end.",
    }


def work(name, given, folder):
    """What a call changed of the database or its description, in a word; "" for nothing."""
    if name in EDITORS:
        path = str(given.get("file_path") or "")
        return os.path.basename(path) if kind_of(os.path.join(folder, path))[0] else ""
    tool = name[len(PREFIX) :] if name.startswith(PREFIX) else ""
    told = given.get("write")
    if tool in ALWAYS or (tool in UNLESS_TOLD and told is not False) or (tool in WHEN_TOLD and told):
        return tool
    if tool == "check_isolation" and given.get("policies", "no") not in ("no", "show"):
        return tool
    return tool if tool == "manage_branch" and given.get("action") in ("create", "reset", "delete") else ""


def calls_of(path):
    """(tool, input) of the calls in a transcript that did not fail; None when there is none to read."""
    try:
        if not isinstance(path, str) or not path or os.path.getsize(path) > LARGEST:
            return None
        with open(path, encoding="utf-8", errors="replace") as file:
            blocks = [block for line in file if '"tool_' in line for block in blocks_of(line)]
    except (OSError, ValueError):
        return None
    failed = {
        block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result" and block.get("is_error")
    }
    uses = [block for block in blocks if block.get("type") == "tool_use" and isinstance(block.get("name"), str)]
    tried = f"{PREFIX}write_phr"
    return [
        (use["name"], use["input"] if isinstance(use.get("input"), dict) else {})
        for use in uses
        if use.get("id") not in failed or use["name"] == tried
    ]


def blocks_of(line):
    """The content blocks of one line of a transcript."""
    try:
        content = json.loads(line)["message"]["content"]
    except (ValueError, KeyError, TypeError):
        return []
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def runs_of(folder):
    """(tool, arguments) of the runs that no record has taken up, by the project's ledger."""
    root = os.environ.get("CLAUDE_PROJECT_DIR") or folder
    try:
        with open(os.path.join(root, ".dbarch", "recorded"), encoding="utf-8") as file:
            marker = file.read().strip()
    except (OSError, ValueError):
        marker = ""
    runs = []
    try:
        with open(os.path.join(root, ".dbarch", "ledger.jsonl"), encoding="utf-8", errors="replace") as file:
            for line in file:
                run = parsed(line)
                runs.append(run)
                if marker and run.get("id") == marker:
                    runs.clear()
    except OSError:
        return []
    given = [(run.get("tool"), run.get("arguments")) for run in runs]
    return [(PREFIX + tool, args if isinstance(args, dict) else {}) for tool, args in given if isinstance(tool, str)]


def parsed(line):
    try:
        run = json.loads(line)
    except ValueError:
        return {}
    return run if isinstance(run, dict) else {}


if __name__ == "__main__":
    run(decide)
