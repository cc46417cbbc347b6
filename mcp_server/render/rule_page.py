"""A rule as a page: what is wrong and why, then its own examples."""

from __future__ import annotations

import re

from mcp_server.model.finding import Rule

_LINK = re.compile(r"^(https?://\S+)$", re.MULTILINE)


def render_rule(name: str, page: str, rule: Rule) -> str:
    """The page of a rule in Markdown. name: its file's. page: its docstring."""
    text = _LINK.sub(r"<\1>", page)
    parts = [f"# {rule.code} {name.replace('_', ' ')}", f"Severity: {rule.severity}.", text]
    if rule.since or rule.until < 99:
        parts.append(f"For PostgreSQL {rule.since}{' and newer' if rule.until == 99 else f' to {rule.until}'}.")
    language = {"sql": "sql", "query": "sql", "plan": "json", "spec": "markdown"}.get(rule.form, "python")
    if rule.given:
        parts.append(_example("Given", "sql", rule.given))
    if rule.bad:
        parts.append(_example("Found", language, rule.bad))
    parts += [_example("Not found", language, one) for one in rule.good]
    return "\n\n".join(parts) + "\n"


def render_rules(listed: tuple[tuple[str, str, Rule], ...]) -> str:
    """The index of all rules: (name, page, rule) each."""
    rows = [
        f"| [{rule.code}]({rule.code}.md) | {rule.severity} | {page.partition(chr(10))[0].replace('|', chr(92) + '|')} |"
        for _, page, rule in listed
    ]
    head = "# Rules\n\nGenerated from the rules' own files by `make docs`. Each is tried on a real Postgres by the tests.\n"
    return "\n".join([head, "| code | severity | |", "|---|---|---|", *rows]) + "\n"


def _example(title: str, language: str, text: str) -> str:
    lines = text.strip().replace("; ", ";\n") if language == "sql" else text.strip()
    fence = "````" if "```" in lines else "```"
    return f"{title}:\n\n{fence}{language}\n{lines}\n{fence}"
