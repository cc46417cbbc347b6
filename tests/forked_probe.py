"""Reads the models of many small projects: SQLModel is imported once, and each project in a fork of its own.

Standard input: a JSON list of folders. Standard output: for each, what the probe says, or {"error": text}.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

import sqlmodel  # noqa: F401

from mcp_server.world.guest import probe
from mcp_server.world.guest.classes import Recorder
from mcp_server.world.guest.guard import Guard
from mcp_server.world.guest.places import Project
from mcp_server.world.guest.visit import versions


def read(folder: str) -> dict[str, Any]:
    guard = Guard(Project(folder), None)
    os.chdir(folder)
    request = {"root": folder, "models": [], "external": [], "alembic": None, "server_version": 180000}
    result = probe.read_models(request, guard, Recorder(guard.project))
    return {"result": result, "versions": versions()}


def in_fork(folder: str) -> dict[str, Any]:
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            told = read(folder)
        except BaseException:  # noqa: BLE001 - whatever the example raises is the answer
            told = {"error": traceback.format_exc()}
        with os.fdopen(writing, "w") as pipe:
            json.dump(told, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer: dict[str, Any] = json.load(pipe)
    os.wait()
    return answer


if __name__ == "__main__":
    json.dump([in_fork(folder) for folder in json.load(sys.stdin)], sys.stdout)
