"""Neon's API on loopback, as far as dbarch uses it: its own state, faults on demand, every call held to Neon's contract.

A branch's database is a real one where `databases` are given: made from its parent's. Words and codes of refusals are ours.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.neon.contract import check_answer, check_request
from tests.neon.databases import Databases

KEY = "napi_" + "k" * 64
PREFIX = "/api/v2"


class NeonApi:
    """One project with a default branch. host_of: the host of a branch's compute; url_of: its database's address.

    databases: where branches are made for real. faults: what the next calls of the method `faulty` meet: a status, "drop" (the
    connection ends before anything is done), "late" (it ends afterwards), "stall" (no answer for `stall` seconds), or "" for
    nothing. broken: actions whose operations fail. polls: how often an operation is asked for until it has ended. calls:
    what was asked. masking: the state that anonymised branches tell, in order.
    """

    def __init__(
        self,
        host_of: Callable[[str], str],
        url_of: Callable[[str], str],
        limit: int = 10,
        databases: Databases | None = None,
    ) -> None:
        self.project = "quiet-frost-1"
        self.databases = databases
        self.host_of, self.url_of, self.limit = host_of, url_of, limit
        self.stall = 1.0
        self.branches: dict[str, dict[str, Any]] = {}
        self.computes: dict[str, dict[str, Any]] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.faults: list[int | str] = []
        self.faulty = ""
        self.broken: list[str] = []
        self.polls = 1
        self.masking = ["initializing", "anonymizing", "anonymized"]
        self.add("main", default=True)

    def add(self, name: str, *, parent: str = "", compute: bool = True, **facts: Any) -> str:
        """A branch, with what the API says of one."""
        branch, now = f"br-{name}-{len(self.branches)}", moment()
        self.branches[branch] = {
            "id": branch, "name": name, "project_id": self.project, "current_state": "ready", "state_changed_at": now,
            "creation_source": "console", "default": False, "primary": False, "protected": False, "cpu_used_sec": 0,
            "compute_time_seconds": 0, "active_time_seconds": 0, "written_data_bytes": 0, "data_transfer_bytes": 0,
            "created_at": now, "updated_at": now, "logical_size": 1000, "init_source": "parent-data",
            **({"parent_id": parent, "parent_lsn": "0/1"} if parent else {}), **facts,
        }  # fmt: skip
        if self.databases is not None:
            only = facts.get("init_source") == "schema-only"
            self.databases.make(branch, parent or (self.main if only else ""), schema_only=only)
        if compute:
            self._compute(branch)
        return branch

    @property
    def main(self) -> str:
        """The default branch's id."""
        return next(one["id"] for one in self.branches.values() if one["default"])

    def _compute(self, branch: str) -> dict[str, Any]:
        now = moment()
        compute = {
            "host": self.host_of(branch), "id": f"ep-{branch}", "project_id": self.project, "branch_id": branch,
            "autoscaling_limit_min_cu": 0.25, "autoscaling_limit_max_cu": 0.25, "region_id": "aws-local-1",
            "type": "read_write", "current_state": "active", "settings": {}, "pooler_enabled": False,
            "pooler_mode": "transaction", "disabled": False, "passwordless_access": True, "creation_source": "console",
            "created_at": now, "updated_at": now, "proxy_host": "local", "suspend_timeout_seconds": 0, "provisioner": "k8s-neonvm",
        }  # fmt: skip
        self.computes[compute["id"]] = compute
        return compute

    def _begun(self, action: str, branch: str) -> dict[str, Any]:
        identity, now = str(uuid.uuid4()), moment()
        operation = {
            "id": identity, "project_id": self.project, "branch_id": branch, "action": action, "status": "running",
            "failures_count": 0, "created_at": now, "updated_at": now, "total_duration_ms": 0,
        }  # fmt: skip
        self.operations[identity] = {**operation, "left": self.polls}
        return operation

    def answer(self, method: str, path: str, words: dict[str, str], body: Any) -> tuple[int, Any]:
        """The answer to a call, and what it changes."""
        match [method, *path.strip("/").split("/")]:
            case ["GET", "projects"]:
                return 200, {
                    "projects": [_project(self.project)],
                    "pagination": {"cursor": self.project},
                    "applications": {},
                    "integrations": {},
                }
            case [_, "projects", other, *_] if other != self.project:
                return 404, "project not found"
            case ["GET", "projects", _]:
                return 200, {"project": {**_project(self.project), **_details(self.limit)}}
            case ["GET", "projects", _, "branches"]:
                return 200, {
                    "branches": list(self.branches.values()),
                    "annotations": {},
                    "pagination": {"sort_by": "updated_at", "sort_order": "DESC"},
                }
            case ["GET", "projects", _, "endpoints"]:
                return 200, {"endpoints": list(self.computes.values())}
            case ["GET", "projects", _, "operations", identity]:
                return self._polled(identity)
            case ["GET", "projects", _, "connection_uri"]:
                return 200, {"uri": self.url_of(words["branch_id"])}
            case ["POST", "projects", _, "branches"]:
                return self._made(body)
            case ["DELETE", "projects", _, "branches", branch]:
                return self._deleted(branch)
            case ["GET", "projects", _, "branches", branch, "anonymized_status"]:
                state = self.masking.pop(0) if len(self.masking) > 1 else self.masking[0]
                now = moment()
                return 200, {"branch_id": branch, "project_id": self.project, "state": state, "status_message": "as told",
                             "created_at": now, "updated_at": now}  # fmt: skip
            case ["POST", "projects", _, "branch_anonymized"]:
                return self._made(body["branch_create"])
            case [_, "projects", _, "branches", branch, *_] if branch not in self.branches:
                return 404, "branch not found"
            case ["PATCH", "projects", _, "branches", branch]:
                self.branches[branch] |= body["branch"]
                return 200, {"branch": self.branches[branch], "operations": []}
            case ["POST", "projects", _, "branches", branch, "restore"]:
                return self._restored(branch, body)
        return 404, "not found"

    def _polled(self, identity: str) -> tuple[int, Any]:
        operation = self.operations[identity]
        operation["left"] -= 1
        if operation["left"] <= 0:
            operation["status"] = "failed" if operation["action"] in self.broken else "finished"
        return 200, {"operation": {key: value for key, value in operation.items() if key != "left"}}

    def _made(self, body: Any) -> tuple[int, Any]:
        stated = body["branch"]
        if len(self.branches) >= self.limit:
            return 422, "branches limit exceeded"
        if stated["name"] in {one["name"] for one in self.branches.values()}:
            return 409, "branch already exists"
        facts = {key: stated[key] for key in ("expires_at", "init_source") if key in stated}
        only = stated.get("init_source") == "schema-only"
        branch = self.add(stated["name"], parent="" if only else stated["parent_id"], compute=False, **facts)
        compute = self._compute(branch)
        operations = [self._begun("create_branch", branch), self._begun("start_compute", branch)]
        return 201, {
            "branch": self.branches[branch],
            "endpoints": [compute],
            "operations": operations,
            "roles": [],
            "databases": [],
        }

    def _restored(self, branch: str, body: Any) -> tuple[int, Any]:
        source = body["source_branch_id"]
        if source not in self.branches:
            return 404, "source branch not found"
        if keep := body.get("preserve_under_name"):
            self.add(keep, parent=branch, compute=False)
        if self.databases is not None and source != branch:
            self.databases.restore(branch, source)
        return 200, {"branch": self.branches[branch], "operations": [self._begun("create_branch", branch)]}

    def _deleted(self, branch: str) -> tuple[int, Any]:
        if branch not in self.branches:
            return 204, None
        found = self.branches.pop(branch)
        if self.databases is not None:
            self.databases.drop(branch)
        self.computes = {key: one for key, one in self.computes.items() if one["branch_id"] != branch}
        return 200, {"branch": found, "operations": [self._begun("delete_timeline", branch)]}


