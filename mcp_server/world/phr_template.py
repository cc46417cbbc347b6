"""The template of a Prompt History Record: the project's own, else ours; filled in one pass.

Values are never searched for placeholders: a prompt that holds `{{TITLE}}` keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_server.model.record import Record, Run
from mcp_server.world import front_matter
from mcp_server.world.front_matter import PLACEHOLDER, Value

PLACES = (".specify/templates/phr-template.prompt.md", "templates/phr-template.prompt.md")
NOT_SAID = "not recorded"
SHOWN_RUNS = 20
LARGEST = 200_000

BUILT_IN = """\
---
id: {{ID}}
title: {{TITLE}}
stage: {{STAGE}}
date: {{DATE_ISO}}
surface: {{SURFACE}}
model: {{MODEL}}
feature: {{FEATURE}}
branch: {{BRANCH}}
user: {{USER}}
command: {{COMMAND}}
labels: [{{LABELS}}]
links:
  spec: {{LINKS_SPEC}}
  ticket: {{LINKS_TICKET}}
  adr: {{LINKS_ADR}}
  pr: {{LINKS_PR}}
files:
{{FILES_YAML}}
tests:
{{TESTS_YAML}}
---

## Prompt

{{PROMPT_TEXT}}

## Response snapshot

{{RESPONSE_TEXT}}

## Outcome

- ✅ Impact: {{OUTCOME_IMPACT}}
- 🧪 Tests: {{TESTS_SUMMARY}}
- 📁 Files: {{FILES_SUMMARY}}
- 🔁 Next prompts: {{NEXT_PROMPTS}}
- 🧠 Reflection: {{REFLECTION_NOTE}}

## Evaluation notes (flywheel)

- Failure modes observed: {{FAILURE_MODES}}
- Graders run and results (PASS/FAIL): {{GRADER_RESULTS}}
- Prompt variant (if applicable): {{PROMPT_VARIANT_ID}}
- Next experiment (smallest change to try): {{NEXT_EXPERIMENT}}
"""

# Other names that templates in use give to the same things.
_ALIASES = {
    "DATE": "DATE_ISO", "FEATURE_NAME": "FEATURE", "REPO_REF": "BRANCH", "AUTHOR": "USER", "LABELS_YAML": "LABELS",
    "TAGS": "LABELS", "SPEC_LINK": "LINKS_SPEC", "TICKET_LINK": "LINKS_TICKET", "LINKS_ISSUE": "LINKS_TICKET",
    "ADR_LINK": "LINKS_ADR", "PR_LINK": "LINKS_PR", "FILES": "FILES_YAML", "FILES_CHANGED": "FILES_YAML",
    "SCOPE_FILES": "FILES_YAML", "TESTS": "TESTS_YAML", "TESTS_ADDED": "TESTS_YAML", "PROMPT": "PROMPT_TEXT",
    "RESPONSE": "RESPONSE_TEXT", "RESPONSE_SNAPSHOT": "RESPONSE_TEXT", "OUTCOME": "OUTCOME_IMPACT",
    "IMPACT": "OUTCOME_IMPACT", "OUTCOME_TESTS": "TESTS_SUMMARY", "OUTCOME_FILES": "FILES_SUMMARY",
    "REFLECTION": "REFLECTION_NOTE", "NOTES": "REFLECTION_NOTE", "FAILURE_MODES_OBSERVED": "FAILURE_MODES",
    "GRADERS": "GRADER_RESULTS", "PROMPT_VARIANT": "PROMPT_VARIANT_ID",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Template:
    """A template and where it is from: a path in the project, or "built in". problem: why the project's is not used."""

    text: str
    origin: str
    problem: str = ""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names it asks for, in capitals, each once."""
        return tuple(dict.fromkeys(name.upper() for name in PLACEHOLDER.findall(self.text)))


def find_template(root: Path) -> Template:
    """The project's template when there is one that can carry a record, else ours, saying why."""
    for place in PLACES:
        path = root / place
        try:
            if path.stat().st_size > LARGEST:
                return Template(BUILT_IN, "built in", f"{place} is too large for a template")
            text = path.read_text("utf-8-sig")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError) as error:
            return Template(BUILT_IN, "built in", f"{place} cannot be read: {error}")
        text = _with_braces(text.replace("\r\n", "\n"))
        if reason := unfit(text):
            return Template(BUILT_IN, "built in", f"{place} {reason}")
        return Template(text, place)
    return Template(BUILT_IN, "built in")


def unfit(template: str) -> str:
    """Why a template cannot carry a record, "" when it can."""
    front, body = front_matter.split(template)
    if front is None:
        return "has no front matter"
    names = {_ALIASES.get(name.upper(), name.upper()) for name in PLACEHOLDER.findall(body)}
    return "" if "PROMPT_TEXT" in names else "has no {{PROMPT_TEXT}} after its front matter"


