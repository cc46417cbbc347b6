"""Neon's API, version 2: projects, branches, computes, operations. The only importer of httpx2.

What may be sent again is Neon's own rule: a GET always; any request that was refused with 423 (another operation runs), 429
(too many) or 503, for it was not carried out; one that could not be sent at all. A POST, PATCH or DELETE that timed out or
ended in another 5xx may have been carried out, so it is not sent again, and the error says so.
https://api-docs.neon.tech/reference/getting-started-with-neon-api
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_server.errors import (
    ArchitectError,
    ConfigError,
    ConnectionFailed,
    NotFound,
    PermissionDenied,
    Refused,
    TimedOut,
)
from mcp_server.model.branch import Branch, Endpoint, Made, Operation
from mcp_server.world.urls import read_url

if TYPE_CHECKING:
    import httpx2

ADDRESS = "https://console.neon.tech/api/v2"
ATTEMPTS = 6
LONGEST_WAIT = 30.0
NOT_CARRIED_OUT = frozenset({423, 429, 503})
PAGE = 100


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait, in seconds. first: before the second attempt, doubled from then on. whole: for operations to end."""

    first: float = 0.5
    whole: float = 120.0
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Neon:
    """A way to Neon's API. Made by `open_neon`."""

    client: httpx2.AsyncClient = field(repr=False)
    pace: Pace

    async def projects(self, organisation: str = "") -> tuple[Mapping[str, Any], ...]:
        """Every project that the key may see, as the API gives it."""
        found: list[Mapping[str, Any]] = []
        cursor = ""
        while True:
            words = {"limit": PAGE, "cursor": cursor, "org_id": organisation}
            answer = await self._ask("GET", "/projects", {key: value for key, value in words.items() if value})
            found += answer.get("projects", [])
            following = str(answer.get("pagination", {}).get("cursor", ""))
            if len(answer.get("projects", [])) < PAGE or following in ("", cursor):
                return tuple(found)
            cursor = following

    async def branches(self, project: str) -> tuple[Branch, ...]:
        """The branches of a project, the default one first, then by name."""
        found: list[Branch] = []
        cursor = ""
        while True:
            words = {"limit": PAGE, "cursor": cursor}
            answer = await self._ask(
                "GET", f"/projects/{project}/branches", {key: value for key, value in words.items() if value}
            )
            found += [_branch(one) for one in answer["branches"]]
            following = str(answer.get("pagination", {}).get("next", ""))
            if not following or following == cursor:
                return tuple(sorted(found, key=lambda one: (not one.default, one.name)))
            cursor = following

    async def endpoints(self, project: str) -> tuple[Endpoint, ...]:
        """The computes of a project."""
        return tuple(_endpoint(one) for one in (await self._ask("GET", f"/projects/{project}/endpoints"))["endpoints"])

    async def create(
        self,
        project: str,
        name: str,
        *,
        expires: str,
        parent: str = "",
        lsn: str = "",
        timestamp: str = "",
        schema_only: bool = False,
    ) -> Made:
        """Make a branch with a compute. It answers while Neon still works at it: see `finished`."""
        stated = {
            "name": name,
            "parent_id": parent,
            "parent_lsn": lsn,
            "parent_timestamp": timestamp,
            "init_source": "schema-only" if schema_only else "",
            "expires_at": expires,
        }
        body = {"branch": {key: value for key, value in stated.items() if value}, "endpoints": [{"type": "read_write"}]}
        answer = await self._ask("POST", f"/projects/{project}/branches", body=body)
        return Made(
            _branch(answer["branch"]),
            tuple(_endpoint(one) for one in answer.get("endpoints", [])),
            _operations(answer),
        )

    async def delete(self, project: str, branch: str) -> tuple[Operation, ...]:
        """Delete a branch; one that is gone already is no error."""
        return _operations(await self._ask("DELETE", f"/projects/{project}/branches/{branch}"))

    async def restore(self, project: str, branch: str, source: str) -> tuple[Operation, ...]:
        """Make a branch what its source is now. Its computes and their addresses stay."""
        body = {"source_branch_id": source}
        return _operations(await self._ask("POST", f"/projects/{project}/branches/{branch}/restore", body=body))

    async def address(self, project: str, branch: Branch, endpoint: Endpoint, database: str, role: str) -> str:
        """The URL of a branch's database, password included, by one of its computes.

        Raises Refused when the compute, or the one that the API names, is another branch's: work that is meant for a
        branch must never reach its parent.
        """
        words = {"branch_id": branch.id, "endpoint_id": endpoint.id, "database_name": database, "role_name": role}
        url = str((await self._ask("GET", f"/projects/{project}/connection_uri", words))["uri"])
        host = read_url(url).direct().host
        if endpoint.branch_id != branch.id or host.lower() != endpoint.host.lower():
            raise Refused(
                f"Neon names {host} for the branch {branch.name}, whose compute is {endpoint.host}: nothing was sent there.",
                "Try again; if it stays so, delete the branch and make it anew.",
            )
        return url

    async def finished(self, project: str, operations: Iterable[Operation]) -> None:
        """Wait until operations have ended. Raises ConnectionFailed for one that failed, TimedOut after `pace.whole`."""
        deadline = asyncio.get_running_loop().time() + self.pace.whole
        for one in operations:
            latest, wait = one, self.pace.first
            while latest.outcome == "running":
                if asyncio.get_running_loop().time() > deadline:
                    raise TimedOut(
                        f"Neon has not ended `{latest.action}` after {self.pace.whole:g} s (it is {latest.status}).",
                        "Look at the project's operations in the Neon console; the branch may be usable later.",
                    )
                await asyncio.sleep(wait)
                wait = min(2 * wait, 4.0)
                answer = await self._ask("GET", f"/projects/{project}/operations/{latest.id}")
                latest = _operation(answer["operation"])
            if latest.outcome == "failed":
                raise ConnectionFailed(
                    f"Neon's operation `{latest.action}` ended as {latest.status}.",
                    "Look at the project's operations in the Neon console, then try again.",
                )

    async def _ask(
        self, method: str, path: str, words: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The answer to a request, asked again where that is safe. {} for an answer without content."""
        import httpx2

        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                answer = await self.client.request(method, path, params=words, json=body)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                if last:
                    raise _unreachable(error) from error
                await self._rest(attempt)
                continue
            except httpx2.TransportError as error:
                if method != "GET":
                    raise _uncertain(method, path, type(error).__name__) from error
                if last:
                    raise _unreachable(error) from error
                await self._rest(attempt)
                continue
            if answer.status_code < 400:
                return dict(answer.json()) if answer.content else {}
            again = answer.status_code in NOT_CARRIED_OUT or (method == "GET" and answer.status_code >= 500)
            if not again or last:
                raise _refusal(method, path, answer)
            await self._rest(attempt, answer.headers.get("retry-after", ""))
        raise AssertionError("unreachable")

    async def _rest(self, attempt: int, told: str = "") -> None:
        """Wait before the next attempt: as long as the server says, else twice as long each time, not all at once."""
        wait = float(told) if told.isdecimal() else self.pace.first * 2**attempt * random.uniform(0.5, 1.0)
        await asyncio.sleep(min(wait, LONGEST_WAIT))


@asynccontextmanager
async def open_neon(key: str, address: str = ADDRESS, pace: Pace | None = None) -> AsyncIterator[Neon]:
    """A way to Neon's API by a key. Raises ConfigError without one."""
    if not key:
        raise ConfigError(
            "No Neon API key is set.",
            "Make one in the Neon console (Settings, API keys) and set NEON_API_KEY in the environment or the project's .env.",
        )
    import httpx2

    pace = pace or Pace()
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    async with httpx2.AsyncClient(
        base_url=address, headers=headers, timeout=pace.timeout, follow_redirects=False
    ) as client:
        yield Neon(client, pace)


def _branch(data: Mapping[str, Any]) -> Branch:
    return Branch(
        id=data["id"],
        name=data["name"],
        state=data.get("current_state", ""),
        parent_id=data.get("parent_id", ""),
        default=bool(data.get("default", False)),
        protected=bool(data.get("protected", False)),
        created=data.get("created_at", ""),
        expires=data.get("expires_at") or "",
        size=data.get("logical_size"),
        schema_only=data.get("init_source") == "schema-only",
    )


def _endpoint(data: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        id=data["id"],
        host=data["host"],
        branch_id=data["branch_id"],
        kind=data.get("type", ""),
        state=data.get("current_state", ""),
        disabled=bool(data.get("disabled", False)),
    )


def _operation(data: Mapping[str, Any]) -> Operation:
    return Operation(data["id"], data.get("action", ""), data.get("status", ""))


def _operations(answer: Mapping[str, Any]) -> tuple[Operation, ...]:
    return tuple(_operation(one) for one in answer.get("operations", []))


def _unreachable(error: Exception) -> ConnectionFailed:
    return ConnectionFailed(
        f"Neon's API cannot be reached ({type(error).__name__}).", "Is this machine online? Try again in a moment."
    )


def _uncertain(method: str, path: str, why: str) -> ConnectionFailed:
    return ConnectionFailed(
        f"Neon's API did not answer ({why}); whether {method} {path.rpartition('/')[2]} was carried out is not known.",
        "Call manage_branch with action=list to see what there is, before it is tried again.",
    )


def _refusal(method: str, path: str, answer: httpx2.Response) -> ArchitectError:
    """The error of a refused request, with Neon's own words."""
    try:
        said = str(answer.json().get("message", ""))[:300]
    except (ValueError, AttributeError):
        said = ""
    status, words = answer.status_code, f": {said.rstrip('.')}" if said else ""
    what = f"Neon's API answers {status}{words}."
    match status:
        case 401:
            return PermissionDenied(
                what, "The key in NEON_API_KEY is not accepted: make a new one in the Neon console."
            )
        case 403:
            return PermissionDenied(
                what, "This key may not do that: use one of a member with the rights, or of the project."
            )
        case 404:
            return NotFound(
                what, "Call manage_branch with action=list to see what there is; NEON_PROJECT_ID names the project."
            )
        case 423:
            return Refused(what, "Another operation runs in the project: wait until it has ended, then try again.")
        case 429:
            return Refused(what, "Too many requests for this account: wait a minute, then try again.")
        case 409:
            return Refused(what, "Choose another name, or use what is there.")
        case 400 | 412 | 422:
            return Refused(
                what, "Often a limit of the plan: delete branches that are not needed, or look at the project's limits."
            )
    if status >= 500 and method != "GET":
        return _uncertain(method, path, str(status))
    return ConnectionFailed(what, "Neon has a fault just now: look at its status page, and try again.")
