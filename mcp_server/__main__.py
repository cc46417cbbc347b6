"""`python -m mcp_server`: no words serve MCP over stdio, words are the command line's."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    if len(sys.argv) > 1:
        from mcp_server.cli import main

        main()
    else:
        from mcp_server.serving import serve_stdio

        serve_stdio()
