"""apply_migration runs what was rehearsed, whatever is changed behind its back; reading tools write to no database."""

from __future__ import annotations

import hashlib
import json
import os
import py_compile
import struct
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from mcp_server.errors import ArchitectError, Refused
from mcp_server.operations.apply import apply_migration
from mcp_server.world.rehearsals import find
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.seal import read_key, sealed
from mcp_server.world.urls import read_url
from tests.applying import AT_B2, AtB2, ask, open_live, planned, run
from tests.opened import copy_history

pytestmark = pytest.mark.anyio

VERSION = "select version_num from alembic_version"
DIED = "select count(*) from pg_attribute where attrelid = 'authors'::regclass and attname = 'died'"
GONE = "select to_regclass('authors') is null"
IMPORTS = """
from alembic import op
from models import STATEMENT

revision = "c3"
down_revision = "b2"


def upgrade() -> None:
    op.execute(STATEMENT)
"""


@pytest.fixture
async def at_b2(tmp_path: Path, sandboxes: Sandboxes, database: Sandbox) -> AtB2:
    await run(database, *AT_B2)
    return AtB2(open_live(copy_history(tmp_path), sandboxes, database), database, sandboxes)


async def refused(project: AtB2, words: str, **arguments: object) -> None:
    """Both calls are refused, and nothing was run."""
    with pytest.raises(ArchitectError, match=words):
        await apply_migration(project.workspace, **arguments)  # type: ignore[arg-type]
    assert await ask(project.live, VERSION) == "b2"
    assert not await ask(project.live, GONE)


async def test_a_module_that_the_revision_imports_belongs_to_what_was_rehearsed(at_b2: AtB2) -> None:
    models = at_b2.root / "models.py"
    models.write_text(models.read_text() + '\nSTATEMENT = "alter table authors add died date"\n')
    await at_b2.add("c3", "b2", "alter table authors add died date", text=IMPORTS)
    _, digest = await planned(at_b2.workspace)

    models.write_text(models.read_text().replace("alter table authors add died date", "drop table authors"))

    await refused(at_b2, r"env\.py, or what else it runs with, was changed", plan_hash=digest)


@pytest.mark.parametrize(
    "way", ["a hidden package", "a nested module", "a module in a folder that looks like an environment"]
)
async def test_modules_are_found_wherever_the_revision_takes_them_from(at_b2: AtB2, way: str) -> None:
    place = {
        "a hidden package": "shared/__init__.py",
        "a nested module": "app/db/texts.py",
        "a module in a folder that looks like an environment": "env/texts.py",
    }[way]
    module = at_b2.root / place
    module.parent.mkdir(parents=True)
    module.write_text('STATEMENT = "alter table authors add died date"\n')
    name = place.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
    await at_b2.add(
        "c3", "b2", "alter table authors add died date", text=IMPORTS.replace("from models", f"from {name}")
    )
    _, digest = await planned(at_b2.workspace)

    module.write_text('STATEMENT = "drop table authors"\n')

    await refused(at_b2, "was changed since it was rehearsed", plan_hash=digest)


async def test_a_file_beyond_a_symbolic_link_is_hashed_by_what_it_holds(at_b2: AtB2, tmp_path: Path) -> None:
    path = await at_b2.add("c3", "b2", "alter table authors add died date")
    other = tmp_path / "elsewhere.py"
    other.write_text(path.read_text().replace("add died date", "rename to taken"))
    _, digest = await planned(at_b2.workspace)

    path.unlink()
    path.symlink_to(other)

    await refused(at_b2, "its file was changed", plan_hash=digest)


async def test_a_compiled_file_is_not_run_in_the_place_of_its_source(at_b2: AtB2) -> None:
    path = await at_b2.add("c3", "b2", "alter table authors add died date")
    _, digest = await planned(at_b2.workspace)
    forged = path.with_name("forged.py")
    forged.write_text(path.read_text().replace("add died date", "rename to taken"))
    compiled = Path(cache_from_source(str(path)))
    py_compile.compile(str(forged), str(compiled), dfile=str(path))
    forged.unlink()
    seen = path.stat()
    header = struct.pack("<4sIII", MAGIC_NUMBER, 0, int(seen.st_mtime), seen.st_size)
    compiled.write_bytes(header + compiled.read_bytes()[16:])

    assert (await apply_migration(at_b2.workspace, plan_hash=digest)).findings == 0

    assert await ask(at_b2.live, DIED) == 1


async def test_a_second_file_of_the_same_revision_is_not_taken_for_it(at_b2: AtB2) -> None:
    path = await at_b2.add("c3", "b2", "alter table authors add died date")
    _, digest = await planned(at_b2.workspace)

    path.with_name("zz_c3.py").write_text(path.read_text().replace("add died date", "rename to taken"))

    await refused(at_b2, "c3", plan_hash=digest)


