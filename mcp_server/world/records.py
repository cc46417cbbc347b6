"""Prompt History Records on disk: routed, numbered, filled, written whole, and read again to be sure.

Ids count per folder. They are given under the project's lock; and because a lock cannot be had everywhere, whoever
sees, after writing, that another took the same number takes its file back and the next number.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from mcp_server.errors import ConfigError, Refused
from mcp_server.model.record import Links, Outcome, Record
from mcp_server.redactor import Redactor
from mcp_server.world import front_matter
from mcp_server.world.features import Feature, Features
from mcp_server.world.files import locked, publish
from mcp_server.world.git import read_branch, read_user
from mcp_server.world.ledger import Ledger
from mcp_server.world.phr_names import SUFFIX, file_name, next_id, number_of
from mcp_server.world.phr_reading import read_record
from mcp_server.world.phr_template import BUILT_IN, Template, fill, find_template, unknown_placeholders

CHECKED = ("id", "title", "stage", "date")
ATTEMPTS = 60
LEGACY = ("docs/prompts", "specs")


@dataclass(frozen=True, slots=True)
class Written:
    """A record that stands on disk. feature: how it was found, "" for the other contexts. hidden: how many of its
    texts held a secret. warnings: what a reader should know; the record is whole nevertheless."""

    record: Record
    template: str
    feature: str = ""
    hidden: int = 0
    warnings: tuple[str, ...] = ()


def write_record(
    root: Path, draft: Record, ledger: Ledger, specs: str = "specs", environ: Mapping[str, str] = os.environ
) -> Written:
    """Write a PHR where its stage and feature belong, with the runs since the last record as its evidence.

    draft: what its author knows; the rest (id, date, branch, user, model) is found here. Raises NotFound when the
    feature is not known, Refused, and ConfigError when the folder cannot be written; then nothing was written.
    """
    branch = read_branch(root)
    feature = Feature("", "")
    if draft.context == "feature":
        feature = Features(root, specs).resolve(draft.feature, branch, environ)
    safe, hidden = _redacted(_completed(draft, root, feature, branch, environ), ledger.redactor)
    template = find_template(root)
    folder = root / "history" / "prompts" / (feature.name or draft.context)
    if not folder.resolve().is_relative_to(root.resolve()):
        raise Refused(f"{folder} leads out of the project.", "Records are kept inside of the project only.")
    try:
        with suppress(OSError):
            ledger.prepared()
        folder.mkdir(parents=True, exist_ok=True)
        with locked(ledger.lock):
            runs = tuple(run for run in ledger.since(ledger.marker) if run.tool != "write_phr")
            record, used, text = _number_and_publish(folder, root, replace(safe, evidence=runs), template, ledger)
            if runs:
                ledger.mark(runs[-1].id)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written: {error.strerror or error}. Nothing was recorded.",
            "Make the folder writable, then call write_phr again with the same arguments.",
        ) from error
    warnings = (*_about_template(template, used, record), *validate(root, record, text))
    if complaint := ledger.complaint():
        warnings = (*warnings, complaint)
    return Written(record, used.origin, feature.origin, hidden, warnings)


def read_records(root: Path) -> tuple[Record, ...]:
    """Every PHR of the project, of older layouts too, by path. What cannot be opened is left out."""
    return tuple(_read_all(root))


def _read_all(root: Path) -> Iterator[Record]:
    for place in ("history/prompts", *LEGACY):
        for path in sorted((root / place).rglob(f"*{SUFFIX}")):
            if path.is_file() and os.access(path, os.R_OK):
                yield read_record(path, root)


def _completed(draft: Record, root: Path, feature: Feature, branch: str, environ: Mapping[str, str]) -> Record:
    spec = f"{feature.spec}/spec.md" if feature.spec and (root / feature.spec / "spec.md").is_file() else ""
    links = draft.links if draft.links.spec else replace(draft.links, spec=spec)
    return replace(
        draft,
        title=" ".join(draft.title.split()),
        date=date.today().isoformat(),
        feature=feature.name,
        branch=branch or "none",
        user=read_user(root, environ) or "unknown",
        model=environ.get("ANTHROPIC_MODEL", "").strip() or draft.model,
        links=links,
    )


def _redacted(record: Record, redactor: Redactor) -> tuple[Record, int]:
    """The record without secrets and without what no text file can hold, and how many of its texts held a secret."""
    hidden = 0

    def clean(text: str) -> str:
        nonlocal hidden
        writable = re.sub("[\x00\ud800-\udfff]", "\ufffd", text)
        safe = redactor.redact(writable)
        hidden += safe != writable
        return safe

    outcome, links = record.outcome, record.links
    said: dict[str, Any] = {name: clean(getattr(outcome, name)) for name in Outcome.__slots__ if name != "more"}
    safe = replace(
        record,
        title=clean(record.title),
        prompt=clean(record.prompt),
        response=clean(record.response),
        command=clean(record.command),
        branch=clean(record.branch),
        user=clean(record.user),
        labels=tuple(map(clean, record.labels)),
        files=tuple(map(clean, record.files)),
        tests=tuple(map(clean, record.tests)),
        links=Links(clean(links.spec), clean(links.ticket), clean(links.adr), clean(links.pr)),
        outcome=Outcome(**said, more=tuple((name, clean(text)) for name, text in outcome.more)),
    )
    return safe, hidden


def _number_and_publish(
    folder: Path, root: Path, draft: Record, template: Template, ledger: Ledger
) -> tuple[Record, Template, str]:
    """Give the record the next number of its folder and make its file. Raises OSError."""
    for attempt in range(ATTEMPTS):
        number = next_id(entry.name for entry in os.scandir(folder))
        path = folder / file_name(number, draft.title, draft.stage)
        record = replace(draft, id=number, path=path.relative_to(root).as_posix())
        used, text = compose(template, record)
        try:
            publish(path, text.encode(), ledger.workshop)
        except (FileExistsError, FileNotFoundError):
            continue
        if not _has_twin(folder, path.name, int(number)):
            return record, used, text
        path.unlink(missing_ok=True)
        time.sleep(random.uniform(0, 0.01 * (attempt + 1)))
    raise OSError(f"no number is free after {ATTEMPTS} attempts")


def _has_twin(folder: Path, own: str, number: int) -> bool:
    return any(entry.name != own and number_of(entry.name) == number for entry in os.scandir(folder))


def compose(template: Template, record: Record) -> tuple[Template, str]:
    """The text of a record's file, and the template that made it: ours, where the project's leads to a broken file."""
    text = fill(template, record)
    reason = fault(text, record) if template.text != BUILT_IN else ""
    if reason:
        template = Template(BUILT_IN, "built in", f"{template.origin} {reason}")
        return compose(template, record)
    return template, text


def fault(text: str, record: Record) -> str:
    """Why the text of a record's file would not say what the record says, "" when it does."""
    front, body = front_matter.split(text)
    try:
        data = front_matter.parse(front or "")
    except ValueError as error:
        return f"gives front matter that is no YAML ({error})"
    return _differs(data, body, record)


