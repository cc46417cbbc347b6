"""Neon's API, version 2: projects, branches, computes, operations. The only importer of httpx2.

What may be sent again is Neon's own rule: a GET always; any request that was refused with 423 (another operation runs), 429
(too many) or 503, for it was not carried out; one that could not be sent at all. A POST, PATCH or DELETE that timed out or
ended in another 5xx may have been carried out, so it is not sent again, and the error says so.
https://api-docs.neon.tech/reference/getting-started-with-neon-api
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_server.errors import ConfigError, ConnectionFailed, NotFound, Refused, TimedOut
from mcp_server.model.branch import Branch, Endpoint, Made, Operation, Plan
from mcp_server.model.names import split
from mcp_server.world.neon_answers import (
    Unanswered,
    read_branch,
    read_endpoint,
    read_operation,
    read_operations,
    read_plan,
    refusal,
    unanswered,
    unreachable,
)
from mcp_server.world.urls import read_url

if TYPE_CHECKING:
    import httpx2

    from mcp_server.world.branch_making import Wanted

ADDRESS = "https://console.neon.tech/api/v2"
ATTEMPTS = 6
LONGEST_WAIT = 30.0
NOT_CARRIED_OUT = frozenset({423, 429, 503})
PAGE = 100


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait, in seconds. first: before the second attempt, doubled from then on. timeout: for one answer.

    poll: before an operation is asked for, doubled from then on. whole: for operations to end.
    """

    first: float = 0.5
    poll: float = 0.2
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
            found += [read_branch(one) for one in answer["branches"]]
            following = str(answer.get("pagination", {}).get("next", ""))
            if not following or following == cursor:
                return tuple(sorted(found, key=lambda one: (not one.default, one.name)))
            cursor = following

    async def endpoints(self, project: str) -> tuple[Endpoint, ...]:
        """The computes of a project."""
        return tuple(
            read_endpoint(one) for one in (await self._ask("GET", f"/projects/{project}/endpoints"))["endpoints"]
        )

    async def create(self, project: str, wanted: Wanted) -> Made:
        """Make a branch with a compute. It answers while Neon still works at it: see `finished`."""
        stated = {
            "name": wanted.name,
            "parent_id": wanted.parent.id,
            "parent_lsn": wanted.lsn,
            "parent_timestamp": wanted.timestamp,
            "init_source": "schema-only" if wanted.schema_only else "",
            "expires_at": wanted.expires,
        }
        branch = {key: value for key, value in stated.items() if value}
        body: dict[str, Any] = {"branch": branch, "endpoints": [{"type": "read_write"}]}
        path = f"/projects/{project}/branches"
        if wanted.masks:
            path = f"/projects/{project}/branch_anonymized"
            body = {"branch_create": body, "masking_rules": [*_rules(wanted)], "start_anonymization": True}
        answer = await self._ask("POST", path, body=body)
        return Made(
            read_branch(answer["branch"]),
            tuple(read_endpoint(one) for one in answer.get("endpoints", [])),
            read_operations(answer),
        )

    async def anonymised(self, project: str, branch: str) -> None:
        """Wait until a branch's values are masked. Raises ConnectionFailed when they could not be, TimedOut."""
        path = f"/projects/{project}/branches/{branch}/anonymized_status"
        deadline, wait = asyncio.get_running_loop().time() + self.pace.whole, self.pace.poll
        while (answer := await self._ask("GET", path))["state"] != "anonymized":
            if "error" in answer["state"]:
                why = f": {answer['status_message'][:300]}" if answer.get("status_message") else ""
                raise ConnectionFailed(
                    f"Neon could not mask the branch's values{why}.",
                    "Its rows are NOT masked: delete it, then correct the masks.",
                )
            if asyncio.get_running_loop().time() > deadline:
                raise TimedOut(
                    f"Neon has not masked the branch's values after {self.pace.whole:g} s.",
                    "Do not hand it on: its rows are not masked yet.",
                )
            await asyncio.sleep(wait)
            wait = min(2 * wait, 4.0)

    async def delete(self, project: str, branch: str) -> tuple[Operation, ...]:
        """Delete a branch; one that is gone already is no error. An id is given once, so that it may be asked again."""
        path = f"/projects/{project}/branches/{branch}"
        for _ in range(ATTEMPTS):
            try:
                return read_operations(await self._ask("DELETE", path))
            except Unanswered:
                await self._rest(0)
            except NotFound:
                return ()
        return read_operations(await self._ask("DELETE", path))

    async def restore(
        self, project: str, branch: str, source: str, *, lsn: str = "", timestamp: str = "", keep: str = ""
    ) -> tuple[Operation, ...]:
        """Make a branch what a source is now, or was. Its computes and their addresses stay.

        keep: the name of a branch that holds what it was, which Neon wants when the source is the branch itself.
        """
        stated = {
            "source_branch_id": source,
            "source_lsn": lsn,
            "source_timestamp": timestamp,
            "preserve_under_name": keep,
        }
        body = {key: value for key, value in stated.items() if value}
        return read_operations(await self._ask("POST", f"/projects/{project}/branches/{branch}/restore", body=body))

    async def set_expiry(self, project: str, branch: str, expires: str) -> None:
        """Let a branch end by itself. The same again changes nothing, so that it may be asked again."""
        path, body = f"/projects/{project}/branches/{branch}", {"branch": {"expires_at": expires}}
        try:
            await self._ask("PATCH", path, body=body)
        except Unanswered:
            await self._ask("PATCH", path, body=body)

    async def plan(self, project: str) -> Plan:
        """What the project's plan allows."""
        return read_plan((await self._ask("GET", f"/projects/{project}"))["project"])

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
            latest, wait = one, self.pace.poll
            while latest.outcome == "running":
                if asyncio.get_running_loop().time() > deadline:
                    raise TimedOut(
                        f"Neon has not ended `{latest.action}` after {self.pace.whole:g} s (it is {latest.status}).",
                        "Look at the project's operations in the Neon console; the branch may be usable later.",
                    )
                await asyncio.sleep(wait)
                wait = min(2 * wait, 4.0)
                answer = await self._ask("GET", f"/projects/{project}/operations/{latest.id}")
                latest = read_operation(answer["operation"])
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
                    raise unreachable(error) from error
                await self._rest(attempt)
                continue
            except httpx2.TransportError as error:
                if method != "GET":
                    raise unanswered(method, path, type(error).__name__) from error
                if last:
                    raise unreachable(error) from error
                await self._rest(attempt)
                continue
            if answer.status_code < 400:
                return dict(answer.json()) if answer.content else {}
            again = answer.status_code in NOT_CARRIED_OUT or (method == "GET" and answer.status_code >= 500)
            if not again or last:
                raise refusal(method, path, answer.status_code, _body(answer))
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


def _body(answer: httpx2.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None


def _rules(wanted: Wanted) -> Iterator[dict[str, str]]:
    """The masking rules of an anonymised branch, as the API takes them."""
    for column, function in wanted.masks.items():
        *schema, table, name = split(column)
        yield {
            "database_name": wanted.database,
            "schema_name": schema[0] if schema else "public",
            "table_name": table,
            "column_name": name,
            "masking_function": function,
        }
