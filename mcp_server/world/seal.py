"""The seal of a record: that dbarch wrote it, for this user on this machine, and nobody changed it since.

HMAC-SHA256 with a key of 32 random bytes in the user's cache folder. A record that came with a checkout, or that somebody
wrote who can write to the project's folder alone, has no such seal. Whoever can read the user's own files can make one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mcp_server.errors import ConfigError

NAME = "records.key"
SIZE = 32
FIELD = "seal"


def read_key(cache: Path) -> bytes:
    """The user's key, made at its first use. Raises ConfigError when it cannot be made, or others could have read it."""
    path = cache / NAME
    try:
        if not path.exists():
            _make(path)
        is_open = os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"The key {path} cannot be used: {error.strerror or error}.",
            "Set DBARCH_CACHE_DIR to a folder that can be written.",
        ) from error
    if is_open or len(key) != SIZE:
        raise ConfigError(
            f"The key {path} is {'open to other users' if is_open else 'damaged'}.",
            "Delete it: a new one is made, and what was rehearsed is to be rehearsed again.",
        )
    return key


def _make(path: Path) -> None:
    """A new key, whole and closed to others from its first moment; another process may have been quicker."""
    draft = path.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.partial")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def sealed(document: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """The document with its seal."""
    return {**document, FIELD: _seal(document, key)}


def is_sealed(document: Mapping[str, Any], key: bytes) -> bool:
    """Whether the document carries the seal of this key."""
    return hmac.compare_digest(str(document.get(FIELD, "")), _seal(document, key))


def _seal(document: Mapping[str, Any], key: bytes) -> str:
    content = {name: value for name, value in document.items() if name != FIELD}
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
