"""Changes become ordered steps."""

from mcp_server.planning.planner import plan

__all__ = ["plan"]
