"""What Postgres itself says of a statement at client_min_messages = debug1: which tables it reads, rewrites, indexes.

The messages are the server's own (`errmsg_internal`, never translated), the same since PostgreSQL 14, sent to any role
and on empty tables: https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/commands/tablecmds.c and
src/backend/catalog/index.c. They name relations without their schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_REWRITING = re.compile(r'rewriting table "(.+)"\Z')
_VERIFYING = re.compile(r'verifying table "(.+)"\Z')
_VALIDATING = re.compile(r'validating foreign key constraint "(.+)"\Z')
_BUILDING = re.compile(r'building index "(.+)" on table "(.+)" (?:serially|with request for \d+ parallel workers?)\Z')
_PROOF = re.compile(r"sufficient to prove that|is implied by existing constraints|cascades? to ")
_TOAST = re.compile(r'building index "pg_toast_')


@dataclass(frozen=True, slots=True)
class Evidence:
    """Names without a schema: tables that are rewritten, verified or indexed, foreign keys that are validated.

    said: the messages that count, in order.
    """

    rewritten: frozenset[str] = frozenset()
    verified: frozenset[str] = frozenset()
    indexed: frozenset[str] = frozenset()
    validated: frozenset[str] = frozenset()
    said: tuple[str, ...] = ()


def read_evidence(messages: Iterable[str]) -> Evidence:
    """What of the messages of one statement counts."""
    said = tuple(dict.fromkeys(one for one in messages if _counts(one)))
    return Evidence(
        rewritten=_names(_REWRITING, said),
        verified=_names(_VERIFYING, said),
        indexed=frozenset(match[2] for one in said if (match := _BUILDING.match(one))),
        validated=_names(_VALIDATING, said),
        said=said,
    )


def _counts(message: str) -> bool:
    patterns = (_REWRITING, _VERIFYING, _VALIDATING, _BUILDING)
    return not _TOAST.match(message) and (any(one.match(message) for one in patterns) or bool(_PROOF.search(message)))


def _names(pattern: re.Pattern[str], messages: Iterable[str]) -> frozenset[str]:
    return frozenset(match[1] for one in messages if (match := pattern.match(one)))
