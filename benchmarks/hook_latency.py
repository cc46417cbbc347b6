"""What each hook adds to a tool call, beside an empty hook of the same interpreter.

    python -m benchmarks.hook_latency [--rounds 30] [--python python3]

Each hook is started as the client starts it (hooks/hooks.json), in turn with a program of one `pass`, on events that make it work: a
long shell line, a file of 2 000 lines with a credential in a repository, a transcript of 400 calls. Wall clock of the whole process, and its processor time, which
other work disturbs less. The bar: a median of 50 ms more than the empty one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
BAR = 50.0
TOOL = "mcp__plugin_dbarch_db__"
MODEL = "class Task(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n"


def cases(folder: Path) -> dict[str, tuple[str, dict[str, object]]]:
    """Hook and event by what is measured, in a project made for it."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / "models.py").write_text(MODEL * 200)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = alembic\n")
    (folder / "Makefile").write_text("".join(f"t{number}: t{number + 1}\n\techo {number}\n" for number in range(150)))
    long = " && ".join(
        [*(f"uv run python -c 'print({number})'" for number in range(40)), "make t0", "alembic upgrade head"]
    )
    text = "x = 1\n" * 2_000 + "URL = 'postgresql://app:" + "w9Fk2LqPz7@db.acme.io/app'\n"
    transcript = folder / "transcript.jsonl"
    transcript.write_text("".join(_call(number) for number in range(400)))
    stop = {
        "stop_hook_active": False,
        "agent_type": "dbarch:database-engineer",
        "agent_transcript_path": str(transcript),
    }
    edited = {"file_path": str(folder / "models.py")}
    return {
        "shell, ls": ("guard_shell", {"tool_name": "Bash", "tool_input": {"command": "ls -la"}}),
        "shell, 42 commands": ("guard_shell", {"tool_name": "Bash", "tool_input": {"command": long}}),
        "edit, 2 000 lines": (
            "guard_files",
            {"tool_name": "Write", "tool_input": {"file_path": "a.py", "content": text}},
        ),
        "a tool that reads": ("allow_reading", {"tool_name": f"{TOOL}inspect_schema", "tool_input": {}}),
        "after an edit": ("suggest_check", {"tool_name": "Edit", "tool_input": edited}),
        "a sub-agent ends": ("remind_record", stop),
        "a session starts": ("show_status", {}),
    }


def _call(number: int) -> str:
    use = {"type": "tool_use", "id": f"t{number}", "name": "Edit", "input": {"file_path": "models.py"}}
    return json.dumps({"message": {"content": [use]}, "padding": "x" * 500}) + "\n"


def milliseconds(command: list[str], event: dict[str, object], folder: Path) -> tuple[float, float]:
    """One run of a hook: by the clock, and of our processor (git's, which it may start, included)."""
    text = json.dumps({**event, "cwd": str(folder)}).encode()
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, input=text, stdout=subprocess.DEVNULL, env=environ, cwd=folder, check=True)
    clock, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return clock * 1000, used * 1000


def measure(python: str, rounds: int) -> dict[str, tuple[float, float, float, float]]:
    """The medians of each case, in ms: the hook's clock, the empty one's beside it, and the processor's time of both."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, (script, event) in cases(folder).items():
            hook = [python, "-I", "-S", str(ROOT / "hooks" / f"{script}.py")]
            empty = [python, "-I", "-S", "-c", "pass"]
            ours, others = [], []
            for _ in range(rounds):
                ours.append(milliseconds(hook, event, folder))
                others.append(milliseconds(empty, event, folder))
            clock, clock_of_empty = (median(one for one, _ in times) for times in (ours, others))
            used, used_by_empty = (median(one for _, one in times) for times in (ours, others))
            found[what] = (clock, clock_of_empty, used, used_by_empty)
    return found


def main() -> int:
    """Print the table; 1 when a median misses the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="how often each hook is started")
    parser.add_argument("--python", default="python3", help="the interpreter, as the client finds it")
    asked = parser.parse_args()
    medians = measure(asked.python, asked.rounds)
    print("| hook | ms (median) | empty hook | more | processor, ms | empty hook |\n|---|---|---|---|---|---|")
    for what, (ours, empty, used, used_by_empty) in medians.items():
        print(f"| {what} | {ours:.0f} | {empty:.0f} | {ours - empty:.0f} | {used:.0f} | {used_by_empty:.0f} |")
    return int(any(ours - empty > BAR for ours, empty, _, _ in medians.values()))


if __name__ == "__main__":
    sys.exit(main())
