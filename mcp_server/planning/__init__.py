"""Changes become ordered steps."""

from mcp_server.planning.planner import plan, steps

__all__ = ["plan", "steps"]
