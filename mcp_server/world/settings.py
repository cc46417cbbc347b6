"""What the user configured: the environment, .env, [tool.dbarch], the plugin's options -> Settings.

Nothing here fails and nothing touches the network: what is wrong becomes a problem that the doors name.
A value that still is a placeholder (`${DATABASE_URL}`, as clients pass unset variables) counts as unset.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from mcp_server.errors import ConfigError
from mcp_server.world.dotenv import read_dotenv
from mcp_server.world.urls import is_set, read_url

DOTENV_FILES = (".env", "backend/.env")
CONFIG_FILES = ("dbarch.toml", "pyproject.toml", "backend/pyproject.toml")
DATABASE_NAMES = ("DBARCH_DATABASE_URL", "DBARCH_OPTION_DATABASE_URL", "DATABASE_URL")
NEON_KEY_NAMES = ("NEON_API_KEY", "DBARCH_OPTION_NEON_API_KEY")
NEON_PROJECT_NAMES = ("NEON_PROJECT_ID",)
SANDBOX_NAMES = ("DBARCH_SANDBOX_URL", "DBARCH_OPTION_SANDBOX_URL")
ORIGINS = {
    "DBARCH_OPTION_DATABASE_URL": "the plugin's option database_url",
    "DBARCH_OPTION_SANDBOX_URL": "the plugin's option sandbox_url",
}
WITH_PASSWORD = re.compile(r"[\w+.-]+://[^/\s:@]*:[^/\s]+@")
TEXTS = ("python", "alembic", "specs")
LISTS = ("models", "external", "shared")
NUMBERS = ("time_limit",)
PATHS = ("alembic", "specs")

# Seconds that a run of the user's code may take: large applications take half a minute to import, and a history
# of hundreds of revisions minutes to replay.
IMPORT_SECONDS = 120.0
RUN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user configured. URLs may hold a password: they never enter a message (see redactor.py).

    database_url: empty when none is named or the named one is wrong. database_origin: where it was found,
    as "DATABASE_URL in .env". python: the user's interpreter, "" to look for one. models: modules named in
    [tool.dbarch]. alembic: path of alembic.ini, "" to look for it. external: tables owned by others, never
    created, altered or dropped. shared: tables whose rows belong to no user and are everybody's. time_limit: seconds for one
    run of the user's code, 0 for what is usual. neon_key: of Neon's API. neon_project: its id, "" to find it by the
    database's host. neon_address: of another API than Neon's own, "" for that. neon_timeout: seconds for
    one answer of it, 0 for what is usual. problems: what is wrong with the settings,
    for the instructions. other_urls: what else
    in the environment and .env holds a password, for the redactor.
    """

    root: Path
    database_url: str = field(default="", repr=False)
    database_origin: str = ""
    sandbox_url: str = field(default="", repr=False)
    python: str = ""
    models: tuple[str, ...] = ()
    alembic: str = ""
    external: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    specs: str = "specs"
    time_limit: float = 0.0
    neon_key: str = field(default="", repr=False)
    neon_project: str = ""
    neon_address: str = ""
    neon_timeout: float = 0.0
    cache: Path = Path()
    problems: tuple[str, ...] = ()
    other_urls: tuple[str, ...] = field(default=(), repr=False)

    @property
    def import_seconds(self) -> float:
        """How long importing the user's code may take."""
        return self.time_limit or IMPORT_SECONDS

    @property
    def run_seconds(self) -> float:
        """How long a replay of the user's history, or a walk through revisions, may take."""
        return self.time_limit or RUN_SECONDS


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is set, and where. The value may be a secret."""

    name: str
    value: str = field(repr=False)
    file: str = ""

    @property
    def origin(self) -> str:
        return ORIGINS.get(self.name) or (f"{self.name} in {self.file}" if self.file else f"${self.name}")


def read_settings(root: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the project at `root`; not given: CLAUDE_PROJECT_DIR, else the working directory."""
    environ = os.environ if environ is None else environ
    place, problems = _root(root, environ)
    dotenvs = {name: read_dotenv(place / name, environ) for name in DOTENV_FILES}
    table, more = _config(place)
    problems.extend(more)
    database = _variable(DATABASE_NAMES, environ, dotenvs)
    sandbox = _variable(SANDBOX_NAMES, environ, dotenvs)
    return Settings(
        root=place,
        database_url=_postgres(database, problems),
        database_origin=database.origin if database else "",
        sandbox_url=_postgres(sandbox, problems),
        python=str(table.get("python", "")),
        models=_names(table.get("models", ())),
        alembic=str(table.get("alembic", "")),
        external=_names(table.get("external", ())),
        shared=_names(table.get("shared", ())),
        specs=str(table.get("specs", "specs")),
        time_limit=float(str(table.get("time_limit", 0))),
        neon_key=_text(_variable(NEON_KEY_NAMES, environ, dotenvs)),
        neon_project=_text(_variable(NEON_PROJECT_NAMES, environ, dotenvs)),
        # From the environment alone: a project's file must not send the key somewhere else.
        neon_address=environ.get("NEON_API_HOST", "") if is_set(environ.get("NEON_API_HOST", "")) else "",
        cache=_cache(environ),
        problems=tuple(problems),
        other_urls=tuple(_with_password(environ, *dotenvs.values())),
    )