def _differs(data: Mapping[str, object], body: str, record: Record) -> str:
    for key in CHECKED:
        if data.get(key, getattr(record, key)) != getattr(record, key):
            return f"gives a front matter whose `{key}` is not the record's"
    return "" if record.prompt in body else "does not hold the prompt as it was given"


def validate(root: Path, record: Record, text: str) -> tuple[str, ...]:
    """What is wrong with a record's file as it now stands on disk; () when nothing is."""
    path = root / record.path
    try:
        found = path.read_bytes().decode()
        front, body = front_matter.split(found)
        data = front_matter.parse(front or "")
    except (OSError, ValueError) as error:
        return (f"{record.path} cannot be read again: {error}",)
    warnings = [f"{record.path} {reason}." for reason in (_differs(data, body, record),) if reason]
    if found != text:
        warnings.append(f"{record.path} does not hold what was written to it.")
    if missing := [key for key in CHECKED if key not in data]:
        warnings.append(f"The template's front matter has no {', '.join(missing)}.")
    folder = f"history/prompts/{record.feature or record.context}"
    if record.path != f"{folder}/{file_name(record.id, record.title, record.stage)}":
        warnings.append(f"{record.path} is not where its stage and feature lead.")
    return tuple(warnings)


def _about_template(found: Template, used: Template, record: Record) -> Iterator[str]:
    if used.problem:
        yield f"The built-in template was used: {used.problem}."
    unknown = unknown_placeholders(found, record) if used == found else ()
    if unknown:
        names = ", ".join(f"{{{{{name}}}}}" for name in unknown)
        yield f'The template also asks for {names}: left empty. Give them as outcome={{"{unknown[0]}": …}}.'
