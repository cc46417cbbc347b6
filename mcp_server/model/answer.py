"""What an operation gives back to a door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answer:
    """The text that a model or a person reads, and the same as data for programs.

    text: bounded, verdict first. data: made of dict, list, str, int, float, bool, None only; printed for format="json".
    reports: long texts by run id, served as `dbarch://runs/{id}`. pages: what stands on a page for people, by run id, as
    data; the page is made when somebody reads it. "page" names what makes it (operations/kept.py), "document" may be the
    run of a report that holds JSON. findings: how many at or above the threshold; the
    shell door exits with 1 when there are any. verdict: one line for the ledger.
    carried_out: what was done, as counts for the ledger: {"statements": 4}.
    """

    text: str
    data: object = None
    verdict: str = ""
    findings: int = 0
    reports: Mapping[str, str] = field(default_factory=dict)
    pages: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    carried_out: Mapping[str, int] = field(default_factory=dict)
