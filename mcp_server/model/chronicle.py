"""What a rule for a whole Alembic history judges: how it replays, what env.py says, what goes past it."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_server.model.schema import Schema
from mcp_server.model.walked import RevisionFile


@dataclass(frozen=True, slots=True)
class Making:
    """A call in the project's own code that makes or drops tables past Alembic: `create_all`, `drop_all`.

    within: the function that has the call, "" for the module itself.
    """

    name: str
    place: str
    within: str = ""


@dataclass(frozen=True, slots=True)
class Chronicle:
    """A history as a whole.

    env: env.py's path relative to the project. heads: the revisions without a child. replay_failure: why it does not
    replay on an empty database, "" when it does; failed_place, unmade: where, and the relation it found missing.
    has_include: env.py gives include_object or include_name. declared: patterns of tables that others own. makings: of the
    project's code. modelled: tables that the models declare, None when the models could not be read. lacks_import: the
    template of new revisions lacks the import that the models' types need. reached: the Schema at the heads.
    """

    config: str
    env: str = ""
    heads: tuple[str, ...] = ()
    replay_failure: str = ""
    failed_place: str = ""
    unmade: str = ""
    transaction_per_migration: bool = False
    has_include: bool = False
    declared: tuple[str, ...] = ()
    makings: tuple[Making, ...] = ()
    files: tuple[RevisionFile, ...] = ()
    modelled: frozenset[str] | None = None
    template: str = ""
    lacks_import: bool = False
    reached: Schema | None = None
    foreign: tuple[str, ...] = ()
