"""What the user's code finds in its environment while it runs under dbarch.

It needs what a run of the application needs: the variables of the shell, then those of the project's .env files, and
in a fresh clone, where there is no .env, the placeholders of .env.example. It must not get at a database: every
variable that holds a database URL holds that of the sandbox, or one that leads nowhere, in the scheme it had.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mcp_server.world.dotenv import read_dotenv

NOWHERE = "postgresql://nobody@127.0.0.1:9/nowhere"
DATABASE_URL = re.compile(r"(?:postgres|postgresql|sqlite|mysql|mariadb|cockroachdb)(?P<driver>\+\w+)?:/")
EXAMPLES = (".env.example", ".env.sample", ".env.template")
ASYNC_DRIVERS = {"+asyncpg": "+asyncpg", "+aiosqlite": "+asyncpg", "+aiomysql": "+asyncpg", "+asyncmy": "+asyncpg"}
# libpq reads its own variables; Python's would change how the interpreter itself starts.
LEFT_OUT = re.compile(
    r"DBARCH_|PG(?:HOST|HOSTADDR|PORT|USER|PASSWORD|PASSFILE|DATABASE|SERVICE|SERVICEFILE|OPTIONS|SSL\w*|REQUIRE\w*|"
    r"CHANNELBINDING|TARGETSESSIONATTRS|GSS\w*|APPNAME|CONNECT_TIMEOUT)\Z|"
    r"PYTHON(?:HOME|STARTUP|INSPECT|WARNINGS|DEBUG|PROFILEIMPORTTIME|VERBOSE|SAFEPATH|OPTIMIZE|DEVMODE)\Z"
)


def guest_environment(
    root: Path, folders: tuple[Path, ...], url: str = "", environ: Mapping[str, str] | None = None, driver: str = ""
) -> dict[str, str]:
    """The environment for user code. folders: where .env files are looked for besides the root, the last wins.

    url: the sandbox's, "" for none. driver: of DATABASE_URL where nothing says which, as "asyncpg".
    """
    environ = os.environ if environ is None else environ
    values = dict(_files(root, folders, environ))
    values.update(environ)
    kept = {name: value for name, value in values.items() if not LEFT_OUT.match(name)}
    kept["DATABASE_URL"] = kept.get("DATABASE_URL") or (f"postgresql+{driver}://" if driver else NOWHERE)
    replaced = {name: replace_url(value, url or NOWHERE) for name, value in kept.items()}
    # Nothing of ours is written among the user's sources, a breakpoint() must not wait for somebody, sets keep their order.
    return {**replaced, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONBREAKPOINT": "0", "PYTHONHASHSEED": "0"}


def replace_url(value: str, url: str) -> str:
    """The sandbox's URL in place of a database URL, with its driver; any other value as it is."""
    match = DATABASE_URL.match(value.strip())
    if match is None:
        return value
    driver = match["driver"] or ""
    if not value.strip().startswith("postgres"):
        driver = ASYNC_DRIVERS.get(driver, "")
    return url.replace("postgresql://", f"postgresql{driver}://", 1)


def _files(root: Path, folders: tuple[Path, ...], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    places = [root, *(folder for folder in folders if folder != root)]
    found = [place / ".env" for place in places if (place / ".env").is_file()]
    if not found:
        examples = (place / name for place in places for name in EXAMPLES)
        found = [path for path in examples if path.is_file()]
    for path in found:
        yield from read_dotenv(path, environ).items()