def _root(given: Path | None, environ: Mapping[str, str]) -> tuple[Path, list[str]]:
    named = environ.get("CLAUDE_PROJECT_DIR", "")
    wanted = given or (Path(named) if is_set(named) else None)
    try:
        here = Path.cwd()
    except OSError:
        here = Path("/")
    place = (here / wanted).resolve() if wanted else here.resolve()
    if place.is_dir():
        return place, []
    return place, [f"The project folder {place} does not exist; set CLAUDE_PROJECT_DIR or start in the project."]


def _variable(
    names: tuple[str, ...], environ: Mapping[str, str], dotenvs: Mapping[str, Mapping[str, str]]
) -> Variable | None:
    """The first that is set: by name first, and for each name the environment before the .env files."""
    for name in names:
        if is_set(environ.get(name, "")):
            return Variable(name, environ[name].strip())
        for file, values in dotenvs.items():
            if is_set(values.get(name, "")):
                return Variable(name, values[name].strip(), file)
    return None


def _text(variable: Variable | None) -> str:
    return variable.value if variable else ""


def _with_password(*variables: Mapping[str, str]) -> Iterator[str]:
    for values in variables:
        yield from (value for value in values.values() if WITH_PASSWORD.match(value.strip()))


def _postgres(variable: Variable | None, problems: list[str]) -> str:
    """The variable's value when it is a URL we can use; else "", and a problem that holds no secret."""
    if variable is None:
        return ""
    try:
        read_url(variable.value)
    except ConfigError as error:
        problems.append(f"{variable.origin}: {error.message} {error.hint}")
        return ""
    return variable.value


def _config(root: Path) -> tuple[dict[str, object], list[str]]:
    """The project's first [tool.dbarch], its paths made relative to the root, and what is wrong in it."""
    problems: list[str] = []
    for name in CONFIG_FILES:
        path = root / name
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            problems.append(f"{name} cannot be read: {error}")
            continue
        table = _table(document, name)
        if table is None:
            continue
        problems.extend(_problems(table, name))
        good = {key: value for key, value in table.items() if _fits(key, value)}
        return _relative_to_root(good, name), problems
    return {}, problems


def _table(document: Mapping[str, object], name: str) -> dict[str, object] | None:
    tool = document.get("tool")
    table = tool.get("dbarch") if isinstance(tool, dict) else None
    if table is None and name == "dbarch.toml":
        table = {key: value for key, value in document.items() if key != "tool"}
    return table if isinstance(table, dict) else None


def _fits(key: str, value: object) -> bool:
    if key in LISTS:
        return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))
    if key in NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
    return key in TEXTS and isinstance(value, str)


def _wanted(key: str) -> str:
    return "a list of texts" if key in LISTS else "a number above 0" if key in NUMBERS else "a text"


def _problems(table: Mapping[str, object], name: str) -> Iterator[str]:
    place = name if name == "dbarch.toml" else f"[tool.dbarch] in {name}"
    known = (*LISTS, *NUMBERS, *TEXTS)
    for key, value in table.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            advice = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(sorted(known))}."
            yield f"{place}: unknown key `{key}`; {advice}"
        elif not _fits(key, value):
            yield f"{place}: `{key}` must be {_wanted(key)}."


def _relative_to_root(table: dict[str, object], name: str) -> dict[str, object]:
    folder = Path(name).parent

    def is_path(key: str, value: object) -> bool:
        return key in PATHS or (key == "python" and "/" in str(value))

    return {key: str(folder / str(value)) if is_path(key, value) else value for key, value in table.items()}


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _cache(environ: Mapping[str, str]) -> Path:
    """The user's cache folder for dbarch; DBARCH_CACHE_DIR names another."""
    if is_set(environ.get("DBARCH_CACHE_DIR", "")):
        return Path(environ["DBARCH_CACHE_DIR"]).expanduser()
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "dbarch" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "dbarch"
    return Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "dbarch"
