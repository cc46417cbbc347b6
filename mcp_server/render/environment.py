"""A correct Alembic environment as files: alembic.ini, env.py, script.py.mako.

The database comes from DATABASE_URL in any spelling, Neon's included; nothing secret stands in a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Driver = Literal["asyncpg", "psycopg", "psycopg2"]


@dataclass(frozen=True, slots=True)
class Environment:
    """What an environment is for.

    folder: the script folder's name, beside alembic.ini. models: modules and packages that declare tables.
    sources: folders that imports resolve from, relative to alembic.ini, "" for its own. driver: what is installed.
    is_sqlmodel: whether SQLModel.metadata holds every table. schemas: whether tables lie outside of `public`.
    """

    folder: str
    models: tuple[str, ...]
    sources: tuple[str, ...] = ("",)
    driver: Driver = "asyncpg"
    is_sqlmodel: bool = True
    schemas: bool = False
    external: tuple[str, ...] = ()


def render_environment(environment: Environment) -> dict[str, str]:
    """The files by their paths beside alembic.ini, in the order in which they may be written one after the other."""
    return {
        f"{environment.folder}/env.py": _env(environment),
        f"{environment.folder}/script.py.mako": _template(environment),
        "alembic.ini": _ini(environment),
    }


def _ini(environment: Environment) -> str:
    places = ["%(here)s" + (f"/{source}" if source else "") for source in environment.sources]
    listed = places[0] if len(places) == 1 else "".join(f"\n    {place}" for place in places)
    paths = f"prepend_sys_path = {listed}\npath_separator = {'os' if len(places) == 1 else 'newline'}"
    return f"""\
# The database is not named here: {environment.folder}/env.py takes it from DATABASE_URL.

[alembic]
script_location = %(here)s/{environment.folder}
{paths}
file_template = %%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d-%%(rev)s_%%(slug)s

[loggers]
keys = root,alembic

[handlers]
keys = console

[formatters]
keys = plain

[logger_root]
level = WARNING
handlers = console
qualname =

[logger_alembic]
level = INFO
handlers =
qualname = alembic

[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain

[formatter_plain]
format = %(levelname)-5.5s [%(name)s] %(message)s
"""


def _template(environment: Environment) -> str:
    more = "import sqlmodel\n" if environment.is_sqlmodel else ""
    return f'''\
"""${{message}}

Revision ID: ${{up_revision}}
Revises: ${{down_revision | comma,n}}
Create Date: ${{create_date}}
"""

from collections.abc import Sequence

import sqlalchemy as sa
{more}from alembic import op
${{imports if imports else ""}}
revision: str = ${{repr(up_revision)}}
down_revision: str | Sequence[str] | None = ${{repr(down_revision)}}
branch_labels: str | Sequence[str] | None = ${{repr(branch_labels)}}
depends_on: str | Sequence[str] | None = ${{repr(depends_on)}}


def upgrade() -> None:
    ${{upgrades if upgrades else "pass"}}


def downgrade() -> None:
    ${{downgrades if downgrades else "pass"}}
'''


def _env(environment: Environment) -> str:
    is_async = environment.driver != "psycopg2"
    parts = [_head(environment, is_async), _models(environment), _target(environment), _options(environment)]
    parts += [_RUN, _ONLINE_ASYNC if is_async else _ONLINE, _start(is_async)]
    return "\n\n".join(part.strip("\n") + "\n" for part in parts)


def _head(environment: Environment, is_async: bool) -> str:
    tls = environment.driver == "asyncpg"
    lines = [
        f'"""Alembic\'s environment: the tables of the models, {"asynchronously " if is_async else ""}on the database of DATABASE_URL."""',
        "",
        *(["import asyncio"] if is_async else []),
        "import os",
        "import pkgutil",
        *(["import ssl"] if tls else []),
        "from fnmatch import fnmatchcase",
        "from importlib import import_module",
        "from logging.config import fileConfig",
        "from types import ModuleType",
        "",
        "from alembic import context",
        f"from sqlalchemy import {'MetaData, ' if not environment.is_sqlmodel else ''}{'create_engine, ' if not is_async else ''}pool",
        "from sqlalchemy.engine import URL, Connection, make_url",
        *(["from sqlalchemy.ext.asyncio import create_async_engine"] if is_async else []),
        *(["from sqlmodel import SQLModel"] if environment.is_sqlmodel else []),
        "",
        "try:",
        "    from dotenv import load_dotenv",
        "except ImportError:",
        "    pass",
        "else:",
        "    load_dotenv()",
        "",
        "# The modules that declare tables; of a package, all its modules.",
        f"MODELS = {_tuple(environment.models)}",
        "# Tables that others own (`table`, `schema.table`, with `*`): never made, altered or dropped from here.",
        f"EXTERNAL = {_tuple(environment.external)}",
    ]
    return "\n".join(lines)


