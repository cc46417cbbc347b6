"""Which decisions an ADR was suggested for: each is suggested once. Never fails: where nothing can be kept, a line may come twice."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress

from mcp_server.model.decision import Choice
from mcp_server.world.files import locked
from mcp_server.world.ledger import Ledger

FILE = "suggested.jsonl"


def not_yet_suggested(ledger: Ledger, choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """Those choices that no ADR was suggested for before; they are remembered as suggested from now on."""
    with suppress(OSError), locked(ledger.lock):
        known = {(kind, subject) for _, kind, subject in _read(ledger)}
        new = tuple(one for one in choices if (one.kind, one.subject) not in known)
        _append(ledger, new)
        return new
    return tuple(choices)


def suggested_since(ledger: Ledger, marker: str) -> frozenset[str]:
    """The kinds of choices that were suggested since the record with that marker of the ledger."""
    with suppress(OSError):
        return frozenset(kind for after, kind, _ in _read(ledger) if after == marker)
    return frozenset()


def _read(ledger: Ledger) -> list[tuple[str, str, str]]:
    found = []
    with suppress(FileNotFoundError):
        for line in (ledger.folder / FILE).read_text("utf-8", "replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                found.append((str(entry["after"]), str(entry["kind"]), str(entry["subject"])))
    return found


def _append(ledger: Ledger, choices: Iterable[Choice]) -> None:
    after = ledger.marker
    told = ({"after": after, "kind": one.kind, "subject": one.subject} for one in choices)
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in told)
    with (ledger.prepared() / FILE).open("a", encoding="utf-8") as file:
        file.write(lines)
