"""A Prompt History Record as it stands on disk -> Record, however it was written.

A third of the records in use have broken or unusual front matter, so nothing here fails on content: what is wrong
becomes one of the record's `problems`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp_server.errors import NotFound
from mcp_server.model.record import STAGES, Links, Outcome, Record, nearest_stage
from mcp_server.world import front_matter
from mcp_server.world.front_matter import PLACEHOLDER
from mcp_server.world.phr_names import NUMBERED, SUFFIX

_HEADING = re.compile(r"^#{1,3} +(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*$", re.MULTILINE)
_SECTIONS = {
    "prompt": re.compile(r"(?i)(?:user |full |original )?prompt(?: text)?\Z"),
    "response": re.compile(r"(?i)response\b"),
    "outcome": re.compile(r"(?i)outcome\b"),
    "evaluation": re.compile(r"(?i)evaluation\b"),
    "evidence": re.compile(r"(?i)evidence\b"),
}
_BULLETS = {
    "impact": "impact", "tests": "tests", "files": "files", "next_prompts": "next prompts", "reflection": "reflection",
    "failure_modes": "failure modes observed", "graders": "graders run and results (pass/fail)",
    "prompt_variant": "prompt variant (if applicable)", "next_experiment": "next experiment (smallest change to try)",
}  # fmt: skip
_BULLET = re.compile(r"^[-*] (?:[^\w\n]{1,8} )?([A-Za-z][^:\n]*):[ \t]*(.*(?:\n  .*)*)", re.MULTILINE)


def read_record(path: Path, root: Path) -> Record:
    """The record in a file. Raises NotFound when there is no such file or it cannot be read."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise NotFound(
            f"{path} cannot be read: {error.strerror or error}.", "Name a file under history/prompts/."
        ) from error
    relative = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    return parse_record(text, relative)


def parse_record(text: str, path: str) -> Record:
    """The text of a file -> Record. path: where it stands, for what its front matter does not tell."""
    front, body = front_matter.split(text)
    problems = [] if front is not None else ["it has no front matter, or one that is not closed"]
    data: Mapping[str, object] = {}
    if front is not None:
        data, problem = front_matter.parse_leniently(front)
        problems += [problem] if problem else []
        left = dict.fromkeys(PLACEHOLDER.findall(front))
        problems += [f"unfilled: {', '.join(left)}"] if left else []
    parts = sections(body)
    name_id, name_stage, folder = _from_path(path)
    links = data.get("links")
    given = _text(data, "stage") or name_stage
    return Record(
        id=name_id or re.sub(r"(?i)\APHR-", "", _text(data, "id")),
        title=_text(data, "title") or _title_of(body),
        stage=given if given in STAGES else nearest_stage(given),
        prompt=parts.get("prompt", "" if parts else body.strip()),
        response=parts.get("response", ""),
        date=_text(data, "date") or _text(data, "date_iso"),
        surface=_text(data, "surface"),
        model=_text(data, "model"),
        feature=_known(_text(data, "feature")) or folder,
        branch=_text(data, "branch"),
        user=_text(data, "user"),
        command=_known(_text(data, "command")),
        labels=_texts(data, "labels"),
        links=Links(**{key: _known(_text(links, key)) for key in ("spec", "ticket", "adr", "pr")})
        if isinstance(links, Mapping)
        else Links(),
        files=_texts(data, "files"),
        tests=_texts(data, "tests"),
        outcome=_outcome(parts),
        path=path,
        problems=tuple(problems),
    )


def sections(body: str) -> dict[str, str]:
    """The parts of a record by the headings that we know; other headings belong to the part that they stand in."""
    fenced = _fenced(body)
    starts: list[tuple[str, int, int]] = []  # name, where its heading begins, where its text begins
    for heading in _HEADING.finditer(body):
        name = next((name for name, pattern in _SECTIONS.items() if pattern.match(heading[1])), "")
        fence = bisect_right(fenced, (heading.start(), len(body))) - 1
        inside = fence >= 0 and heading.start() < fenced[fence][1]
        if name and not inside and all(name != known for known, _, _ in starts):
            starts.append((name, heading.start(), heading.end()))
    ends = [begin for _, begin, _ in starts[1:]] + [len(body)]
    return {name: _content(body[after:end]) for (name, _, after), end in zip(starts, ends, strict=False)}


def _fenced(body: str) -> list[tuple[int, int]]:
    """Where code fences begin and end; one that is never closed is none."""
    spans: list[tuple[int, int]] = []
    opening: re.Match[str] | None = None
    for found in _FENCE.finditer(body):
        if opening is None:
            opening = found
        elif found[0].strip().startswith(opening[1]) and not found[0].strip().strip(opening[1][0]):
            spans.append((opening.start(), found.end()))
            opening = None
    return spans


def _content(text: str) -> str:
    """A part's text; when all of it is one fence of ours, what the fence holds, to the character."""
    inner = re.fullmatch(r"\s*(`{3,})text\n(.*)\n\1\s*", text, re.DOTALL)
    return inner[2] if inner else text.strip()


def _outcome(parts: Mapping[str, str]) -> Outcome:
    told = "\n".join((parts.get("outcome", ""), parts.get("evaluation", "")))
    found = {bullet[1].strip().lower(): bullet[2].replace("\n  ", "\n").strip() for bullet in _BULLET.finditer(told)}
    fields: dict[str, Any] = {name: found[label] for name, label in _BULLETS.items() if label in found}
    return Outcome(**fields)


def _from_path(path: str) -> tuple[str, str, str]:
    """The number, the stage and the feature that a file's place and name tell."""
    folder, _, name = path.rpartition("/")
    numbered = NUMBERED.match(name)
    stage = name.removesuffix(SUFFIX).rpartition(".")[2] if name.endswith(SUFFIX) and name.count(".") > 2 else ""
    feature = folder.partition("history/prompts/")[2]
    return (
        numbered[1] if numbered else "",
        stage,
        "" if feature in ("constitution", "general") else feature,
    )


def _title_of(body: str) -> str:
    heading = _HEADING.search(body)
    return heading[1] if heading and not any(pattern.match(heading[1]) for pattern in _SECTIONS.values()) else ""


def _text(data: object, key: str) -> str:
    value = data.get(key) if isinstance(data, Mapping) else None
    return value.strip() if isinstance(value, str) else ""


def _texts(data: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = data.get(key)
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str) and _known(item.strip()))


def _known(text: str) -> str:
    return "" if text.lower() in ("none", "null", "~", "n/a") else text
