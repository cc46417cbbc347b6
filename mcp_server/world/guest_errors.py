"""What went wrong in the user's interpreter -> ModelsError or MigrationError, with the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_server.errors import MigrationError, ModelsError, ModelsMissing
from mcp_server.model.orm import History, Place
from mcp_server.world.guest_process import Answer
from mcp_server.world.interpreter import Interpreter

NAME_MODELS = 'Name the modules: [tool.dbarch] models = ["app.models"] in pyproject.toml.'
SHOWN_OUTPUT = 1_500


def models_error(answer: Answer, interpreter: Interpreter, limit: float) -> ModelsError:
    """Why the models could not be read, with the user's own place."""
    if not answer.error:
        return ModelsError(*_no_answer(answer, interpreter, "The models were not imported", limit))
    message, hint = _models_text(answer.error, interpreter)
    missing = answer.error["kind"] == "no models" and not answer.error["roots"]
    return (ModelsMissing if missing else ModelsError)(message, hint, *answer.error["place"])


def _models_text(error: Mapping[str, Any], interpreter: Interpreter) -> tuple[str, str]:
    said = f"{error['type']}: {error['message']}"
    match error["kind"]:
        case "forbidden":
            return (
                f"The models cannot be read: this line connects to {error['target']} when it is imported.",
                "Move it into a function or a start-up hook: importing models must not need a database. "
                "Nothing was connected to.",
            )
        case "missing module":
            return f"The models cannot be imported: {said}", missing_module_hint(error["module"], interpreter)
        case "foreign key":
            return (
                f"A foreign key refers to table {error['table']!r}, which no model declares.",
                f'If another program owns that table: [tool.dbarch] external = ["{error["table"]}"] in pyproject.toml. '
                "Else import the module that declares it, or name it in [tool.dbarch] models.",
            )
        case "no models" if error["roots"]:
            return (
                f"Tables are declared in several places: {', '.join(error['roots'])}.",
                'Say which are meant: [tool.dbarch] models = ["..."], or start in that folder.',
            )
        case "no models":
            return f"No models were found: {error['message']}.", NAME_MODELS
        case "unmakeable":
            return (
                f"Table {error['table']!r} cannot be made on PostgreSQL: {error['message']}",
                "Give the column a type that PostgreSQL has.",
            )
        case "syntax":
            return f"The models cannot be imported: {said}", f"They were read by {interpreter}."
    return f"The models cannot be imported: {said}", _settings_hint(error)


def migration_error(answer: Answer, interpreter: Interpreter, history: History, limit: float) -> MigrationError:
    """Why the history could not be read or replayed, with the user's own place and how far it came."""
    if not answer.error:
        return MigrationError(*_no_answer(answer, interpreter, "Alembic did not come to an end", limit))
    error = answer.error
    place = Place(*error["place"])
    running = history.get(error.get("running", ""))
    if running is not None and not place.file:
        place = Place(running.file)
    message, hint = _migration_text(error, interpreter, history)
    return MigrationError(message + _how_far(error), hint, place.file, place.line)


def _migration_text(error: Mapping[str, Any], interpreter: Interpreter, history: History) -> tuple[str, str]:
    said = f"{error['type']}: {error['message']}"
    match error["kind"]:
        case "forbidden":
            return (
                f"Refused: the replay would have connected to {error['target']}, which is not the sandbox.",
                "Let env.py and the revisions use the connection that Alembic gives them. Nothing was connected to.",
            )
        case "history":
            return (
                f"The Alembic history is broken: {error['message']}.",
                "Correct `revision` and `down_revision` in that file.",
            )
        case "heads":
            return heads_text(history)
        case "missing module":
            return f"The migrations cannot be imported: {said}", missing_module_hint(error["module"], interpreter)
        case "no driver":
            return (
                f"The migrations cannot be run: {error['message']}.",
                f"Install {error['package']} for {interpreter}.",
            )
        case "statement":
            return _statement_text(error)
        case "unsafe":
            return (
                f"Nothing was run: {error['message']}.",
                "Call apply_migration again without plan_hash to see the plan.",
            )
        case "beyond reach":
            return (
                f"Not run, because it acts on the whole server, which no copy contains: `{error['message']}`. Take it out of "
                "the history; whoever administers the server runs it once.",
                "A revision may be run on many databases of one server.",
            )
        case "alembic":
            return f"Alembic refused: {error['message']}", ""
    return f"The migration failed: {said}", _settings_hint(error)


def heads_text(history: History) -> tuple[str, str]:
    """That there are several heads, which, and what to do."""
    heads = ", ".join(f"{head} ({item.file})" for head in history.heads if (item := history.get(head)))
    return (
        f"The history has {len(history.heads)} heads: {heads}.",
        f'Merge them: alembic merge -m "merge heads" {" ".join(history.heads)}',
    )


def _statement_text(error: Mapping[str, Any]) -> tuple[str, str]:
    detail = f"\n{error['detail']}" if error.get("detail") else ""
    sql = f"\n    {error['sql'].strip()}" if error.get("sql") else ""
    return f"Postgres refused a statement: {error['message']} ({error['sqlstate']}){detail}{sql}", statement_hint(error)


def statement_hint(error: Mapping[str, Any]) -> str:
    """The next step after a refused statement."""
    if error.get("swallowed"):
        return (
            "The revision went on after this error, in a transaction that Postgres had ended. "
            "Ask before (`if_not_exists`, sa.inspect) instead of catching errors."
        )
    words, state = error["message"], error["sqlstate"]
    if "extension" in words and "is not available" in words:
        return "The sandbox has no such extension. Set DBARCH_SANDBOX_URL to a server that has it, with a role that may create databases."
    if state == "42P01":
        return (
            "On an empty database this table does not exist yet: a revision that makes it is missing, or comes later."
        )
    if state in ("42P07", "42701", "42710"):
        return "On an empty database an earlier revision has made this already."
    return str(error.get("postgres_hint") or "")


def _how_far(error: Mapping[str, Any]) -> str:
    done, running = error.get("done") or [], error.get("running") or ""
    if not running and not done:
        return ""
    before = f"after {len(done)} that ran, the last of them {done[-1]}" if done else "the first to run"
    return f"\nRevision {running or '(none)'}, {before}."


def missing_module_hint(module: str, interpreter: Interpreter) -> str:
    """Which interpreter was used, which were passed over, and how to name another."""
    passed = "".join(f" {each}." for each in interpreter.passed_over)
    return (
        f"{module or 'It'} is not installed for {interpreter}.{passed} Install it there, or name another interpreter: "
        '[tool.dbarch] python = "path/to/.venv" in pyproject.toml.'
    )


def _settings_hint(error: Mapping[str, Any]) -> str:
    """What to do about settings that are not set, the usual reason why an import fails in a fresh clone."""
    if error["type"] in ("ValidationError", "KeyError", "SettingsError", "UndefinedValueError"):
        return "If a setting is missing: put it into the project's .env, or a placeholder into .env.example."
    return ""


def _no_answer(answer: Answer, interpreter: Interpreter, what: str, limit: float) -> tuple[str, str]:
    said = answer.output.strip()[-SHOWN_OUTPUT:]
    if answer.timed_out:
        last = f"It said last:\n{said}" if said else "It said nothing."
        more = f"If it only needs longer: [tool.dbarch] time_limit = {5 * limit:.0f} in pyproject.toml (seconds)."
        return f"{what} within {limit:.0f} seconds.", f"{more} It ran in {interpreter}. {last}"
    return f"{interpreter} ended without an answer.", f"It said last:\n{said}" if said else "It said nothing."
