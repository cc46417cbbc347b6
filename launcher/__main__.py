"""How Claude Code starts the server: `python3 launcher/__main__.py`, on whatever Python is there, with the standard library alone.

It answers the handshake itself and starts the server meanwhile, after installing its packages when they are not there (the
first start, or an update): the server needs a second, an installation takes longer than a client waits, and a start that
failed is not tried again for a quarter of an hour. DBARCH_SERVER_PYTHON names an interpreter that has the packages already.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

try:
    from launcher.environment import OLDEST, Environment, data_folder
    from launcher.stand_in import StandIn
except (EOFError, ValueError, TypeError, ImportError):
    # A disk that was full leaves byte code that is cut off, in every cache below the plugin: nothing of these is read then.
    sys.dont_write_bytecode, sys.pycache_prefix = True, os.path.join(os.devnull, "none")
    for broken in [name for name in sys.modules if name.partition(".")[0] == "launcher"]:
        del sys.modules[broken]
    from launcher.environment import OLDEST, Environment, data_folder
    from launcher.stand_in import StandIn

AGAIN = "DBARCH_LAUNCHER_AGAIN"


def main() -> int:
    """Stand in for the server until it is there, then between it and the client. Returns the exit code."""
    named = os.environ.get("DBARCH_SERVER_PYTHON", "")
    if named and not named.startswith("${"):
        return StandIn(None, ROOT, named).serve()
    environment = Environment(data_folder(os.environ), ROOT / "requirements.txt")
    python = environment.ready()
    if python is not None and sys.version_info[:2] < OLDEST and AGAIN not in os.environ:
        restart(python)
    return StandIn(environment, ROOT).serve()


def restart(python: str) -> None:
    """Go on in the server's own, newer Python, which can say more of the project; not where processes cannot be replaced."""
    if os.name == "posix":
        with suppress(OSError):
            os.execve(python, [python, "-I", "-S", str(ROOT / "launcher" / "__main__.py")], {**os.environ, AGAIN: "1"})


if __name__ == "__main__":
    sys.exit(main())
