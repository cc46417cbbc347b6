"""How a project uses its database at Neon: the way there, the compute, the branch, the plan, and the code that connects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mcp_server.model.branch import Branch, Endpoint, Plan
from mcp_server.model.code import Code
from mcp_server.model.code_call import Call

# https://neon.com/docs/manage/endpoints#compute-size-and-autoscaling-configuration: seconds until a compute suspends.
SUSPENDS = 300
RESERVED = 7  # connections that Neon keeps for itself
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class NeonUse:
    """pooled: the configured URL leads through the pooler. origin: where that URL stands, for people.

    max_connections: of the server. workers: processes that the project's files start, each with a pool of its own; their file
    is workers_at. up_days: since the compute woke. migrations: the path of env.py, "" without one; migrations_text: its text.
    endpoint, branch, plan: as the API tells, None without a key. replicas: hosts of read replicas. hosts: those of the URLs that
    are configured, in any variable.
    """

    pooled: bool = False
    origin: str = "the database URL"
    role: str = ""
    bypasses_row_security: bool = False
    row_security_tables: int = 0
    max_connections: int = 0
    up_days: float = 0.0
    counts_statements: bool = False
    code: Code = field(default_factory=Code)
    workers: int = 1
    workers_at: str = ""
    migrations: str = ""
    migrations_text: str = ""
    endpoint: Endpoint | None = None
    branch: Branch | None = None
    plan: Plan | None = None
    replicas: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def suspends(self) -> int:
        """Seconds without queries until the compute suspends, 0 for never; the usual where nobody said."""
        if self.endpoint is None or self.endpoint.suspends == 0:
            return SUSPENDS
        return max(self.endpoint.suspends, 0)

    def engines(self) -> Iterator[Call]:
        """The engines that the code makes for a server, as far as their arguments can be read."""
        for call in self.code.called("create_engine", "create_async_engine"):
            address = call.arguments[0] if call.arguments else None
            is_read = address is not None and not call.is_spread() and address.name != "*"
            if is_read and address is not None and "sqlite" not in address.text.lower():
                yield call

    def pools(self) -> Iterator[Call]:
        """The engines that keep connections."""
        for call in self.engines():
            pool = call.argument("poolclass")
            if pool is None or "NullPool" not in pool.text:
                yield call

    def sent(self) -> Iterator[tuple[Call, str]]:
        """The SQL texts that the code sends as written, in lower case on one line, each with its call."""
        for call in self.code.called("text", "execute", "exec", "exec_driver_sql", "fetch", "fetchval", "fetchrow"):
            given = call.arguments[0] if call.arguments else None
            if given is not None and given.kind in ("text", "formatted"):
                yield call, " ".join(given.text.strip("rbfu\"' \n").lower().split())


def number_of(call: Call, name: str, usual: float) -> float | None:
    """The number that an argument states, the usual one without it, None when it cannot be read."""
    given = call.argument(name)
    if given is None:
        return usual
    return float(given.text) if _NUMBER.fullmatch(given.text) else None
