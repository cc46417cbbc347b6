"""Revision bodies of rules -> migrations that were walked by Alembic on a project of their own."""

from __future__ import annotations

from pathlib import Path

from mcp_server.model.walked import Migration
from mcp_server.operations.chronicling import read_environment
from mcp_server.operations.walking import Stretch, walk_stretch
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.walker import open_walker
from tests.opened import copy_history, open_project

HEAD = "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = {name!r}\ndown_revision = {parent!r}\n\n"
FIRST = "\ndef upgrade():\n    op.execute({sql!r})\n\n\ndef downgrade():\n    pass\n"


async def walked(folder: Path, sandboxes: Sandboxes, given: str, body: str) -> Migration:
    """A revision of this body, on a history whose first revision runs `given`."""
    root = copy_history(folder)
    versions = root / "migrations" / "versions"
    for path in versions.glob("*.py"):
        path.unlink()
    (versions / "a1.py").write_text(HEAD.format(name="a1", parent=None) + FIRST.format(sql=given))
    (versions / "b2.py").write_text(HEAD.format(name="b2", parent="a1") + body)
    workspace = open_project(root, sandboxes)
    async with open_walker(workspace) as walker:
        assert walker is not None
        revision = walker.history.get("b2")
        assert revision is not None
        stretch = Stretch("revision b2", ("a1",), "b2", (revision,))
        return await walk_stretch(workspace, walker, stretch, {}, read_environment(walker.history))
