"""What Neon's API answers -> our values, and its refusals -> errors with the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_server.errors import ArchitectError, ConnectionFailed, NotFound, PermissionDenied, Refused
from mcp_server.model.branch import Branch, Endpoint, Operation, Plan

LONGEST_MESSAGE = 300


class Unanswered(ConnectionFailed):
    """A request that may have been carried out: its answer never came."""


def read_branch(data: Mapping[str, Any]) -> Branch:
    """A branch as the API tells of it."""
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


def read_endpoint(data: Mapping[str, Any]) -> Endpoint:
    """A compute as the API tells of it."""
    return Endpoint(
        id=data["id"],
        host=data["host"],
        branch_id=data["branch_id"],
        kind=data.get("type", ""),
        state=data.get("current_state", ""),
        disabled=bool(data.get("disabled", False)),
        smallest=float(data.get("autoscaling_limit_min_cu", 0)),
        largest=float(data.get("autoscaling_limit_max_cu", 0)),
        suspends=int(data.get("suspend_timeout_seconds", 0)),
    )


def read_operation(data: Mapping[str, Any]) -> Operation:
    """An operation as the API tells of it."""
    return Operation(data["id"], data.get("action", ""), data.get("status", ""))


def read_operations(answer: Mapping[str, Any]) -> tuple[Operation, ...]:
    """The operations that an answer says have begun."""
    return tuple(read_operation(one) for one in answer.get("operations", []))


def read_plan(data: Mapping[str, Any]) -> Plan:
    """What a project's plan allows; a project that only the organisation's key may see tells no limit."""
    owner = data.get("owner", {})
    return Plan(
        name=str(owner.get("subscription_type", "")),
        branches=int(owner.get("branches_limit", 0)),
        history_seconds=int(data.get("history_retention_seconds", 0)),
    )


def unreachable(error: Exception) -> ConnectionFailed:
    """The error of a request that could not be sent, or whose answer did not come in time and need not."""
    return ConnectionFailed(
        f"Neon's API cannot be reached ({type(error).__name__}).", "Is this machine online? Try again in a moment."
    )


def unanswered(method: str, path: str, why: str) -> Unanswered:
    """The error of a change of which nobody knows whether it was carried out."""
    return Unanswered(
        f"Neon's API did not answer ({why}); whether {method} {path.rpartition('/')[2]} was carried out is not known.",
        "Call manage_branch with action=list to see what there is, before it is tried again.",
    )


def refusal(method: str, path: str, status: int, body: object) -> ArchitectError:
    """The error of a refused request, with Neon's own words."""
    said = str(body.get("message", ""))[:LONGEST_MESSAGE] if isinstance(body, Mapping) else ""
    words = f": {said.rstrip('.')}" if said else ""
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
    if status >= 500 and status != 503 and method != "GET":
        return unanswered(method, path, str(status))
    return ConnectionFailed(what, "Neon has a fault just now: look at its status page, and try again.")
