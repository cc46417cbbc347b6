"""What the redactor hides, and what it leaves alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.redactor import HIDDEN, Redactor, redact

HIDING = {
    "a URL": ("postgresql://app:hunter2@db.example.org:5432/todo", "hunter2"),
    "a URL with a sloppy password": ("postgres://app:p@ss/w#rd?@db/todo and me@example.org", "p@ss/w#rd?"),
    "a URL whose password holds a URL": ("postgres://u:ab://cd@host/x", "ab://cd"),
    "a URL that was cut": ("could not parse postgresql://app:hunt", "hunt"),
    "a URL without a user": ("redis://:hunter2@cache:6379/0", "hunter2"),
    "a URL with a driver": ("sqlalchemy.url = postgresql+asyncpg://u:hunter2@h/db", "hunter2"),
    "a URL whose user holds a host": ("postgresql://app@server:hunter2@db.example.org/todo", "hunter2"),
    "the second of two URLs": ("a://u:pw@h/x,postgres://v:hunter2@i/y", "hunter2"),
    "a URL's query": ("postgresql://h/db?user=u&password=hunter2&sslmode=require", "hunter2"),
    "an encoded URL": ("?url=postgresql%3A%2F%2Fu%3Ahunter2%40host%2Fdb", "hunter2"),
    "a connection string": ("host=db password=hunter2 dbname=todo", "hunter2"),
    "a quoted connection string": (r"host=db password='it\'s hunter2' dbname=todo", "hunter2"),
    "an unclosed quote": ("password='hunter2", "hunter2"),
    "an environment variable": ("PGPASSWORD=hunter2 psql -h db", "hunter2"),
    "a prefixed environment variable": ("export TODO_DB_PASSWORD=hunter2", "hunter2"),
    "a password file": ("passfile=/home/hunter2/.pgpass", "hunter2"),
    "a line of a password file": ("db.example.org:5432:todo:app:hunter2", "hunter2"),
    "JSON": ('{"user": "app", "password": "hunter2"}', "hunter2"),
    "JSON in JSON": (json.dumps({"log": json.dumps({"password": "hunter2"})}), "hunter2"),
    "YAML": ("database:\n  password: hunter2\n", "hunter2"),
    "SQL that makes a role": ("create role app login password 'hunter2'", "hunter2"),
    "SQL that alters a role": ("ALTER USER app ENCRYPTED PASSWORD E'hunter2'", "hunter2"),
    "a Neon password": ("the password is npg_AbC123xyz890", "AbC123xyz890"),
    "a Neon API key": ("napi_abcdefgh1234567890", "abcdefgh1234567890"),
    "an encoded Neon password": ("user%3Anpg_AbC123xyz890", "AbC123xyz890"),
    "an AWS key": ("key AKIAIOSFODNN7EXAMPLE used", "IOSFODNN7EXAMPLE"),
    "an AWS secret": ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
    "a JWT": ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl end", "eyJzdWIiOiIxIn0"),
    "a bearer token": ("Authorization: Bearer abc.def-ghi_jkl0", "abc.def-ghi_jkl0"),
    "basic authorization": ("authorization: basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
    "a private key": ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----", "MIIabc"),
    "a private key that was cut": ("-----BEGIN PRIVATE KEY-----\nMIIabc\nxyz", "MIIabc"),
    "a model provider's key": ("sk-ant-api03-abcdefgh1234567890", "abcdefgh1234567890"),
    "a payment key": ("sk_live_abcdefgh1234567890", "abcdefgh1234567890"),
    "a GitHub token": ("remote: ghp_0123456789abcdefghijABCDEFGHIJ", "0123456789abcdefghij"),
    "a fine-grained GitHub token": ("github_pat_11ABCDEFG0123456789_abcdefgh", "11ABCDEFG0123456789"),
    "a GitLab token": ("glpat-abcdefgh1234567890", "abcdefgh1234567890"),
    "a Slack token": ("xoxb-1234567890-abcdefghij", "1234567890-abcdefghij"),
    "a Google key": ("AIzaSyA0123456789abcdefghijABCDEFGHIJ01", "SyA0123456789"),
}

UNTOUCHED = [
    "select u.id, u.password_hash from users u where u.email = $1 and u.password = $2",
    "update users set password = excluded.password, token = excluded.token where users.id = 7",
    'insert into "user" (id, "password") values ($1, $2) on conflict do update set "password" = "excluded"."password"',
    "create table account (password varchar(255) not null, access_token text, secret: bytea)",
    "password: varchar(255) not null",
    "password: str = Field(max_length=255)",
    "password=%(password)s and token=:token",
    "settings.password == os.environ['PASSWORD']",
    "where t.password=s.password",
    "primary key = id; foreign key: user_id",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "4a32c7d9be0f1a2b3c4d5e6f708192a3b4c5d6e7",
    "revision = '1a2b3c4d5e6f'",
    "\\x68656c6c6f2c20776f726c64",
    "http://localhost:4873/@scope/package",
    "postgresql://localhost:5432/todo?sslmode=require",
    "postgresql://app@db.example.org/todo",
    "postgresql://app@db.example.org:5432/todo?user=me@example.org",
    "postgresql://app@one:5432,app@two:5433/todo",
    "https://example.com:8080/path?to=me@example.org",
    "git@github.com:owner/repo.git",
    "bearer authentication is not configured",
    "the token: expired; max_tokens=1000",
    "mcp_server/model/schema.py:1234:5: E501 line too long",
    "task-list-sk-demo and risk-assessment-of-the-new-index",
]


@pytest.mark.parametrize(("text", "secret"), HIDING.values(), ids=HIDING.keys())
def test_a_secret_of_known_shape_is_hidden(text: str, secret: str) -> None:
    hidden = redact(text)
    assert secret not in hidden
    assert HIDDEN in hidden


@pytest.mark.parametrize("text", UNTOUCHED)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_what_surrounds_a_secret_stays() -> None:
    assert (
        redact("cannot reach postgresql://app:hunter2@ep-a.eu.aws.neon.tech/todo?sslmode=require (3 tries)")
        == "cannot reach postgresql://app:***@ep-a.eu.aws.neon.tech/todo?sslmode=require (3 tries)"
    )
    assert redact('{"url":"postgres://u:pw@h/db","email":"me@x.org"}') == (
        '{"url":"postgres://u:***@h/db","email":"me@x.org"}'
    )


@pytest.mark.parametrize(("text", "_secret"), HIDING.values(), ids=HIDING.keys())
def test_redacting_twice_is_redacting_once(text: str, _secret: str) -> None:
    assert redact(redact(text)) == redact(text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "raw": lambda secret: secret,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "percent-encoded but for slashes": quote,
    "percent-encoded in lower case": lambda secret: quote(secret, safe="").replace("%C3", "%c3").replace("%2F", "%2f"),
    "form-encoded": quote_plus,
    "percent-encoded twice": lambda secret: quote(quote(secret)),
    "percent-encoded in an ini file": lambda secret: quote(secret).replace("%", "%%"),
    "raw in an ini file": lambda secret: secret.replace("%", "%%"),
    "JSON": json.dumps,
    "JSON with its letters": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON in JSON": lambda secret: json.dumps(json.dumps(secret)),
    "Python": repr,
    "Python in ASCII": ascii,
    "an SQL literal": lambda secret: secret.replace("'", "''"),
    "an SQL identifier": lambda secret: secret.replace('"', '""'),
}
# Every character but lone surrogates, which no encoding can carry.
SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40)


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
@settings(deadline=None)
@given(secret=SECRETS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_registered_secret_survives_in_no_spelling(
    spelling: Callable[[str], str], secret: str, before: str, after: str
) -> None:
    redactor = Redactor()
    if not redactor.add(secret):
        return
    spelled = spelling(secret)
    hidden = redactor.redact(f"{before}{spelled}{after}")
    assert spelled not in hidden
    assert secret not in hidden


@settings(deadline=None)
@given(secret=SECRETS)
def test_a_secret_registered_as_a_url_spells_it_is_hidden_as_typed(secret: str) -> None:
    redactor = Redactor()
    if redactor.add_url(f"postgresql://app:{quote(secret, safe='')}@db/todo"):
        assert secret.strip() not in redactor.redact(f"password authentication failed for {secret}!")


@settings(deadline=None)
@given(st.text("ab%'\"\\*: 5c", min_size=4, max_size=200), st.text("ab%'\"\\*: 5c", max_size=2000))
def test_secrets_of_escape_characters_are_found_without_delay(secret: str, text: str) -> None:
    redactor = Redactor()
    if not redactor.add(secret):
        return
    start = time.perf_counter()
    assert secret not in redactor.redact(text + secret + text)
    assert time.perf_counter() - start < 5


def test_a_password_of_every_tutorial_is_hidden_only_where_it_is_a_password() -> None:
    redactor = Redactor()
    assert not redactor.add_url("postgresql://postgres:postgres@localhost/postgres")
    assert (
        redactor.redact("postgresql://postgres:postgres@localhost/app is owned by postgres")
        == "postgresql://postgres:***@localhost/app is owned by postgres"
    )


def test_a_password_in_the_query_of_a_url_is_a_known_secret() -> None:
    redactor = Redactor()
    assert redactor.add_url("postgresql://me@h/db?sslmode=require&password=corr%40ct&sslpassword=k3y-words")
    assert redactor.redact("they are corr@ct and k3y-words") == "they are *** and ***"


def test_a_password_that_is_also_the_database_s_name_leaves_that_name_readable() -> None:
    redactor = Redactor()
    assert not redactor.add_url("postgresql://app:todolist@localhost/todolist")
    assert redactor.redact("create table todolist.task (id int)") == "create table todolist.task (id int)"


def test_of_two_secrets_the_longer_is_hidden_whole() -> None:
    assert Redactor(["hunter", "hunter-two"]).redact("it is hunter-two") == "it is ***"


def test_data_is_redacted_by_key_and_by_value() -> None:
    data = {
        "password": "hunter2",
        "url": "postgres://u:pw@h/db",
        "rows": [1, None, True, "npg_AbC123xyz890"],
        "nested": {"api_key": "x", "count": 3},
        "columns": {"password": "varchar(255)", "token": "uuid not null"},
    }
    assert Redactor().redact_data(data) == {
        "password": "***",
        "url": "postgres://u:***@h/db",
        "rows": [1, None, True, "npg_***"],
        "nested": {"api_key": "***", "count": 3},
        "columns": {"password": "varchar(255)", "token": "uuid not null"},
    }


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_redacted(text: str) -> None:
    redact(text)


FRAGMENTS = [
    "select id, password_hash from users where email like '%x%' and id = '3f2504e0-4f89-11d3-9a0c';\n",
    "a", "a://b:", "postgres://b:c,", "a://b:c@", "://", "password='", "password=\\", 'password="\\', "eyJ-eyJa.",
    "-----BEGIN PRIVATE KEY-----", "%3A%2F%2Fa%3A", "a:5432:b:c:", "token : ", "%25", "\\", "sk-", "password ''",
    "bearer ", "passwordpassword", "p%40ss%2Fw", "'", "authorization: ",
]  # fmt: skip


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_time_grows_with_the_text_and_no_faster(fragment: str) -> None:
    redactor = Redactor(["p@ss/wörd'1%", "another-Secret_99"])

    def seconds(size: int) -> float:
        text = (fragment * (size // len(fragment) + 1))[:size]
        start = time.process_time()
        redactor.redact(text)
        return time.process_time() - start

    small = min(seconds(20_000) for _ in range(3))
    assert seconds(200_000) < 40 * max(small, 0.002)


@pytest.mark.parametrize(
    "url",
    [
        "psql 'postgresql://app:hunter2x@db.example.org/todo?sslmode=require'",
        '"postgresql://app:hunter2x@db.example.org/todo"',
        "postgresql://app:endpoint=ep-a-b-1;hunter2x@ep-a-b-1.eu.aws.neon.tech/todo",
        "postgresql://app:endpoint%3Dep-a-b-1%24hunter2x@ep-a-b-1.eu.aws.neon.tech/todo",
    ],
)
def test_a_password_is_known_whatever_stands_around_it(url: str) -> None:
    redactor = Redactor()
    assert redactor.add_url(url)
    assert "hunter2x" not in redactor.redact("the driver said hunter2x")
