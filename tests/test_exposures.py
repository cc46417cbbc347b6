"""What tracked files give away: real ones are found by file and line, examples and made-up ones are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.world.exposures import find_exposures, tracked_files

WORD = "Rk7" * 5
NEON = "ep-old-hill-a1b2c3.eu-central-1.aws.neon.tech"
GIVEN_AWAY = {
    "a Neon address": f"postgresql://app_owner:{WORD}@{NEON}/app?sslmode=require",
    "an address with a driver": f'url = "postgresql+asyncpg://app:{WORD}@db.ourcompany.io:5432/app"',
    "a Neon password alone": f"PGPASSWORD=npg_{WORD}",
    "a Neon API key": "NEON_API_KEY=napi_" + "a1b2" * 12,
    "an OpenAI key": "OPENAI_API_KEY=sk-proj-" + "Ab1_" * 12,
    "a private key": "-----BEGIN RSA PRIVATE KEY-----",
}
EXAMPLES = (
    "postgresql://user:password@host/db",
    "postgresql://postgres:postgres@localhost:5432/app",
    f"postgresql://app:{WORD}@127.0.0.1/app",
    "postgresql://USER:${DB_PASSWORD}@db.ourcompany.io/app",
    "postgresql://<user>:<password>@ep-xxx.eu-central-1.aws.neon.tech/db",
    f"postgresql://neondb_owner:********@{NEON}/neondb",
    f"postgresql://app:your_password1@{NEON}/neondb",
    f"postgresql://app:{WORD}@db.example.com/app",
    "OPENAI_API_KEY=sk-your-key-here",
    "password = npg_xxxxxxxxxxxx",
)


@pytest.mark.parametrize("what", GIVEN_AWAY)
def test_a_secret_is_found_by_its_line_and_never_kept(what: str, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text(f"one\ntwo\n{GIVEN_AWAY[what]}\n", "utf-8")
    (found,) = find_exposures(tmp_path, ("notes.md",))
    assert (found.file, found.line) == ("notes.md", 3)
    assert WORD not in repr(found)


def test_examples_are_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("\n".join(EXAMPLES), "utf-8")
    assert find_exposures(tmp_path, ("notes.md",)) == ()


def test_made_up_secrets_of_tests_are_passed_over_and_real_addresses_are_not(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    lines = (GIVEN_AWAY["an address with a driver"], GIVEN_AWAY["a private key"], GIVEN_AWAY["a Neon address"])
    (tmp_path / "tests/test_db.py").write_text("\n".join(lines), "utf-8")
    assert [one.line for one in find_exposures(tmp_path, ("tests/test_db.py",))] == [3]


def test_binary_files_links_and_missing_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_bytes(b"\0" + GIVEN_AWAY["a Neon address"].encode())
    (tmp_path / "link.md").symlink_to("/etc/hostname")
    assert find_exposures(tmp_path, ("data.json", "link.md", "gone.md")) == ()


def test_outside_of_a_repository_nothing_is_tracked(tmp_path: Path) -> None:
    assert tracked_files(tmp_path) == ()
