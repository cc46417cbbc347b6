"""Write the generated pages anew: `python -m scripts.docs`; with `--check`, only say which are stale.

docs/tools.md comes from the operations' own contracts, launcher/catalogue.json from the server's list of tools, docs/rules
from the rules' docstrings and examples, and what skills refer to from the rules' and the planner's docstrings.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from mcp_server.door import Contract, contract_of
from mcp_server.operations import OPERATIONS
from mcp_server.render.rule_page import render_rule, render_rules
from mcp_server.rules import rules
from scripts.skill_references import skill_references
from scripts.write_catalogue import text as catalogue

ROOT = Path(__file__).parents[1]


def tools_page() -> str:
    """The reference of all tools, in the order of OPERATIONS."""
    head = "# Tools\n\nGenerated from the operations' docstrings by `make docs`. Each tool is also a command: `dbarch tool-name`.\n"
    return head + "".join(_tool(contract_of(operation)) for operation in OPERATIONS)


def _tool(contract: Contract) -> str:
    rows = [
        f"| `{argument.name}` | {_type(argument.type)} | {_default(argument.default)} | {_cell(argument.description)} |"
        for argument in contract.arguments
    ]
    table = "| argument | type | default | |\n|---|---|---|---|\n" + "\n".join(rows)
    return f"\n## {contract.name}\n\n{contract.title}; {contract.effect}.\n\n{contract.description}\n\n{table}\n"


def _type(type_: object) -> str:
    plain = isinstance(type_, type) and not getattr(type_, "__args__", ())
    return f"`{_cell(getattr(type_, '__name__', '') if plain else str(type_).replace('typing.', ''))}`"


def _cell(text: str) -> str:
    """The text as it may stand in a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _default(default: object) -> str:
    return "required" if default is inspect.Parameter.empty else f"`{default!r}`"


def pages() -> dict[Path, str]:
    """Every generated page and what it should hold."""
    top = {ROOT / "docs/tools.md": tools_page(), ROOT / "launcher/catalogue.json": catalogue()}
    return {**top, **rule_pages(), **skill_references()}


def rule_pages() -> dict[Path, str]:
    """A page for each rule, and their index."""
    folder = ROOT / "docs/rules"
    found = {folder / f"{one.rule.code}.md": render_rule(one.name, one.page, one.rule) for one in rules()}
    return {folder / "README.md": render_rules(tuple((one.name, one.page, one.rule) for one in rules())), **found}


def stale() -> list[Path]:
    """The generated pages that differ from what they should hold."""
    wanted = pages()
    left = [path for path in (ROOT / "docs/rules").glob("*.md") if path not in wanted]
    return left + [
        path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def write(path: Path, text: str | None) -> None:
    """Put a page in its place; one that nothing generates any more is removed."""
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    old = stale()
    if "--check" not in sys.argv:
        wanted = pages()
        for path in old:
            write(path, wanted.get(path))
    for path in old:
        print(path.relative_to(ROOT))
    sys.exit(bool(old) and "--check" in sys.argv)
