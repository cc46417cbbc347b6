"""A Prompt History Record (PHR): what was asked, what came of it, and what was run for it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

Context = Literal["constitution", "general", "feature"]

STAGES = ("constitution", "spec", "plan", "tasks", "red", "green", "refactor", "explainer", "misc", "general")

# What people write instead of a stage, by how the word begins.
_MEANT = {
    "green": ("implement", "build", "feature", "complet", "code", "coding", "develop", "finish", "done"),
    "red": ("debug", "bug", "fix", "fail", "test", "error"),
    "refactor": ("clean", "optimi", "perform", "restruct", "simplif"),
    "explainer": ("doc", "explain", "readme", "summar", "teach"),
    "spec": ("clarif", "specif", "require"),
    "plan": ("design", "architect", "planning"),
    "tasks": ("task", "todo", "break"),
    "constitution": ("principle", "govern"),
    "general": ("chat", "question", "other", "setup"),
    "misc": ("analy", "check", "review", "research", "git", "commit"),
}


def context_of(stage: str) -> Context:
    """Where records of a stage belong: to the project's constitution, to the project, or to one feature."""
    if stage == "constitution":
        return "constitution"
    return "general" if stage == "general" else "feature"


def nearest_stage(word: str) -> str:
    """The stage that a free-form word means: `implementation` is `green`, `git.commit_pr` is `misc`."""
    plain = word.strip().lower()
    if plain in STAGES:
        return plain
    for stage, beginnings in _MEANT.items():
        if plain.startswith(beginnings):
            return stage
    near = get_close_matches(plain, STAGES, n=1)
    return near[0] if near else "misc"


@dataclass(frozen=True, slots=True)
class Run:
    """One call of one tool, as the ledger keeps it.

    at: UTC, ISO 8601. arguments: redacted, cut to length. carried_out: what was done, as counts ("statements": 4).
    reports: the runs under which its long reports are kept.
    """

    id: str
    at: str
    tool: str
    verdict: str
    milliseconds: int = 0
    arguments: Mapping[str, object] = field(default_factory=dict)
    carried_out: Mapping[str, int] = field(default_factory=dict)
    reports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Links:
    """Where a record's surroundings stand: URLs or paths, "" for none."""

    spec: str = ""
    ticket: str = ""
    adr: str = ""
    pr: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a prompt, as its author sums it up; "" for what was not said. more: values by template placeholder."""

    impact: str = ""
    tests: str = ""
    files: str = ""
    next_prompts: str = ""
    reflection: str = ""
    failure_modes: str = ""
    graders: str = ""
    prompt_variant: str = ""
    next_experiment: str = ""
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A PHR, to be written or as it was read.

    id: digits as they stand in the file's name, "" before it is written. date: YYYY-MM-DD. feature: "" for none.
    path: relative to the project, with slashes. problems: what was wrong with the file when it was read.
    """

    title: str
    stage: str
    prompt: str
    response: str = ""
    id: str = ""
    date: str = ""
    surface: str = "agent"
    model: str = "unspecified"
    feature: str = ""
    branch: str = "none"
    user: str = "unknown"
    command: str = ""
    labels: tuple[str, ...] = ()
    links: Links = Links()
    files: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    outcome: Outcome = Outcome()
    evidence: tuple[Run, ...] = ()
    path: str = ""
    problems: tuple[str, ...] = ()

    @property
    def context(self) -> Context:
        return context_of(self.stage)


def suggestion(brief: str, title: str) -> str:
    """The line that asks for an ADR. It only asks: an ADR is written when a person agrees."""
    return f"📋 Architectural decision detected: {brief}. Document? Run /sp.adr {title}."


# Decisions about a database that others will ask about, and how they are told.
_DECISIONS = (
    ("primary keys of another type", r"primary[ -]keys?\b.{0,60}\b(?:uuid|bigint|identity|serial|ulid|text|integer|type)"
     r"|\b(?:uuid|bigint|ulid)\b.{0,40}\b(?:primary[ -]keys?|ids\b)"),
    ("partitioned storage", r"\bpartition(?:s|ed|ing)?\b"),
    ("denormalised data", r"\bdenormali[sz]"),
    ("replicated data", r"\b(?:logical|physical|streaming)?[ -]?replicat(?:e|ed|es|ing|ion)\b|\bread replicas?\b"),
    ("an index strategy", r"\bind(?:ex|exing|exes|ices)[ -]strateg|\b(?:gin|gist|brin|hnsw|partial|covering) ind(?:ex|exes|ices)\b"),
    ("a new table", r"\b(?:add|adds|added|adding|creat(?:e|es|ed|ing)|new|introduc(?:e|es|ed|ing))\b[^.;:\n]{0,60}\btables?\b"),
)  # fmt: skip
_MATCHERS = tuple((brief, re.compile(pattern, re.IGNORECASE)) for brief, pattern in _DECISIONS)


def decisions(record: Record) -> Iterator[str]:
    """The decisions a record tells of, by its title, response and impact; none for general and explaining records."""
    if record.stage in ("constitution", "general", "explainer", "red") or record.links.adr:
        return
    told = "\n".join((record.title, record.response, record.outcome.impact))
    yield from (brief for brief, pattern in _MATCHERS if pattern.search(told))


def suggest_adr(record: Record, told: Collection[str] = ()) -> str:
    """The suggestion line for a record that tells of an architectural decision, "" for one that does not.

    One line for all its decisions: an ADR documents a cluster, not a single choice. told: those that were suggested
    already, which are not suggested again.
    """
    found = tuple(brief for brief in decisions(record) if brief not in told)
    return suggestion(", ".join(found), record.title.rstrip(" .")) if found else ""