def moment(days: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds").replace("+00:00", "Z")


def _project(identity: str) -> dict[str, Any]:
    now = moment()
    return {
        "id": identity, "platform_id": "aws", "region_id": "aws-local-1", "name": "todo", "provisioner": "k8s-neonvm",
        "pg_version": 17, "proxy_host": "local", "branch_logical_size_limit": 0, "branch_logical_size_limit_bytes": 0,
        "store_passwords": True, "cpu_used_sec": 0, "active_time": 0, "creation_source": "console", "created_at": now,
        "updated_at": now, "owner_id": "o", "maintenance_starts_at": now,
    }  # fmt: skip


def _details(limit: int) -> dict[str, Any]:
    """What only the project's own page tells."""
    now = moment()
    return {
        "owner": {"email": "a@example.org", "name": "A", "branches_limit": limit, "subscription_type": "free_v3"},
        "history_retention_seconds": 21600, "data_storage_bytes_hour": 0, "data_transfer_bytes": 0,
        "written_data_bytes": 0, "compute_time_seconds": 0, "active_time_seconds": 0, "consumption_period_start": now,
        "consumption_period_end": now,
    }  # fmt: skip


@contextmanager
def serving(api: NeonApi) -> Iterator[str]:
    """The address at which it answers, for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _go(self) -> None:
            parts = urlsplit(self.path)
            path, words = parts.path.removeprefix(PREFIX), dict(parse_qsl(parts.query))
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            try:
                status, body = self._judged(path, words, json.loads(raw) if raw else None)
            except AssertionError as error:
                failures.append(error)
                status, body = 418, _refusal("the contract is broken")
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            for name, value in (
                ("content-type", "application/json"),
                ("content-length", str(len(data))),
                ("retry-after", "0"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def _judged(self, path: str, words: dict[str, str], body: Any) -> tuple[int, Any]:
            api.calls.append(f"{self.command} {path}")
            if self.headers.get("authorization") != f"Bearer {KEY}":
                return 401, _refusal("authentication failed")
            check_request(self.command, path, words, body)
            fault = api.faults.pop(0) if api.faults and self.command.startswith(api.faulty) else 0
            if fault == "drop":
                self.close_connection = True
                raise ConnectionAbortedError
            status, answer = (
                (fault, "as told") if isinstance(fault, int) and fault else api.answer(self.command, path, words, body)
            )
            if fault in ("late", "stall"):
                time.sleep(api.stall if fault == "stall" else 0)
                self.close_connection = True
                raise ConnectionAbortedError
            answer = _refusal(answer) if isinstance(answer, str) else answer
            check_answer(self.command, path, status, answer)
            return status, answer

        do_GET = do_POST = do_PATCH = do_DELETE = _go

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            import sys

            error = sys.exc_info()[1]
            if not isinstance(error, ConnectionError):
                failures.append(error)

    failures: list[BaseException | None] = []
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{PREFIX}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert failures == [], failures


def _refusal(message: str) -> dict[str, str]:
    return {"request_id": str(uuid.uuid4()), "code": "", "message": message}
