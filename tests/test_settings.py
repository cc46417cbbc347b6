"""What the user configured, wherever it stands, and what is said of it when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.errors import ConfigError
from mcp_server.world.dotenv import read_dotenv
from mcp_server.world.settings import read_settings
from mcp_server.world.workspace import Workspace

SECRET = "tr0ub4dor"
URL = f"postgresql://app:{SECRET}@db.example/app"


def other(name: str) -> str:
    return f"postgresql://app:{SECRET}@db.example/{name}"


@pytest.mark.parametrize(
    ("environ", "dotenv", "backend", "url", "origin"),
    [
        ({"DATABASE_URL": URL}, "", "", URL, "$DATABASE_URL"),
        ({}, f"DATABASE_URL={URL}", "", URL, "DATABASE_URL in .env"),
        ({}, "", f"DATABASE_URL={URL}", URL, "DATABASE_URL in backend/.env"),
        ({}, f"DATABASE_URL={URL}", f"DATABASE_URL={other('b')}", URL, "DATABASE_URL in .env"),
        ({"DATABASE_URL": other("e")}, f"DATABASE_URL={URL}", "", other("e"), "$DATABASE_URL"),
        ({"DATABASE_URL": other("e")}, f"DBARCH_DATABASE_URL={URL}", "", URL, "DBARCH_DATABASE_URL in .env"),
        ({"DBARCH_DATABASE_URL": URL, "DATABASE_URL": other("e")}, "", "", URL, "$DBARCH_DATABASE_URL"),
        ({"DATABASE_URL": "${DATABASE_URL}"}, f"DATABASE_URL={URL}", "", URL, "DATABASE_URL in .env"),
        ({"DATABASE_URL": " "}, "", "", "", ""),
        (
            {"DBARCH_OPTION_DATABASE_URL": URL, "DATABASE_URL": other("e")},
            "",
            "",
            URL,
            "the plugin's option database_url",
        ),
        ({"DBARCH_OPTION_DATABASE_URL": "", "DATABASE_URL": URL}, "", "", URL, "$DATABASE_URL"),
    ],
)
def test_the_database_is_the_first_that_is_named(
    tmp_path: Path, environ: dict[str, str], dotenv: str, backend: str, url: str, origin: str
) -> None:
    (tmp_path / "backend").mkdir()
    (tmp_path / ".env").write_text(dotenv)
    (tmp_path / "backend/.env").write_text(backend)
    settings = read_settings(tmp_path, environ)
    assert (settings.database_url, settings.database_origin) == (url, origin)
    assert settings.problems == ()
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://app:{SECRET}@h/db",
        f"postgresql://app:{SECRET}@h:port/db",
        f"postgresql://app:{SECRET}@h/db?sslmode=sometimes",
        f"app:{SECRET}@h",
        "postgresql://[h",
    ],
)
@pytest.mark.anyio
async def test_a_url_that_cannot_be_used_is_a_problem_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DBARCH_DATABASE_URL", url)
    monkeypatch.setenv("DATABASE_URL", URL)
    settings = read_settings(tmp_path)
    assert settings.database_url == ""
    (problem,) = settings.problems
    assert problem.startswith("$DBARCH_DATABASE_URL: ")
    assert SECRET not in problem
    async with Workspace.open(tmp_path) as workspace:
        with pytest.raises(ConfigError) as refusal:
            await workspace.live()
    assert refusal.value.message == problem


@pytest.mark.anyio
async def test_without_a_database_live_says_how_to_name_or_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DBARCH_DATABASE_URL", "DBARCH_OPTION_DATABASE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    async with Workspace.open(tmp_path) as workspace:
        with pytest.raises(ConfigError, match="No database is configured") as refusal:
            await workspace.live()
    assert "DBARCH_DATABASE_URL" in refusal.value.hint
    assert "dbarch dev" in refusal.value.hint


def test_the_project_is_where_the_client_says_else_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "named"
    named.mkdir()
    monkeypatch.chdir(tmp_path)
    assert read_settings(None, {"CLAUDE_PROJECT_DIR": str(named)}).root == named
    assert read_settings(None, {"CLAUDE_PROJECT_DIR": "${CLAUDE_PROJECT_DIR}"}).root == tmp_path
    assert read_settings(None, {}).root == tmp_path
    assert read_settings(Path("named"), {}).root == named


CONFIG = """
models = ["app.models", "app.more"]
external = "users"
python = ".venv/bin/python"
alembic = "db/alembic.ini"
specs = "docs/specs"
time_limit = 900
"""


@pytest.mark.parametrize(
    ("file", "text", "prefix"),
    [
        ("pyproject.toml", f"[tool.dbarch]\n{CONFIG}", ""),
        ("dbarch.toml", CONFIG, ""),
        ("dbarch.toml", f"[tool.dbarch]\n{CONFIG}", ""),
        ("backend/pyproject.toml", f"[tool.dbarch]\n{CONFIG}", "backend/"),
    ],
)
def test_tool_dbarch_is_read_where_it_stands(tmp_path: Path, file: str, text: str, prefix: str) -> None:
    (tmp_path / "backend").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (tmp_path / file).write_text(text)
    settings = read_settings(tmp_path, {})
    assert settings.problems == ()
    assert settings.models == ("app.models", "app.more")
    assert settings.external == ("users",)
    assert settings.python == f"{prefix}.venv/bin/python"
    assert settings.alembic == f"{prefix}db/alembic.ini"
    assert settings.specs == f"{prefix}docs/specs"
    assert (settings.import_seconds, settings.run_seconds) == (900, 900)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("model = 'a'", "[tool.dbarch] in pyproject.toml: unknown key `model`; did you mean `models`?"),
        (
            "zzz = 1",
            "[tool.dbarch] in pyproject.toml: unknown key `zzz`; known are alembic, external, models, python, shared, specs, time_limit.",
        ),
        ("models = 3", "[tool.dbarch] in pyproject.toml: `models` must be a list of texts."),
        ("models = [1]", "[tool.dbarch] in pyproject.toml: `models` must be a list of texts."),
        ("time_limit = 0", "[tool.dbarch] in pyproject.toml: `time_limit` must be a number above 0."),
        ("time_limit = true", "[tool.dbarch] in pyproject.toml: `time_limit` must be a number above 0."),
        ("time_limit = inf", "[tool.dbarch] in pyproject.toml: `time_limit` must be a number above 0."),
        ("alembic = ['a']", "[tool.dbarch] in pyproject.toml: `alembic` must be a text."),
    ],
)
def test_what_is_wrong_in_tool_dbarch_is_named_and_left_out(tmp_path: Path, line: str, problem: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.dbarch]\n{line}\nspecs = 'here'\n")
    settings = read_settings(tmp_path, {})
    assert settings.problems == (problem,)
    assert (settings.specs, settings.models, settings.alembic) == ("here", (), "")


@pytest.mark.parametrize("content", [b"[tool.dbarch", b"\xff\xfe", b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_a_problem(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    (problem,) = read_settings(tmp_path, {}).problems
    assert problem.startswith("pyproject.toml cannot be read: ")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A = b", "b"),
        ("A=b # said", "b"),
        ("A=b#c", "b#c"),
        ("A='b # c'", "b # c"),
        ('A="b\\nc"  # said', "b\nc"),
        ("A='b\nc'", "b\nc"),
        ("A='$b ${X}'", "$b ${X}"),
        ("A=${X}-${Y:-z}", "x-z"),
        ('B=1\nA="${B}${X}"', "1x"),
        ("A=", ""),
        ("A=\nB=2", ""),
        ("# A=no\nA=yes", "yes"),
        ("nonsense\nA=b", "b"),
        ("\ufeffA=b", "b"),
        ("A=b\r\nB=c\r\n", "b"),
        ('A="unclosed', '"unclosed'),
    ],
)
def test_a_dotenv_file_is_read_as_others_read_it(tmp_path: Path, line: str, value: str) -> None:
    (tmp_path / ".env").write_bytes(line.encode())
    assert read_dotenv(tmp_path / ".env", {"X": "x"})["A"] == value


def test_a_dotenv_file_that_is_a_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert read_dotenv(tmp_path / ".env", {}) == {}


def test_passwords_of_other_databases_than_the_chosen_one_are_known_secrets(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://me:first-geheim@h/d\nREPLICA=redis://:third-geheim@r/0\n")
    settings = read_settings(tmp_path, {"DBARCH_DATABASE_URL": "postgresql://me:second-geheim@h/d"})
    assert Workspace(settings).redactor.redact("first-geheim second-geheim third-geheim") == "*** *** ***"
    assert "geheim" not in repr(settings)


def test_the_cache_is_where_the_user_says(tmp_path: Path) -> None:
    assert read_settings(tmp_path, {"DBARCH_CACHE_DIR": "/c/d"}).cache == Path("/c/d")
    assert read_settings(tmp_path, {"HOME": "/h", "XDG_CACHE_HOME": "/x"}).cache.parts[-1] in ("dbarch", "Cache")


@pytest.mark.anyio
async def test_a_cache_that_cannot_be_made_says_how_to_name_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DBARCH_CACHE_DIR", str(tmp_path / "file/cache"))
    async with Workspace.open(tmp_path) as workspace:
        with pytest.raises(ConfigError, match="cannot be made") as refusal:
            _ = workspace.cache
    assert "DBARCH_CACHE_DIR" in refusal.value.hint
