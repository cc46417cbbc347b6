"""Public schemas of real applications: loaded, read, rendered as DDL, loaded again, read again, compared.

    python -m benchmarks.public_schemas [folder]

The schemas are those that Debian and PyPI ship with the applications; they are downloaded, used and thrown away. Each is tried on
every Postgres of this machine. A row is `equal` when the second reading equals the first.
"""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from mcp_server.errors import ArchitectError
from mcp_server.model.change import describe, diff
from mcp_server.model.schema import Schema, Table
from mcp_server.planning import plan
from mcp_server.render import ddl
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes, open_sandboxes

SYSTEM = Path("/usr/lib/postgresql")
# Application -> (Debian package or wheel, the files of its schema).
SCHEMAS = {
    "zabbix": ("zabbix-server-pgsql", ("usr/share/zabbix-server-pgsql/schema.sql.gz",)),
    "roundcube": ("roundcube-core", ("usr/share/roundcube/SQL/postgres.initial.sql",)),
    "powerdns": ("pdns-backend-pgsql", ("usr/share/pdns-backend-pgsql/schema/schema.pgsql.sql",)),
    "icinga": ("icinga2-ido-pgsql", ("usr/share/icinga2-ido-pgsql/schema/pgsql.sql",)),
    "tt-rss": ("tt-rss", ("usr/share/tt-rss/schema/ttrss_schema_pgsql.sql",)),
    "mediawiki": (
        "mediawiki",
        ("usr/share/mediawiki/maintenance/postgres/tables-generated.sql", "usr/share/mediawiki/maintenance/postgres/tables.sql"),
    ),
    "procrastinate": ("procrastinate.whl", ("procrastinate/sql/schema.sql",)),
}  # fmt: skip
# Comments of MediaWiki's installer that stand for its own names.
REPLACED = (("/*_*/", ""), ("/*i*/", ""), ("/*$wgDBTableOptions*/", ""))


def fetch(folder: Path) -> dict[str, str]:
    """The SQL of each application; one that cannot be had is left out with a word on stderr."""
    found: dict[str, str] = {}
    for name, (package, files) in SCHEMAS.items():
        target = folder / name
        target.mkdir(exist_ok=True)
        command = (
            [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", ".", package.removesuffix(".whl")]
            if package.endswith(".whl")
            else ["apt-get", "download", "-qq", package]
        )
        done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
        for archive in target.glob("*.deb"):
            subprocess.run(["dpkg", "-x", archive.name, "."], cwd=target, check=True)
        paths = [target / file for file in files]
        if all(path.exists() for path in paths):
            found[name] = "\n".join(map(_text, paths))
        else:
            print(f"{name}: {done.stderr.strip()[-200:] or 'its schema is not where it was'}", file=sys.stderr)
    return found


def _text(path: Path) -> str:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode()
    for old, new in REPLACED:
        text = text.replace(old, new)
    return "\n".join(line for line in text.splitlines() if not line.startswith("\\"))


async def trial(sandboxes: Sandboxes, sql: str) -> str:
    """One application on one Postgres; the row's last cells."""
    empty, first = await _load(sandboxes, ""), await _load(sandboxes, sql)
    steps = plan(empty, first, diff(empty, first))
    text = ddl.render(steps.upgrade)
    second = await _load(sandboxes, text)
    changes = diff(first, second)
    tables = sum(1 for _ in first.all(Table))
    verdict = "equal" if not changes else f"{len(changes)} differ: {describe(changes[0])[:150]}"
    return f"{tables} | {len(first)} | {len(steps.residue)} | {verdict}"


async def _load(sandboxes: Sandboxes, sql: str) -> Schema:
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        if sql:
            await connection.execute(sql)
            await connection.execute("reset all")
        schema = await read_schema(connection)
        list(schema)
        await connection.close()
        return schema


def postgres() -> Iterator[tuple[str, int, Path | None]]:
    """(name, version number, folder of the programs) of each Postgres that can be had."""
    yield "16 (embedded)", 160000, None
    yield "18 (embedded)", 180000, None
    for folder in sorted(SYSTEM.glob("[1-9]*")):
        if (folder / "bin/initdb").exists():
            yield f"{folder.name} (Debian)", int(folder.name) * 10000, folder / "bin"


async def run(folder: Path) -> None:
    applications = fetch(folder)
    print("| application | Postgres | tables | objects | residue | replayed DDL |\n|---|---|---|---|---|---|")
    for name, version, binaries in postgres():
        cache = folder / "cache"
        cache.mkdir(exist_ok=True)
        cache.chmod(0o711)
        async with await open_sandboxes(cache=cache, near_version=version, binaries=binaries) as sandboxes:
            for application, sql in applications.items():
                try:
                    row = await trial(sandboxes, sql)
                except (ArchitectError, asyncpg.PostgresError) as error:
                    row = f"- | - | - | {str(error)[:200]}"
                print(f"| {application} | {name} | {row} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(run(Path(sys.argv[1])))
    else:
        with TemporaryDirectory(prefix="dbarch-schemas-") as temporary:
            Path(temporary).chmod(0o711)
            asyncio.run(run(Path(temporary)))