async def test_another_head_or_another_parent_is_another_plan(at_b2: AtB2) -> None:
    path = await at_b2.add("c3", "b2", "alter table authors add died date")
    _, digest = await planned(at_b2.workspace)
    await at_b2.add("c4", "b2", "drop table authors", recorded=False)
    await refused(at_b2, "heads", plan_hash=digest)
    (at_b2.root / "migrations" / "versions" / "c4.py").unlink()

    path.write_text(path.read_text().replace("down_revision = 'b2'", "down_revision = 'a1'"))

    await refused(at_b2, "was changed since it was rehearsed|heads", plan_hash=digest)


async def test_a_record_that_hides_a_loss_is_not_believed(at_b2: AtB2) -> None:
    await at_b2.add("c3", "b2", "alter table authors drop born")
    _, digest = await planned(at_b2.workspace)
    record = at_b2.root / ".dbarch" / "rehearsals" / "c3.json"
    data = json.loads(record.read_text())
    for statement in data["statements"]:
        statement["destroys"] = []

    record.write_text(json.dumps(data))

    await refused(at_b2, r"c3 .*or was changed since", plan_hash=digest)


async def test_an_environment_that_leads_elsewhere_does_not_get_there(at_b2: AtB2, sandboxes: Sandboxes) -> None:
    async with sandboxes.lend() as other:
        await run(other, *AT_B2)
        env = at_b2.root / "migrations" / "env.py"
        env.write_text(
            env.read_text().replace("\ndef ", f'\nimport os\nURL = os.environ.get("X", "{other.url}")\n\n\ndef ', 1)
        )
        env.write_text(env.read_text().replace("config.get_main_option", "(lambda *_: URL) or config.get_main_option"))
        await at_b2.add("c3", "b2", "alter table authors add died date")
        _, digest = await planned(at_b2.workspace)

        await apply_migration(at_b2.workspace, plan_hash=digest)

        assert await ask(other, DIED) == 0
        assert await ask(other, VERSION) == "b2"


async def test_a_plan_that_was_seen_for_one_database_is_none_for_another(at_b2: AtB2, sandboxes: Sandboxes) -> None:
    await at_b2.add("c3", "b2", "alter table authors add died date")
    _, digest = await planned(at_b2.workspace)
    async with sandboxes.lend() as other:
        await run(other, *AT_B2)
        with pytest.raises(Refused, match="The plan is no longer, or never was"):
            await apply_migration(at_b2.workspace.configured(database_url=other.url), plan_hash=digest)
        assert await ask(other, DIED) == 0


def piped(project: AtB2, cache: Path) -> subprocess.CompletedProcess[str]:
    """`dbarch apply`, with a yes that nobody typed."""
    command = [sys.executable, "-m", "mcp_server", "apply", "--project", str(project.root)]
    environment = {**os.environ, "DBARCH_DATABASE_URL": project.live.url, "DBARCH_CACHE_DIR": str(cache)}
    return subprocess.run(command, env=environment, input="y\nyes\ny\n", capture_output=True, text=True, check=False)


async def test_a_pipe_is_nobody_who_agrees(at_b2: AtB2, cache: Path) -> None:
    await at_b2.add("c3", "b2", "alter table authors add died date")
    done = piped(at_b2, cache)

    assert await ask(at_b2.live, DIED) == 0, done.stdout + done.stderr
    assert await ask(at_b2.live, VERSION) == "b2"


async def test_neons_pooler_is_never_where_the_lock_is_taken() -> None:
    target = read_url("postgresql://app:secret@ep-a-b-pooler.eu-central-1.aws.neon.tech/app").direct()
    assert target.host == "ep-a-b.eu-central-1.aws.neon.tech"


async def test_a_record_of_another_revision_under_this_name_counts_as_none(at_b2: AtB2) -> None:
    await at_b2.add("c3", "b2", "alter table authors add died date")
    await at_b2.add("d4", "c3", "drop table authors", recorded=False)
    folder = at_b2.root / ".dbarch" / "rehearsals"
    (folder / "d4.json").write_text((folder / "c3.json").read_text())
    assert find(at_b2.root, "d4") is None

    await refused(at_b2, r"d4 .*no rehearsal of it is on record")


@pytest.mark.parametrize("how", ["of another hand", "changed"])
async def test_a_record_that_dbarch_did_not_write_here_is_not_believed(how: str, at_b2: AtB2, tmp_path: Path) -> None:
    path = await at_b2.add("c3", "b2", "alter table authors add died date")
    record = at_b2.root / ".dbarch" / "rehearsals" / "c3.json"
    document = json.loads(record.read_text())
    if how == "changed":
        path.write_text(path.read_text().replace("add died date", "drop born"))
        document["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    else:
        (tmp_path / "another").mkdir()
        document = sealed(document, read_key(tmp_path / "another"))
    record.write_text(json.dumps(document))

    await refused(at_b2, r"c3 .*not written by dbarch for you on this machine, or was changed since")
