"""The template of an Architecture Decision Record: the project's own, else ours; filled in one pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mcp_server.model.decision import Decision
from mcp_server.world.front_matter import PLACEHOLDER
from mcp_server.world.phr_template import LARGEST, Template, evidence, prose

PLACES = (".specify/templates/adr-template.md", "templates/adr-template.md")
NEEDED = ("TITLE", "DECISION")

BUILT_IN = """\
# ADR-{{ID}}: {{TITLE}}

- **Status:** {{STATUS}}
- **Date:** {{DATE_ISO}}
- **Feature:** {{FEATURE_NAME}}
- **Context:** {{CONTEXT}}

## Decision

{{DECISION}}

## Consequences

### Positive

{{POSITIVE_CONSEQUENCES}}

### Negative

{{NEGATIVE_CONSEQUENCES}}

## Alternatives Considered

{{ALTERNATIVES}}

## References

- Feature Spec: {{SPEC_LINK}}
- Implementation Plan: {{PLAN_LINK}}
- Related ADRs: {{RELATED_ADRS}}
- Evaluator Evidence: {{EVAL_NOTES_LINK}}
"""
_ALONE = re.compile(rf"^[ \t]*{PLACEHOLDER.pattern}[ \t]*$", re.MULTILINE)
_STATUS = re.compile(r"(?m)^(- \*\*Status:\*\*).*$")


def find_template(root: Path) -> Template:
    """The project's template when it can carry a decision, else ours, saying why."""
    for place in PLACES:
        try:
            text = (root / place).read_text("utf-8-sig")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError) as error:
            return Template(BUILT_IN, "built in", f"{place} cannot be read: {error}")
        names = {name.upper() for name in PLACEHOLDER.findall(text)}
        missing = [name for name in NEEDED if name not in names]
        if len(text) > LARGEST or missing:
            reason = "is too large for a template" if len(text) > LARGEST else f"has no {{{{{missing[0]}}}}}"
            return Template(BUILT_IN, "built in", f"{place} {reason}")
        return Template(text.replace("\r\n", "\n"), place)
    return Template(BUILT_IN, "built in")


def fill(template: Template, decision: Decision) -> str:
    """The whole text of a decision's file: the filled template, the test it passed, and the runs as evidence."""
    values = _values(decision)

    def alone(found: re.Match[str]) -> str:
        return values.get(found[1].upper(), "none")

    def within(found: re.Match[str]) -> str:
        return " ".join(values.get(found[1].upper(), "none").split())

    text = PLACEHOLDER.sub(within, _ALONE.sub(lambda found: _kept(alone(found)), template.text))
    text = _STATUS.sub(rf"\1 {decision.status}", text, count=1).replace(_OPEN, "{{")
    return f"{text.rstrip()}\n\n{_test(decision)}{evidence(decision.evidence)}"


# A value's own `{{` must not be taken for a placeholder of the template.
_OPEN = "\x00\x00"


def _kept(text: str) -> str:
    return text.replace("{{", _OPEN)


def _values(decision: Decision) -> Mapping[str, str]:
    listed = {
        "POSITIVE_CONSEQUENCES": decision.positive,
        "NEGATIVE_CONSEQUENCES": decision.negative,
        "ALTERNATIVES": decision.alternatives,
    }
    lists = {
        name: "\n".join(f"- {' '.join(item.split())}" for item in items) or "none" for name, items in listed.items()
    }
    single = {
        "ID": decision.id,
        "TITLE": decision.title,
        "STATUS": decision.status,
        "DATE_ISO": decision.date,
        "DATE": decision.date,
        "FEATURE_NAME": decision.feature or "none",
        "CONTEXT": decision.context or "none",
        "SPEC_LINK": decision.spec or "none",
        "PLAN_LINK": decision.plan or "none",
        "RELATED_ADRS": decision.related or "none",
        "EVAL_NOTES_LINK": decision.phr or "none",
        "REFERENCES": ", ".join(filter(None, (decision.spec, decision.plan, decision.related))) or "none",
        "CONSEQUENCES": "\n".join((lists["POSITIVE_CONSEQUENCES"], lists["NEGATIVE_CONSEQUENCES"])),
    }
    return {name: _kept(text) for name, text in (single | lists).items()} | {
        "DECISION": _kept(prose(decision.decision))
    }


def _test(decision: Decision) -> str:
    """Why this is worth a record, and who agreed to it."""
    lines = (
        "## Significance",
        "",
        f"- Impact: {_line(decision.impact)}",
        f"- Alternatives: {len(decision.alternatives)} weighed, above",
        f"- Scope: {_line(decision.scope)}",
        f"- Agreed by the user: “{_line(decision.consent)}”",
        "",
    )
    return "\n".join(lines)


def _line(text: str) -> str:
    return re.sub(r"[`<>]", "'", " ".join(text.split()))
