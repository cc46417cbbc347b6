"""What the user's code raised -> plain values: kind, message, the user's own file and line, and what belongs to it."""

from __future__ import annotations

import re
from typing import Any

from .alembic_environment import HistoryBroken
from .ddl import Unmakeable
from .engines import NoDriver
from .guard import Forbidden, Guard
from .places import Place, chain
from .probe import EnvironmentUnusable, NoModels
from .reach import BeyondReach
from .statements import NoStatement

PASSWORD = re.compile(r"(\bpassword\s+)'(?:[^']|'')*'", re.IGNORECASE)
LIMIT = 2_000
# Classes whose DETAIL names objects, never values; as in world/translation.py.
SAFE_DETAIL = ("0A", "2B", "42", "55", "53")


def describe(error: BaseException, guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    """The error as values. `kind` tells the asking side how to put it and what to advise."""
    walk = state.get("walk")
    place = guard.project.of_error(error, walk.versions if walk is not None else ())
    told: dict[str, Any] = {"type": type(error).__name__, "message": _message(error), "place": place, "kind": "user"}
    if walk is not None:
        told.update(running=walk.running, done=walk.done)
    for find in (_forbidden, _known, _missing_module, _foreign_key, _heads, _statement):
        found = find(error, guard, state)
        if found:
            told.update(found)
            break
    return told


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return error.msg or "invalid syntax"
    return str(error)[:LIMIT]


def _forbidden(error: BaseException, guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    for each in chain(error):
        if isinstance(each, Forbidden):
            return {"kind": "forbidden", "target": each.target, "message": each.target, "place": each.place}
    return {}


def _known(error: BaseException, guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    if isinstance(error, HistoryBroken):
        return {"kind": "history", "message": error.message, "place": error.place}
    if isinstance(error, EnvironmentUnusable):
        return {"kind": "env.py", "message": error.note}
    if isinstance(error, NoStatement):
        return {"kind": "no statement"}
    if isinstance(error, NoModels):
        return {"kind": "no models", "roots": list(error.roots)}
    if isinstance(error, NoDriver):
        return {"kind": "no driver", "package": error.package}
    if isinstance(error, Unmakeable):
        return {"kind": "unmakeable", "table": error.table, "place": _table_place(state, error.table)}
    if isinstance(error, SyntaxError):
        return {"kind": "syntax"}
    return _unsafe(error) or _beyond(error)


def _beyond(error: BaseException) -> dict[str, Any]:
    """What was not sent, because it acts on the whole server."""
    found = next((each for each in chain(error) if isinstance(each, BeyondReach)), None)
    return {"kind": "beyond reach", "message": PASSWORD.sub(r"\1'***'", str(found))} if found is not None else {}


def _unsafe(error: BaseException) -> dict[str, Any]:
    """What keeps a revision from being run on a database that is in use."""
    from .session import RevisionChanged, SessionUnsafe

    found = next((each for each in chain(error) if isinstance(each, (RevisionChanged, SessionUnsafe))), None)
    return {"kind": "unsafe", "message": str(found)} if found is not None else {}


def _table_place(state: dict[str, Any], key: str) -> Place:
    recorder = state.get("recorder")
    return recorder.places().get(key, Place()) if recorder is not None else Place()


def _missing_module(error: BaseException, guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    if isinstance(error, ModuleNotFoundError):
        return {"kind": "missing module", "module": error.name or ""}
    return {}


def _foreign_key(error: BaseException, guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    """A foreign key to a table or column that no model declares."""
    from sqlalchemy.exc import NoReferencedColumnError, NoReferencedTableError

    if not isinstance(error, (NoReferencedTableError, NoReferencedColumnError)):
        return {}
    recorder = state.get("recorder")
    told = {"kind": "foreign key", "table": error.table_name}
    if recorder is not None:
        told["place"] = recorder.place_of_reference(error.table_name)
    return told


def _heads(error: BaseException, guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    for each in chain(error):
        if type(each).__name__ == "MultipleHeads":
            return {"kind": "heads", "heads": list(getattr(each, "heads", ()))}
    return {"kind": "alembic"} if type(error).__name__ == "CommandError" else {}


def _statement(error: BaseException, guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    """A statement that Postgres refused; when it was only the echo of an earlier one, that one."""
    from sqlalchemy.exc import DBAPIError

    found = next((each for each in chain(error) if isinstance(each, DBAPIError)), None)
    if found is None:
        return {}
    original, sql = found.orig, found.statement or ""
    told: dict[str, Any] = {"kind": "statement", "swallowed": False}
    walk = state.get("walk")
    words = postgres_words(original)
    if words["sqlstate"] == "25P02" and walk is not None and walk.first_error is not None:
        first, sql, place = walk.first_error
        words = postgres_words(first)
        told.update(swallowed=True, place=place)
    return {**told, **words, "sql": PASSWORD.sub(r"\1'***'", sql)[:LIMIT]}


def postgres_words(error: Any) -> dict[str, str]:
    """Postgres's own message, detail, hint and code, whichever driver brought them."""
    for each in chain(error) if isinstance(error, BaseException) else ():
        diag = getattr(each, "diag", None)
        if diag is not None and getattr(diag, "message_primary", None):
            return _words(diag.message_primary, diag.message_detail, diag.message_hint, diag.sqlstate)
        if hasattr(each, "severity_en") or type(each).__module__.startswith("asyncpg"):
            return _words(
                getattr(each, "message", None) or str(each), getattr(each, "detail", ""), getattr(each, "hint", ""),
                getattr(each, "sqlstate", ""),
            )  # fmt: skip
        fields = each.args[0] if each.args else None
        if isinstance(fields, dict) and "M" in fields:  # pg8000
            return _words(fields["M"], fields.get("D"), fields.get("H"), fields.get("C"))
    return _words(str(error), "", "", getattr(error, "sqlstate", "") or getattr(error, "pgcode", ""))


def _words(message: Any, detail: Any, hint: Any, sqlstate: Any) -> dict[str, str]:
    speaks_of_rows = not str(sqlstate or "").startswith(SAFE_DETAIL)
    return {
        "message": str(message)[:LIMIT],
        "detail": "" if speaks_of_rows else str(detail or "")[:LIMIT],
        "postgres_hint": str(hint or "")[:LIMIT],
        "sqlstate": str(sqlstate or ""),
    }
