"""npm packages that measurements and tests need; never part of what is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).resolve().parent.parent / ".tools"
VERSIONS = {"gpt-tokenizer": "4.0.0", "mermaid": "11.17.2", "jsdom": "29.1.1"}


def folder_with(*packages: str) -> Path:
    """A folder whose node_modules holds these packages, installed on first use. Raises RuntimeError without npm."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise RuntimeError(f"node and npm are needed for {', '.join(packages)}, and are not on the PATH")
    folder = TOOLS / "-".join(packages)
    missing = [name for name in packages if not (folder / "node_modules" / name / "package.json").is_file()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}\n', "utf-8")
        wanted = [f"{name}@{VERSIONS[name]}" for name in packages]
        options = ["--no-audit", "--no-fund", "--no-progress", "--ignore-scripts"]
        done = subprocess.run([npm, "install", *options, *wanted], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"npm could not install {', '.join(wanted)}:\n{done.stderr[-2000:]}")
    return folder


@contextmanager
def asking(folder: Path, answer: str) -> Iterator[Callable[[Any], Any]]:
    """A function that asks a node process, which runs in the folder, and returns what it answers.

    answer: a module script that ends in a function `answer` of one JSON value, whose (awaited) result goes back as JSON.
    """
    script = f"""{answer}
        import {{ createInterface }} from "node:readline";
        for await (const line of createInterface({{ input: process.stdin }})) {{
            process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\\n");
        }}
        process.exit(0);"""
    command = ["node", "--input-type=module", "--eval", script]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask(question: Any) -> Any:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("node ended without an answer: its reason is on standard error")
            return json.loads(line)

        yield ask
