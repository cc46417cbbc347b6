"""Every spelling of a Postgres URL means one target, and what is not understood is named without its secrets."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.errors import ConfigError
from mcp_server.world.database import tls
from mcp_server.world.urls import SSL_MODES, Target, is_set, read_url

NEON = "ep-cool-darkness-123456-pooler.us-east-2.aws.neon.tech"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("postgres://u:p@h:1/d", Target("h", 1, "u", "p", "d")),
        ("postgresql+asyncpg://u:p@h/d?ssl=require", Target("h", 0, "u", "p", "d", sslmode="require")),
        ("postgresql+psycopg2://u@h/d?ssl=true", Target("h", 0, "u", "", "d", sslmode="require")),
        ("postgresql://u:p%40%2F%23%3F@h/d", Target("h", 0, "u", "p@/#?", "d")),
        ("postgresql://u@/d?host=/run/postgresql&port=5433", Target("/run/postgresql", 5433, "u", "", "d")),
        ("postgresql://u@%2Frun%2Fpostgresql/d", Target("/run/postgresql", 0, "u", "", "d")),
        ("postgresql://u@[::1]:5/d", Target("::1", 5, "u", "", "d")),
        ("postgresql:///?host=h&user=u&password=p&dbname=d&port=7", Target("h", 7, "u", "p", "d")),
        ("postgresql://u@h/d?options=endpoint%3Dep-x", Target("h", 0, "u", "", "d", options="endpoint=ep-x")),
        ("postgresql://u@h/d?connect_timeout=10", Target("h", 0, "u", "", "d", connect_timeout=10.0)),
        ("postgresql://u@h/d?sslnegotiation=direct", Target("h", 0, "u", "", "d", direct_tls=True)),
        ("postgresql://u@h/d?schema=public&pgbouncer=true&connection_limit=1", Target("h", 0, "u", "", "d")),
        ("postgresql://u@h/d?sslmode=require&channel_binding=require", Target("h", 0, "u", "", "d", sslmode="require")),
        ("  postgresql://u@h/d\n", Target("h", 0, "u", "", "d")),
    ],
)
def test_a_spelling_is_understood(url: str, target: Target) -> None:
    assert read_url(url) == target


words = st.text(min_size=1, max_size=12).filter(lambda word: word.isprintable() and "${" not in word)


@given(
    st.builds(
        Target,
        host=st.sampled_from(("h", "10.0.0.1", "::1", "/run/pg", "db.example.org")),
        port=st.integers(0, 65535),
        user=words,
        password=words,
        database=words,
        sslmode=st.sampled_from(("", *SSL_MODES)),
        options=st.sampled_from(("", "-c work_mem=7MB", "endpoint=ep-x")),
        direct_tls=st.booleans(),
    )
)
def test_writing_a_url_and_reading_it_gives_the_same_target(target: Target) -> None:
    assert read_url(target.url()) == target


@given(words)
def test_a_password_shows_in_no_representation(password: str) -> None:
    target = Target("h", 1, "u", f"<<{password}>>", "d")
    assert f"<<{password}>>" not in repr(target) + target.label


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql://u:geheim@h/d?fsync=off", "`fsync`"),
        ("postgresql://u:geheim@h/d?schema=private", "`schema`"),
        ("postgresql://u:geheim@h/d?sslmode=always", "`sslmode=always`"),
        ("postgresql://u:geheim@h/d?connect_timeout=soon", "`connect_timeout=soon`"),
        ("postgresql://u:geheim@h/d#x", "`#`"),
        ("postgresql://u:geheim@a,b/d", "several hosts"),
        ("postgresql://u:geheim@h:port/d", "cannot be read"),
        ("postgresql://u:[geheim@h/d", "cannot be read"),
        ("postgresql://u:p@ss/geheim@h/d", "cannot be read"),
        ("postgresql://u:12/geheim@h/d", "cannot be read"),
        ("postgresql://u:p@ss?geheim@h/d", "cannot be read"),
        ("postgresql://u:p@ss?ssl=geheim@h/d", "cannot be read"),
        ("mysql://u:geheim@h/d", "`mysql:`"),
        ("u:geheim@h/d", "not a Postgres URL"),
        ("h/d", "no scheme"),
        ("", "No database URL"),
        ("${DATABASE_URL}", "No database URL"),
    ],
)
def test_what_is_not_understood_is_named_without_the_password(url: str, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_url(url)
    assert named in caught.value.message
    assert caught.value.hint
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_placeholder_counts_as_unset() -> None:
    assert not is_set("${DATABASE_URL}")
    assert not is_set(" ")
    assert is_set("postgresql://h/d")


def test_neons_pooler_is_replaced_by_the_direct_host() -> None:
    target = read_url(f"postgresql://u:p@{NEON}/neondb?sslmode=require&channel_binding=require")
    assert target.is_neon
    assert target.direct().host == NEON.replace("-pooler", "")
    assert target.direct().direct() == target.direct()
    assert replace(target, host="ep-pooler.example.org").direct().host == "ep-pooler.example.org"


@pytest.mark.parametrize(
    ("target", "checks_certificate", "checks_name"),
    [
        (Target("h", sslmode="require"), False, False),
        (Target("h", sslmode="verify-ca", sslrootcert="system"), True, False),
        (Target("h", sslmode="verify-full", sslrootcert="system"), True, True),
        (Target("h", sslmode="require", sslrootcert="system"), True, False),
        (Target(NEON), True, True),
        (Target(NEON, sslmode="require"), True, True),
    ],
)
def test_tls_checks_what_the_url_asks_for(target: Target, checks_certificate: bool, checks_name: bool) -> None:
    context = tls(target)
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode == ssl.CERT_REQUIRED) == checks_certificate
    assert context.check_hostname == checks_name


@pytest.mark.parametrize(
    ("target", "word"),
    [
        (Target("h"), "prefer"),
        (Target("h", sslmode="allow"), "allow"),
        (Target("h", sslmode="disable"), False),
        (Target("/run/postgresql", sslmode="require"), False),
    ],
)
def test_tls_is_left_to_the_driver_or_out(target: Target, word: object) -> None:
    assert tls(target) == word


@pytest.mark.parametrize(
    ("target", "mode"),
    [
        (Target(NEON, sslmode="prefer"), "verify-full"),
        (Target(NEON, sslmode="verify-ca", sslrootcert="/ca.pem"), "verify-full"),
        (Target("h", sslmode="require"), "require"),
        (Target("h", sslmode="require", sslrootcert="/ca.pem"), "verify-ca"),
        (Target("h"), "prefer"),
        (Target("/run/postgresql", sslmode="verify-full"), "disable"),
    ],
)
def test_no_connection_is_laxer_than_its_url_and_neons_are_verified_in_full(target: Target, mode: str) -> None:
    assert target.verification == mode
