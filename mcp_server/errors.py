"""What is expected to go wrong.

Every error carries a message that names the place and a hint that names the next step. They are raised
low, where the cause is known, and translated once, at the doors.
"""

from __future__ import annotations


class ArchitectError(Exception):
    """Something expected went wrong; `hint` says what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ConfigError(ArchitectError):
    """A setting is missing or wrong."""


class Refused(ArchitectError):
    """The request is understood and will not be carried out, for safety."""


class NotFound(ArchitectError):
    """The named object, file or run does not exist."""


class SourceError(ArchitectError):
    """A source of a schema cannot be made real. `file` and `line` are the user's own, when known."""

    def __init__(self, message: str, hint: str = "", file: str = "", line: int = 0) -> None:
        super().__init__(message, hint)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return place + super().__str__()


class SpecError(SourceError):
    """A spec document cannot be read."""


class ModelsError(SourceError):
    """The project's models cannot be imported or turned into DDL."""


class ModelsMissing(ModelsError):
    """The project declares no models at all."""


class MigrationError(SourceError):
    """The project's Alembic history cannot be replayed."""


class DatabaseError(ArchitectError):
    """Postgres, or the way to it, said no. `sqlstate` is Postgres's own code, empty when there is none."""

    def __init__(self, message: str, hint: str = "", sqlstate: str = "") -> None:
        super().__init__(message, hint)
        self.sqlstate = sqlstate


class ConnectionFailed(DatabaseError):
    """No connection could be made, or it broke."""


class Unavailable(ConnectionFailed):
    """The database does not answer for now: it wakes up, restarts, has no room, or has just ended the session."""


class PermissionDenied(DatabaseError):
    """The role may not do this."""


class StatementFailed(DatabaseError):
    """A statement was refused by Postgres."""


class TimedOut(DatabaseError):
    """A time limit of ours, or a lock wait, ran out."""
