"""How Claude Code starts the server: `python3 launcher`, on whatever Python is there, with the standard library alone.

When the server's packages are installed, this process becomes the server. When they are not (the first start, or an
update), it answers the handshake itself and installs them meanwhile: an installation takes longer than a client waits,
and a start that failed is not tried again for a quarter of an hour. DBARCH_SERVER_PYTHON names an interpreter that has
the packages already.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from launcher.environment import Environment, data_folder, server_command  # noqa: E402
from launcher.stand_in import StandIn  # noqa: E402


def main() -> int:
    """Become the server, or stand in for it until it is installed. Returns the exit code."""
    named = os.environ.get("DBARCH_SERVER_PYTHON", "")
    if named and not named.startswith("${"):
        return become(server_command(named, ROOT))
    environment = Environment(data_folder(os.environ), ROOT / "requirements.txt")
    python = environment.ready()
    if python is not None:
        return become(server_command(python, ROOT))
    return StandIn(environment, ROOT).serve()


def become(command: list[str]) -> int:
    """Replace this process by the server; Windows has no such thing, there it is waited for."""
    if os.name == "posix":
        os.execv(command[0], command)
    try:
        return subprocess.call(command)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