def _tuple(names: tuple[str, ...]) -> str:
    inside = ", ".join(f'"{name}"' for name in names)
    return f"({inside}{',' if len(names) == 1 else ''})"


def _models(environment: Environment) -> str:
    sqlmodel = """
import_models()
# Constraints get Postgres's own names; for others set SQLModel.metadata.naming_convention before the first model.
target_metadata = SQLModel.metadata
"""
    generic = '''
def find_metadata(modules: list[ModuleType]) -> list[MetaData]:
    """Every MetaData with tables that the modules hold, themselves or by a class."""
    found: dict[int, MetaData] = {}
    for module in modules:
        for value in list(vars(module).values()):
            metadata = value if isinstance(value, MetaData) else getattr(value, "metadata", None)
            if isinstance(metadata, MetaData) and metadata.tables:
                found[id(metadata)] = metadata
    return list(found.values())


# Constraints get Postgres's own names; for others give the MetaData a naming_convention.
target_metadata = find_metadata(import_models())
'''
    return '''
def import_models() -> list[ModuleType]:
    """Import every module that declares tables, so that its tables are known."""
    modules: list[ModuleType] = []
    for name in MODELS:
        module = import_module(name)
        found = pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}.")
        modules += [module, *(import_module(each.name) for each in found)]
    return modules


''' + (sqlmodel if environment.is_sqlmodel else generic).strip("\n")


def _target(environment: Environment) -> str:
    driver = {"asyncpg": _ASYNCPG, "psycopg": _LIBPQ, "psycopg2": _LIBPQ}[environment.driver]
    return (
        f'''
def find_target() -> tuple[URL, dict[str, object]]:
    """Where DATABASE_URL leads, and what else the driver has to be told."""
    text = os.environ.get("DATABASE_URL", "")
    if not text:
        raise SystemExit("DATABASE_URL is not set; it looks like postgresql://user:password@host/database")
    url = make_url(text).set(drivername="postgresql+{environment.driver}")
    if url.host and url.host.endswith(".neon.tech"):
        # Migrations need a session of their own, which a pooler does not give.
        url = url.set(host=url.host.replace("-pooler.", ".", 1))
'''.rstrip("\n")
        + driver
    )


_LIBPQ = """
    return url, {}
"""

_ASYNCPG = '''
    kept = {name: url.query[name] for name in ("host", "port") if name in url.query}
    return url.set(query=kept), tls(dict(url.query))


def tls(query: dict[str, object]) -> dict[str, object]:
    """What a URL says in libpq's words (sslmode, sslrootcert, channel_binding), as asyncpg takes it."""
    mode = str(query.get("sslmode") or query.get("ssl") or "prefer")
    if mode not in ("verify-ca", "verify-full"):
        return {"ssl": "require" if mode == "true" else mode}
    root = str(query.get("sslrootcert") or "system")
    trusted = ssl.create_default_context(cafile=None if root == "system" else root)
    trusted.check_hostname = mode == "verify-full"
    return {"ssl": trusted}
'''


def _options(environment: Environment) -> str:
    schemas = '\n    "include_schemas": True,' if environment.schemas else ""
    return f'''
def include_object(item: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Whether a table is ours."""
    if kind != "table":
        return True
    full = f"{{getattr(item, 'schema', None) or 'public'}}.{{name}}"
    return not any(fnmatchcase(full if "." in pattern else str(name), pattern) for pattern in EXTERNAL)


OPTIONS = {{
    "target_metadata": target_metadata,
    "include_object": include_object,{schemas}
    "compare_type": True,
    # Each revision commits, so that no lock outlives the revision that took it.
    "transaction_per_migration": True,
}}
'''


_RUN = '''
def run_offline() -> None:
    """Print the SQL and connect to nothing: `alembic upgrade head --sql`."""
    url, _ = find_target()
    context.configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"}, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def run(connection: Connection) -> None:
    """Run the revisions on a connection."""
    context.configure(connection=connection, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
'''

_ONLINE_ASYNC = '''
async def run_online() -> None:
    """Connect, and run the revisions."""
    url, arguments = find_target()
    engine = create_async_engine(url, connect_args=arguments, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()
'''

_ONLINE = '''
def run_online() -> None:
    """Connect, and run the revisions."""
    url, arguments = find_target()
    engine = create_engine(url, connect_args=arguments, poolclass=pool.NullPool)
    with engine.connect() as connection:
        run(connection)
    engine.dispose()
'''


def _start(is_async: bool) -> str:
    online = "asyncio.run(run_online())" if is_async else "run_online()"
    return f"""
if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
if context.is_offline_mode():
    run_offline()
else:
    {online}
"""
