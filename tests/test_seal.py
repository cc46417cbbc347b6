"""The seal of records: one key a user, closed to others; whatever is changed breaks it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mcp_server.errors import ConfigError
from mcp_server.world.seal import is_sealed, read_key, sealed

DOCUMENT = {"revision": "c3", "statements": [{"sql": "select 1", "locks": []}], "name": "größer"}


def test_the_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    key = read_key(tmp_path)
    assert (len(key), read_key(tmp_path)) == (32, key)
    (path,) = tmp_path.iterdir()
    assert os.name != "posix" or stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a file has no such mode")
def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    read_key(tmp_path)
    (path,) = tmp_path.iterdir()
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="open to other users") as told:
        read_key(tmp_path)
    assert "Delete it" in told.value.hint


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    read_key(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match="damaged"):
        read_key(tmp_path)


def test_a_seal_holds_for_one_key_and_one_content(tmp_path: Path) -> None:
    key = read_key(tmp_path)
    document = sealed(DOCUMENT, key)
    assert is_sealed(document, key)
    assert not is_sealed(document, b"x" * 32)
    assert not is_sealed({**document, "revision": "d4"}, key)
    assert not is_sealed({**document, "more": 1}, key)
    assert not is_sealed(DOCUMENT, key)
