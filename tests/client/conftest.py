"""The plugin as a user gets it, a project, and a client of which nothing is known yet but its home."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.client.claude import ROOT, VERSIONS, Client, client_program, copy_plugin


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_plugin(tmp_path_factory.mktemp("plugin"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "tests/projects/todo_chatbot", tmp_path / "todo_chatbot"))


@pytest.fixture
def client(tmp_path: Path, project: Path, cache: Path) -> Client:
    """The newest client, with the server's packages at hand. Its URL is that of the model it faces."""
    environ = {"DBARCH_SERVER_PYTHON": sys.executable, "DBARCH_CACHE_DIR": str(cache)}
    return Client(client_program(VERSIONS[-1]), tmp_path / "home", project, "", environ)
