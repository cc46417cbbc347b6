"""The project's modules are run from their sources alone.

Python takes a compiled file for fresh by the second and the size of its source. One that was left or put there would run
in the place of what was read, hashed and rehearsed.
https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
"""

from __future__ import annotations

import os
from importlib.machinery import SourceFileLoader
from types import CodeType

INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def run_from_sources(root: str) -> None:
    """From now on, no compiled file of a module below `root` is read; installed packages keep theirs."""
    plain = SourceFileLoader.get_code
    inside = os.path.realpath(root) + os.sep

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        path = loader.get_filename(name)
        whole = os.path.realpath(path)
        if not whole.startswith(inside) or any(part in whole for part in INSTALLED):
            return plain(loader, name)
        return loader.source_to_code(loader.get_data(path), path)

    SourceFileLoader.get_code = get_code  # type: ignore[assignment,method-assign]
