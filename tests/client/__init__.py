"""The plugin in the real Claude Code client, and the server before MCP's own conformance suite."""
