"""What was asked and what came of it, written down: Prompt History Records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.model.record import STAGES, Links, Outcome, Record, nearest_stage, suggest_adr
from mcp_server.world.features import find_project
from mcp_server.world.ledger import Ledger
from mcp_server.world.phr_template import find_template, unknown_placeholders
from mcp_server.world.records import Written, write_record
from mcp_server.world.settings import Settings
from mcp_server.world.suggestions import suggested_since
from mcp_server.world.workspace import Workspace

LINKS = tuple(field.name for field in fields(Links))
# What a migration's choices are called in records.
MEANT = {
    "a partitioned table": "partitioned storage",
    "an index strategy for": "an index strategy",
    "another key type of": "primary keys of another type",
    "denormalised data in": "denormalised data",
}
OUTCOMES = tuple(field.name for field in fields(Outcome) if field.name != "more")


async def write_phr(
    workspace: Workspace,
    title: str,
    stage: str,
    prompt: str,
    feature: str = "",
    response: str = "",
    command: str = "",
    labels: tuple[str, ...] = (),
    files: tuple[str, ...] = (),
    tests: tuple[str, ...] = (),
    links: dict[str, str] | None = None,
    outcome: dict[str, str] | None = None,
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Write a Prompt History Record (PHR) of an exchange, with the dbarch runs since the last one as its evidence.

    The file goes to history/prompts/ under `constitution`, `general` or the feature's folder, by its stage; it gets
    the folder's next number, the project's own PHR template, and is read again after writing. Passwords and tokens
    are hidden; everything else of the prompt stays as it was typed.

    title: 3 to 7 words. stage: constitution, spec, plan, tasks, red (debugging), green (implementation), refactor,
    explainer, misc or general. prompt: the user's whole message, word for word. feature: the folder under specs/, as
    003-todo-tags; empty finds it by SPECIFY_FEATURE, .specify/feature.json or the branch. response: what was answered, 1 to 3 sentences.
    command: the slash command that ran, as /sp.plan. labels: topics. files: paths that were changed. tests: tests
    that were run or added. links: URLs or paths under spec, ticket, adr, pr. outcome: sentences under impact, tests,
    files, next_prompts, reflection, failure_modes, graders, prompt_variant, next_experiment. format: text or json.
    """
    draft = Record(
        title=_required("title", title),
        stage=_stage(stage),
        prompt=_required("prompt", prompt),
        response=response.strip(),
        feature=feature,
        command=command.strip(),
        labels=_listed(labels),
        files=_listed(files),
        tests=_listed(tests),
        links=_links(links or {}),
    )
    marker = workspace.ledger.marker
    home, written = await asyncio.to_thread(_write, workspace.settings, draft, outcome or {}, workspace.ledger)
    line = _suggestion(written, workspace.ledger, marker)
    place = "" if home == workspace.settings.root else f" (in {home})"
    return Answer(
        text="\n".join((*_told(written, place), *([line] if line else []))),
        data=_data(written) | {"suggestion": line, "root": str(home)},
        verdict=f"PHR-{written.record.id} at {written.record.path}",
        carried_out={"files written": 1},
    )


def _write(settings: Settings, draft: Record, outcome: Mapping[str, str], ledger: Ledger) -> tuple[Path, Written]:
    """Write the record in the project that the workspace's folder belongs to, and say which that is."""
    home, specs = find_project(settings.root, settings.specs)
    draft = replace(draft, outcome=_outcome(outcome, draft, home))
    return home, write_record(home, draft, ledger, specs)


def _required(name: str, text: str) -> str:
    if not text.strip():
        raise Refused(f"`{name}` is empty.", f"A record needs a {name}; nothing was written.")
    return text


def _stage(word: str) -> str:
    stage = word.strip().lower()
    if stage not in STAGES:
        raise Refused(
            f"`{word[:60]}` is no stage; the nearest is `{nearest_stage(word)}`.",
            f"Stages are {', '.join(STAGES)}. Nothing was written.",
        )
    return stage


def _listed(items: tuple[str, ...]) -> tuple[str, ...]:
    """The items, each once and in one line, without those that say nothing."""
    return tuple(dict.fromkeys(" ".join(item.split()) for item in items if item.strip()))


def _links(given: Mapping[str, str]) -> Links:
    known = {key.strip().lower(): value.strip() for key, value in given.items()}
    if strange := [key for key in known if key not in LINKS]:
        raise Refused(f"`{strange[0]}` is no link of a record.", f"Links are {', '.join(LINKS)}.")
    return Links(**{key: "" if value.lower() in ("null", "none") else value for key, value in known.items()})


def _outcome(given: Mapping[str, str], draft: Record, root: Path) -> Outcome:
    """The outcome; a key that we do not know must be a placeholder of the project's template."""
    known = {key.strip().lower(): value.strip() for key, value in given.items()}
    own = {key: value for key, value in known.items() if key not in OUTCOMES}
    if own:
        asked = unknown_placeholders(find_template(root), draft)
        if strange := [key for key in own if key.upper() not in asked]:
            more = f", and by the template {', '.join(asked)}" if asked else ""
            raise Refused(
                f"`{strange[0][:60]}` is no part of a record's outcome.", f"Parts are {', '.join(OUTCOMES)}{more}."
            )
    said: dict[str, Any] = {key: value for key, value in known.items() if key in OUTCOMES}
    return Outcome(**said, more=tuple((key.upper(), value) for key, value in own.items()))


def _told(written: Written, place: str) -> Iterator[str]:
    record = written.record
    found = f" ({written.feature})" if written.feature else ""
    yield f"✅ Exchange recorded as PHR-{record.id} in {record.context} context"
    yield f"📁 {record.path}{place}"
    yield f"Title: {' '.join(record.title.split())[:200]}"
    yield f"Stage: {record.stage}"
    yield f"Feature: {record.feature or 'none'}{found}"
    yield f"Files modified: {len(record.files)}"
    yield f"Tests involved: {len(record.tests)}"
    if record.evidence:
        yield f"Evidence: {len(record.evidence)} dbarch run{'s' if len(record.evidence) > 1 else ''}"
    if written.hidden:
        yield f"🔒 Secrets were hidden in {written.hidden} of the texts; the rest stands as it was given."
    yield from (f"⚠️ {warning}" for warning in written.warnings)


def _suggestion(written: Written, ledger: Ledger, marker: str) -> str:
    """The line that suggests an ADR, but for what was suggested since the record before, the marker's."""
    return suggest_adr(written.record, {MEANT.get(kind, kind) for kind in suggested_since(ledger, marker)})


def _data(written: Written) -> dict[str, object]:
    record = written.record
    return {
        "id": record.id,
        "path": record.path,
        "context": record.context,
        "stage": record.stage,
        "feature": record.feature or "none",
        "feature_origin": written.feature,
        "title": record.title,
        "template": written.template,
        "evidence": [run.id for run in record.evidence],
        "hidden": written.hidden,
        "warnings": list(written.warnings),
    }
