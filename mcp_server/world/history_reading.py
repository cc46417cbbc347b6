"""The project's Alembic history, as a guest in the user's interpreter reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcp_server.errors import MigrationError
from mcp_server.model.orm import History, Revision
from mcp_server.world.alembic_process import Alembic
from mcp_server.world.guest_errors import migration_error
from mcp_server.world.guest_process import Answer


async def read_history(alembic: Alembic) -> History:
    """The history, by a guest that reads it and ends. Raises MigrationError."""
    answer = await alembic.visit({"action": "history"}, "", alembic.settings.import_seconds)
    if answer.result is None:
        raise unread(alembic, answer)
    return history_of(alembic, answer.result, answer.versions)


def unread(alembic: Alembic, answer: Answer) -> MigrationError:
    """Why a guest did not come to the end of reading the history."""
    return migration_error(answer, alembic.interpreter, History(), alembic.settings.import_seconds)


def history_of(alembic: Alembic, result: Mapping[str, Any], versions: Mapping[str, str]) -> History:
    """What a guest told of the history. versions: of the interpreter and its packages."""
    revisions = _ordered([_revision(item) for item in result["revisions"]])
    parents = {parent for item in revisions for parent in item.parents}
    options = result["options"]
    return History(
        config=alembic.config.label(alembic.settings.root),
        folder=result["folder"],
        script_location=result["script_location"],
        versions=tuple(result["versions"]),
        revisions=revisions,
        heads=tuple(item.id for item in revisions if item.id not in parents),
        version_table=options.get("version_table") or "alembic_version",
        version_table_schema=options.get("version_table_schema") or "",
        options=tuple(sorted(options.items())),
        settings=tuple(sorted(result["settings"].items())),
        env_error=result.get("env_error", ""),
        filters=tuple(result["filters"]),
        packages=tuple(versions.items()),
    )


def _revision(item: Mapping[str, Any]) -> Revision:
    return Revision(
        id=item["id"],
        parents=tuple(item["parents"]),
        file=item["file"],
        message=item["message"],
        depends_on=tuple(item["depends_on"]),
        labels=tuple(item["labels"]),
    )


def _ordered(revisions: Sequence[Revision]) -> tuple[Revision, ...]:
    """Parents before children, otherwise by id. A dependency may be a branch label."""
    by_label = {label: item.id for item in revisions for label in item.labels}
    left = {item.id: item for item in sorted(revisions, key=lambda item: item.id)}
    parents = {
        item.id: {by_label.get(name, name) for name in item.parents + item.depends_on} & left.keys()
        for item in left.values()
    }
    children: dict[str, list[str]] = {name: [] for name in left}
    for name, before in parents.items():
        for parent in before:
            children[parent].append(name)
    ordered: list[Revision] = []
    ready = [name for name, before in parents.items() if not before]
    while left:
        ordered += [left.pop(name) for name in ready or sorted(left)]
        waiting = {child for name in ready for child in children[name] if child in left}
        ready = sorted(name for name in waiting if not parents[name] & left.keys())
    return tuple(ordered)
