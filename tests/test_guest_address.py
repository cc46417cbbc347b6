"""How a guest is told the way to a database: as safe as our own, whatever driver the project has."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from mcp_server.world.carrying_out import mode_of
from mcp_server.world.guest.engines import _with_tls, sandbox_url
from mcp_server.world.guest.guard import Target
from mcp_server.world.urls import read_url

NEON = Target("ep-a.eu.neon.tech", 5432, "app", "secret", "app", "verify-full", options="endpoint=ep-a")


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://app@ep-a.eu.neon.tech/app?sslmode=require", "verify-full"),
        ("postgresql://app@ep-a.eu.neon.tech/app", "verify-full"),
        ("postgresql://app@ep-a.eu.neon.tech/app?sslmode=verify-ca&sslrootcert=/ca.pem", "verify-full"),
        ("postgresql://app@db.example.com/app?sslmode=require", "require"),
        ("postgresql://app@db.example.com/app?sslmode=require&sslrootcert=/ca.pem", "verify-ca"),
        ("postgresql://app@db.example.com/app", ""),
    ],
)
def test_the_way_is_checked_as_strictly_as_our_own(url: str, mode: str) -> None:
    assert mode_of(read_url(url)) == mode


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_drivers_with_libpq_get_its_words(driver: str) -> None:
    url = sandbox_url(NEON, driver, {})
    assert url.host == "ep-a.eu.neon.tech"
    assert url.query["sslmode"] == "verify-full"
    assert url.query["options"] == "endpoint=ep-a"
    assert url.query["sslrootcert"] == "system" or Path(str(url.query["sslrootcert"])).is_file()
    assert _with_tls({"keepalives": 1}, NEON, driver) == {"keepalives": 1}


def test_asyncpg_gets_a_context_that_verifies() -> None:
    assert "ssl" not in sandbox_url(NEON, "asyncpg", {}).query
    told: dict[str, Any] = _with_tls({"server_settings": {"jit": "off"}}, NEON, "asyncpg")
    assert told["server_settings"] == {"jit": "off", "options": "endpoint=ep-a"}
    assert told["ssl"].check_hostname
    assert told["ssl"].verify_mode == ssl.CERT_REQUIRED


def test_a_sandbox_is_reached_as_before() -> None:
    plain = Target("127.0.0.1", 5433, "postgres", "secret", "app", "require")
    assert dict(sandbox_url(plain, "asyncpg", {}).query) == {"ssl": "require"}
    assert dict(sandbox_url(plain, "psycopg", {}).query) == {"sslmode": "require"}
    assert _with_tls({}, plain, "asyncpg") == {}
