"""What the plugin costs a model in tokens: in every session, when its tools are loaded, and when an agent or a skill is used.

    python -m benchmarks.plugin_tokens

Counted twice: as `claude plugin details` reckons (a quarter of the characters), and as o200k, by the npm package
gpt-tokenizer, installed into .tools on first use. What a session carries is the line that the client lists for each agent (with its tools)
and for each skill that a model may call; the tools count with name, description and schema, as the client sends them.
Printed beside each figure: the budget that tests/test_plugin_budget.py keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.tokens import tokens

ROOT = Path(__file__).resolve().parent.parent
ALWAYS, TOOLS, BODY = 600, 6_000, 1_200


def document(path: Path) -> tuple[dict[str, Any], str]:
    """The front matter and the body of an agent or a skill."""
    _, front, body = path.read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def agents() -> Mapping[str, tuple[dict[str, Any], str]]:
    """Front matter and body of each agent, by its name."""
    return {path.stem: document(path) for path in sorted((ROOT / "agents").glob("*.md"))}


def skills() -> Mapping[str, tuple[dict[str, Any], str]]:
    """Front matter and body of each skill, by its name."""
    return {path.parent.name: document(path) for path in sorted((ROOT / "skills").glob("*/SKILL.md"))}


def listing() -> str:
    """The lines that every session carries: each agent with what it may use, each skill that a model may call."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    for name, (front, _) in agents().items():
        yield f"- dbarch:{name}: {front['description']} (Tools: {front['tools']})"
    for name, (front, _) in skills().items():
        if not front.get("disable-model-invocation"):
            yield f"- dbarch:{name}: {front['description']}"


def tool_list() -> str:
    """The tools as a model sees them once they are loaded."""
    listed = json.loads((ROOT / "launcher/catalogue.json").read_text("utf-8"))["tools"]
    return json.dumps([{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in listed])


def main() -> None:
    texts = {f"every session (at most {ALWAYS})": listing(), f"the tools, once loaded (at most {TOOLS:,})": tool_list()}
    texts |= {f"agent {name} (at most {BODY:,})": body for name, (_, body) in agents().items()}
    texts |= {f"skill {name}": body for name, (_, body) in skills().items()}
    counted = tokens(texts)
    print("| what | a quarter of the characters | o200k |\n|---|---|---|")
    for name, text in texts.items():
        print(f"| {name} | {-(-len(text) // 4):,} | {counted[name]:,} |")


if __name__ == "__main__":
    main()