def values_of(record: Record) -> dict[str, Value]:
    """A record's values by placeholder. None for a link that is not there, () for an empty list."""
    links, outcome = record.links, record.outcome
    return {
        "ID": record.id, "TITLE": record.title, "STAGE": record.stage, "DATE_ISO": record.date,
        "SURFACE": record.surface, "MODEL": record.model, "FEATURE": record.feature or "none",
        "BRANCH": record.branch, "USER": record.user, "COMMAND": record.command or "none", "LABELS": record.labels,
        "LINKS_SPEC": links.spec or None, "LINKS_TICKET": links.ticket or None, "LINKS_ADR": links.adr or None,
        "LINKS_PR": links.pr or None, "FILES_YAML": record.files, "TESTS_YAML": record.tests,
        "PROMPT_TEXT": record.prompt, "RESPONSE_TEXT": record.response or NOT_SAID,
        "OUTCOME_IMPACT": outcome.impact or NOT_SAID, "TESTS_SUMMARY": outcome.tests or _counted(record.tests),
        "FILES_SUMMARY": outcome.files or _counted(record.files), "NEXT_PROMPTS": outcome.next_prompts or "none",
        "REFLECTION_NOTE": outcome.reflection or NOT_SAID, "FAILURE_MODES": outcome.failure_modes or NOT_SAID,
        "GRADER_RESULTS": outcome.graders or NOT_SAID, "PROMPT_VARIANT_ID": outcome.prompt_variant or "none",
        "NEXT_EXPERIMENT": outcome.next_experiment or NOT_SAID,
    } | {name.upper(): text for name, text in outcome.more}  # fmt: skip


def unknown_placeholders(template: Template, record: Record) -> tuple[str, ...]:
    """The template's placeholders that neither we nor the record's author have a value for."""
    known = values_of(record)
    return tuple(name for name in template.placeholders if name not in known and _ALIASES.get(name) not in known)


def fill(template: Template, record: Record) -> str:
    """The whole text of a record's file: the filled template, and the runs as evidence."""
    values = values_of(record)

    def value_of(name: str) -> Value:
        name = name.upper()
        return values.get(name, values.get(_ALIASES.get(name, "")))

    front, body = front_matter.split(template.text)
    lines = front_matter.fill((front or "").rstrip("\n").split("\n"), value_of)
    filled = _filled_body(body, value_of).rstrip("\n")
    return "\n".join(("---", *lines, "---", filled)) + "\n" + evidence(record.evidence)


_IN_BODY = re.compile(
    rf"^[ \t]*(?P<alone>{PLACEHOLDER.pattern})[ \t]*$|(?P<within>{PLACEHOLDER.pattern})", re.MULTILINE
)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)


def _filled_body(body: str, value_of: Callable[[str], Value]) -> str:
    def filled(found: re.Match[str]) -> str:
        name = found[2] or found[4]
        value = value_of(name)
        if _ALIASES.get(name.upper(), name.upper()) == "PROMPT_TEXT":
            in_fence = len(_FENCE.findall(body, 0, found.start())) % 2 == 1
            return prose(str(value)) if found["alone"] and not in_fence else str(value)
        if found["alone"] and isinstance(value, str):
            return prose(value)
        if found["alone"] and isinstance(value, tuple):
            return "\n".join(f"- {_one_line(item)}" for item in value) or "none"
        if isinstance(value, tuple):
            return ", ".join(map(_one_line, value)) or "none"
        return "\n  ".join((value or "none").splitlines())

    return _IN_BODY.sub(filled, body)


# What would make a text more than paragraphs and lists, and so change the document that it stands in.
_STRUCTURE = re.compile(
    r"^[ \t]*(?:#|```|~~~|[-=]+[ \t]*$|<[A-Za-z!/?]|\|)|<!--|[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]", re.MULTILINE
)


def prose(text: str) -> str:
    """A text as Markdown that gives the same characters back: as it is, or in a fence that it cannot close."""
    if text and text == text.strip() and _STRUCTURE.search(text) is None:
        return text
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _with_braces(template: str) -> str:
    """`[PROMPT_TEXT]` means `{{PROMPT_TEXT}}`; other words in brackets are placeholders when an underscore says so."""
    known: Mapping[str, Value] = values_of(Record("", "general", ""))

    def braced(found: re.Match[str]) -> str:
        name = found[1]
        return f"{{{{{name}}}}}" if "_" in name or name in known or name in _ALIASES else found[0]

    return re.sub(r"\[([A-Z][A-Z0-9_]+)\](?!\()", braced, template)


def _counted(items: tuple[str, ...]) -> str:
    return ", ".join(map(_one_line, items)) or "none"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def evidence(runs: tuple[Run, ...]) -> str:
    """The section that names the last runs, "" for none."""
    if not runs:
        return ""
    left_out = len(runs) - SHOWN_RUNS
    lines = [f"- {left_out} earlier runs are left out."] if left_out > 0 else []
    lines += [_told(run) for run in runs[-SHOWN_RUNS:]]
    return "\n".join(("", "## Evidence (dbarch runs)", "", *lines, ""))


def _told(run: Run) -> str:
    """One run in one line that Markdown cannot take for anything else."""
    given = ", ".join(f"{name}={_one_line(str(value))[:60]}" for name, value in run.arguments.items() if value)
    did = ", ".join(f"{count} {name}" for name, count in run.carried_out.items())
    code = f"{run.tool}({given})"[:240].replace("`", "'")
    verdict = re.sub(r"[`<>\[\]]", "'", _one_line(run.verdict))
    tail = f"; {did}" if did else ""
    named = ", ".join((f"run {run.id}", *(f"report dbarch://runs/{report}" for report in run.reports)))
    return f"- {run.at} `{code}` {run.milliseconds} ms: {verdict or 'no verdict'}{tail} ({named})"
