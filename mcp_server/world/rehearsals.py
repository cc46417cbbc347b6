"""Records of rehearsals that passed, in .dbarch/rehearsals: one file a revision, whole or absent."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcp_server.errors import ConfigError
from mcp_server.model.lock import Lock
from mcp_server.model.names import split
from mcp_server.model.rehearsal_record import RehearsalRecord, RehearsedStatement, Standing, standing
from mcp_server.model.schema import Namespace, Schema, SchemaObject
from mcp_server.redactor import Redactor
from mcp_server.world import files
from mcp_server.world.external import without_external
from mcp_server.world.ledger import Ledger
from mcp_server.world.seal import is_sealed, sealed

FORMAT = 1
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}")


def standing_of(schema: Schema, version_table: str, external: tuple[str, ...]) -> Standing:
    """How a database stands without Alembic's table and without what others own."""
    return standing(ours(schema, version_table, external))


def ours(schema: Schema, version_table: str, external: tuple[str, ...]) -> Schema:
    """A Schema without Alembic's table and without what [tool.dbarch] external names; `name.*` is a whole schema there."""
    foreign = {pattern[:-2] for pattern in external if pattern.endswith(".*") and "*" not in pattern[:-2]}
    kept = without_external(schema, external).without(version_table)
    if not foreign:
        return kept
    return Schema.of((item for item in kept if not _lies_in(item, foreign)), schema.server_version)


def _lies_in(item: SchemaObject, schemas: set[str]) -> bool:
    parts = split(item.identity)
    return bool(parts) and parts[0] in schemas and (len(parts) > 1 or isinstance(item, Namespace))


def remember(ledger: Ledger, record: RehearsalRecord, redactor: Redactor, key: bytes = b"") -> Path:
    """Keep a record in place of an earlier one of the same revision. Raises ConfigError when it cannot be written.

    key: the user's, see seal.py; without it nobody will take the record for ours.
    """
    path = _path(ledger.folder, record.revision)
    document = _as_data(record, redactor)
    text = json.dumps(sealed(document, key) if key else document, indent=1, ensure_ascii=False) + "\n"
    try:
        ledger.prepared()
        path.parent.mkdir(exist_ok=True)
        files.replace(path, text.encode())
    except OSError as error:
        raise ConfigError(
            f"The record of the rehearsal of {record.revision} cannot be written to {path}: {error.strerror or error}.",
            "Make the project's folder .dbarch writable; without the record apply_migration will not run the revision.",
        ) from error
    return path


def find(root: Path, revision: str, key: bytes = b"") -> RehearsalRecord | None:
    """The record of a revision's rehearsal, None when there is none. Raises ConfigError when it cannot be read.

    key: the user's, by which a record is known to be ours.
    """
    path = _path(root / ".dbarch", revision)
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["format"] != FORMAT or document["revision"] != revision:
            return None
        return replace(_from_data(document), is_ours=bool(key) and is_sealed(document, key))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"The record {path} cannot be read ({type(error).__name__}).",
            f"Rehearse the revision again: review_migration(revision={revision!r}).",
        ) from error


def _path(folder: Path, revision: str) -> Path:
    digest = hashlib.sha256(revision.encode()).hexdigest()[:16]
    return folder / "rehearsals" / f"{revision if PLAIN.fullmatch(revision) else digest}.json"


def _as_data(record: RehearsalRecord, redactor: Redactor) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "revision": record.revision,
        "parents": list(record.parents),
        "file": record.file,
        "sha256": record.sha256,
        "environment": record.environment,
        "before": _standing_data(record.before),
        "after": _standing_data(record.after),
        "server_version": record.server_version,
        "at": record.at,
        "repeatable": record.repeatable,
        "plan_hash": record.plan_hash,
        "origin": [redactor.redact(sql) for sql in record.origin],
        "outcome": [redactor.redact(sql) for sql in record.outcome],
        "statements": [
            {
                "sql": redactor.redact(one.sql),
                "locks": [[lock.relation, lock.mode] for lock in one.locks],
                "transactional": one.transactional,
                "destroys": list(one.destroys),
            }
            for one in record.statements
        ],
    }


def _standing_data(value: Standing) -> dict[str, Any]:
    return {"fingerprint": value.fingerprint, "surroundings": list(value.surroundings)}


def _from_data(data: Mapping[str, Any]) -> RehearsalRecord:
    plain = {name: data[name] for name in ("revision", "file", "sha256", "environment", "server_version", "at")}
    record = RehearsalRecord(
        **plain,
        parents=tuple(data["parents"]),
        before=_standing_from(data["before"]),
        after=_standing_from(data["after"]),
        repeatable=data["repeatable"],
        plan_hash=data["plan_hash"],
        origin=tuple(data.get("origin", ())),
        outcome=tuple(data.get("outcome", ())),
    )
    return replace(record, statements=tuple(_statement_from(one) for one in data["statements"]))


def _standing_from(data: Mapping[str, Any]) -> Standing:
    return Standing(data["fingerprint"], tuple(data["surroundings"]))


def _statement_from(data: Mapping[str, Any]) -> RehearsedStatement:
    locks = tuple(Lock(relation, mode) for relation, mode in data["locks"])
    return RehearsedStatement(data["sql"], locks, data["transactional"], tuple(data["destroys"]))
