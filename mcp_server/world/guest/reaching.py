"""The functions of the project by their files and names, and what FastAPI knows of those that are routes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from . import finding, probe
from .guard import Forbidden, Guard


def imported(files: list[str], guard: Guard) -> Iterator[str]:
    """Import the modules that put the routes together, as their dependencies may stand there."""
    for file in files:
        try:
            module_of(file, guard)
        except (Exception, Forbidden, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
            yield f"{file} cannot be imported, so that dependencies of whole routers are not known: {type(error).__name__}: {error}"


def module_of(file: str, guard: Guard) -> Any:
    """The module of a file: as it was imported already, else by the nearest folder that it can be imported from."""
    path = os.path.join(guard.project.root, *file.split("/"))
    for module in list(sys.modules.values()):
        if os.path.realpath(getattr(module, "__file__", None) or "") == os.path.realpath(path):
            return module
    folders = [
        folder for folder in sys.path if os.path.realpath(path).startswith(os.path.realpath(folder or ".") + os.sep)
    ]
    root = folders[0] if folders else finding.package_root(os.path.dirname(path), guard.project.root)
    probe.prefer([root])
    return importlib.import_module(finding.module_name(os.path.realpath(path), os.path.realpath(root)))


def found_function(one: dict[str, Any], guard: Guard) -> tuple[Any, Any, str]:
    """A function, the class that it is a method of, and why it is not there."""
    try:
        value, owner = module_of(one["file"], guard), None
        for part in one["path"].split("."):
            owner = value if isinstance(value, type) else None
            value = getattr(value, part)
        return value, owner, ""
    except (Exception, Forbidden, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        return (
            None,
            None,
            f"{one['file']} cannot be imported: {type(error).__name__}: {' '.join(str(error).split())[:160]}",
        )


class Routes:
    """What FastAPI knows of its routes: an application's before a router's, which has not heard of what includes it."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}
        holders = [value for module in list(sys.modules.values()) for value in list(vars(module).values())]
        for kind in ("FastAPI", "APIRouter"):
            for one in holders:
                if type(one).__name__ == kind and str(type(one).__module__).startswith("fastapi"):
                    self._add(one)

    def _add(self, holder: Any) -> None:
        for route in getattr(holder, "routes", ()):
            if hasattr(route, "endpoint"):
                self._known.setdefault(route.endpoint, route)

    def of(self, function: Any) -> Any:
        """The route of a function, None for none."""
        return self._known.get(function)
