"""What should not be in a repository and is: secrets in its files, its .env, its database files. Values are never kept."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mcp_server.model.code import Exposure

SECONDS = 10.0
LONGEST = 1_000_000
MOST = 20_000
TEXT = frozenset(
    """.py .md .txt .toml .ini .cfg .yml .yaml .json .js .ts .tsx .jsx .mjs .cjs .sh .ps1 .env .example .sql .html .conf
    .properties .tf .rst .dockerfile .mako .xml .ipynb""".split()  # noqa: SIM905
)
NAMED = frozenset({"Dockerfile", "Makefile", "Procfile", "docker-compose", ".env"})
URL = re.compile(rb"\b(?:postgres(?:ql)?|mysql|mongodb|redis)(?:\+\w+)?://([^\s:/@'\"`<>]+):([^\s@'\"`<>/]+)@([\w.-]+)")
TOKENS = (
    ("a Neon password", re.compile(rb"\bnpg_[A-Za-z0-9]{10,}")),
    ("a Neon API key", re.compile(rb"\bnapi_[a-z0-9]{40,}")),
    ("an API key of OpenAI", re.compile(rb"\bsk-(?:proj-)?[A-Za-z0-9_-]{32,}")),
    ("an API key of Anthropic", re.compile(rb"\bsk-ant-[A-Za-z0-9_-]{24,}")),
    ("an AWS access key", re.compile(rb"\bAKIA[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36,}")),
    ("a private key", re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")),
)
# What stands for a secret in an example is none.
SAID = re.compile(
    rb"^(?:\W*|x+|\*+|\.+|pass(?:word)?|passwd|pwd|pw|secret|user(?:name)?|postgres|root|admin|test(?:ing)?|example|changeme|"
    rb"change[-_]?me|your.*|my.*|some.*|db.*|local.*|dev.*|app|todo|neondb_owner|dummy|fake|redacted|placeholder|"
    rb"[\$%{<\[].*|.*[}\]>]|\w*password\w*|\w*pass|\w*secret\w*|todo\w*|123\w*|abc\w*)$",
    re.IGNORECASE,
)
# Tests are full of made-up ones: there only the address of a provider counts.
HOSTED = re.compile(
    rb"\.(?:neon\.tech|supabase\.(?:co|com)|amazonaws\.com|azure\.com|render\.com|railway\.app|aivencloud\.com|rlwy\.net)$"
)
TESTS = re.compile(r"(?:^|/)(?:tests?|testing|fixtures)/|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$")
HERE = re.compile(
    rb"^(?:localhost|127\.|0\.0\.0\.0|db$|postgres$|database$|host|your|example|.*\.(?:example|invalid|test|local)$|"
    rb".*example\.(?:com|org|net)|ep-(?:xxx|example|your|abc|cool|name|some)|ep-[\w-]*x{3})",
    re.IGNORECASE,
)
DATABASES = (".db", ".sqlite", ".sqlite3")


def tracked_files(root: Path) -> tuple[str, ...]:
    """The files that git keeps below a folder, relative to it; () where there is no repository or no git."""
    try:
        told = subprocess.run(
            ("git", "-C", str(root), "ls-files", "-z"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    if told.returncode != 0:
        return ()
    return tuple(name.decode("utf-8", "surrogateescape") for name in told.stdout.split(b"\0") if name)


def find_exposures(root: Path, tracked: tuple[str, ...]) -> tuple[Exposure, ...]:
    """What tracked files give away, by file and line."""
    found: list[Exposure] = []
    for name in tracked[:MOST]:
        kind = _by_name(name)
        if kind:
            found.append(Exposure(kind, name))
        path = root / name
        if _may_hold_text(path):
            found += _in_text(name, _read(path))
    return tuple(found)


def _by_name(name: str) -> str:
    base = name.rpartition("/")[2].lower()
    if re.fullmatch(r"\.env(?:\.(?:local|dev|development|prod|production|staging|test))?", base):
        return "environment file"
    return "database file" if base.endswith(DATABASES) else ""


def _may_hold_text(path: Path) -> bool:
    return path.suffix.lower() in TEXT or path.name.startswith(tuple(NAMED)) or not path.suffix


def _read(path: Path) -> bytes:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST:
            return b""
        return path.read_bytes()
    except OSError:
        return b""


def _in_text(name: str, data: bytes) -> Iterator[Exposure]:
    """One finding for each line: the first kind that fits."""
    if b"\0" in data[:1024]:
        return
    seen: set[int] = set()
    for kind, at in _kinds(data, in_tests=bool(TESTS.search(name))):
        line = data.count(b"\n", 0, at) + 1
        if line not in seen:
            seen.add(line)
            yield Exposure(kind, name, line)


def _kinds(data: bytes, *, in_tests: bool) -> Iterator[tuple[str, int]]:
    for match in URL.finditer(data):
        if _looks_real(match[2], match[3]) and (not in_tests or HOSTED.search(match[3])):
            yield "a database URL with its password", match.start()
    for kind, pattern in () if in_tests else TOKENS:
        for match in pattern.finditer(data):
            if not re.search(rb"(?i)x{6}|example|your|redacted|\.\.\.", match[0]):
                yield kind, match.start()


def _looks_real(password: bytes, host: bytes) -> bool:
    """Whether somebody could have been given this: not a word that stands for a secret, not this machine."""
    if SAID.match(password) or HERE.match(host):
        return False
    return bool(HOSTED.search(host) or (len(password) >= 8 and re.search(rb"\d", password) and b"." in host))
