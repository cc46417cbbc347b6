"""Settings are given when the connection starts, and Neon's proxy drops them without a word.

Of what a client sends at the start the proxy passes on user, database, application_name, replication and options. A
statement_timeout or default_transaction_read_only in asyncpg's server_settings is therefore not in force. Set them in each
transaction (`set_config(..., true)`), or for the role: `alter role app set statement_timeout = '30s'`.
https://neon.com/docs/connect/connection-errors
"""

import re
from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse

RULE = Rule(code="H904", severity="warning", form="project")
KEPT = ("application_name", "options", "replication")


def check(use: NeonUse) -> Iterator[Finding]:
    for call in use.code.called("create_async_engine", "connect", "create_pool"):
        given = call.argument("server_settings") or call.argument("connect_args")
        block = re.search(r"[\"']server_settings[\"']\s*:\s*{([^}]*)}", given.text) if given else None
        text = given.text if given is not None and given.name == "server_settings" else block[1] if block else ""
        lost = [name for name in re.findall(r"[\"'](\w+)[\"']\s*:", text) if name not in KEPT]
        if lost:
            yield RULE.found(
                subject=call.verb,
                message=f"{', '.join(lost)} never reaches the server: Neon's proxy drops it, and no error says so.",
                evidence="server_settings are start-up parameters",
                fix="; ".join(f"alter role {use.role or 'app'} set {name} = ..." for name in lost[:3]),
                place=str(call.span),
            )
