"""`python -m mcp_server`, or this file's path: no words serve MCP over stdio, words are the command line's."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    if not __package__:
        # Started by its path, as the plugin does: the package's folder must not be where imports are looked for.
        here = Path(__file__).resolve().parent
        sys.path[:] = [str(here.parent), *(entry for entry in sys.path if not entry or Path(entry) != here)]
    if len(sys.argv) > 1:
        from mcp_server.cli import main

        main()
    else:
        from mcp_server.serving import serve_stdio

        serve_stdio()
