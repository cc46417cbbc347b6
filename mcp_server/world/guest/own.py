"""Two users and their rows on the throw-away database, as a call needs them: ids, columns, the user as an object."""

from __future__ import annotations

import re
from typing import Any

from .values import Unfilled, as_kind, bare, body, fields, is_body

ROLE = re.compile(r"admin|superuser|staff|moderator|root", re.IGNORECASE)
GOOD = re.compile(r"active|verified|confirmed|enabled", re.IGNORECASE)
USER = re.compile(r"(?:^|_)(?:user|me|principal|actor|identity|claims|token)$")
CLAIMS = re.compile(r"(?:Current|Auth\w*|Logged\w*|Token)User$|Claims$|Principal$|Identity$|Token(?:Data|Payload)$")
NAMES = frozenset({"id", "sub", "uid", "userid", "ownerid"})
MOST_TABLES = 4


def plain(name: str) -> str:
    """A name without what tells `user_id` from `userId`."""
    return name.replace("_", "").lower()


class Own:
    """tables: by `schema.name`, each with a row of the caller ("mine") and of another user ("theirs"), as texts.

    users: the ids of both, as text. kinds: the mapped class of each table. user_kind: the users' own, None for none.
    """

    def __init__(self, request: dict[str, Any], kinds: list[type]) -> None:
        from sqlalchemy.orm import class_mapper

        self.users: dict[str, str] = request["users"]
        self.owners = {plain(one) for one in request["owners"]} | (NAMES - {"id", "sub"})
        self.tables: dict[str, dict[str, Any]] = request["tables"]
        self.mappers: dict[type, Any] = {kind: class_mapper(kind) for kind in kinds}
        self.kinds = {table_of(mapper): kind for kind, mapper in reversed(list(self.mappers.items()))}
        self.user_kind = self.kinds.get(request["user_table"])

    def is_owner(self, name: str) -> bool:
        """Whether a name is that of a user's id."""
        return plain(name) in self.owners or any(plain(name).endswith(one) for one in self.owners)

    def owner_of(self, kind: Any) -> str:
        """The field of a body that says whose the row is, "" for none."""
        return next((name for name in fields(kind) if plain(name) in self.owners), "")

    def owner(self, who: str, annotation: Any) -> Any:
        """A user's id, as an annotation wants it."""
        column = None
        if self.user_kind is not None:
            column = self.mappers[self.user_kind].primary_key[0]
        return as_kind(self.users[who], annotation, column)

    def table_for(self, name: str) -> str:
        """The table that a parameter such as `task_id` names a row of; "" for none."""
        match = re.fullmatch(r"(\w+?)_?(?:ids?|uuids?|pks?|Ids?)", name)
        wanted = plain(match[1]) if match else ""
        for table, kind in self.kinds.items():
            last = plain(table.rpartition(".")[2])
            if wanted and wanted in (plain(kind.__name__), last, last[:-1] if last.endswith("s") else last):
                return table
        return ""

    def key(self, table: str, who: str, annotation: Any) -> Any:
        """The key of a user's row."""
        columns = self.mappers[self.kinds[table]].primary_key
        if len(columns) != 1:
            raise Unfilled(f"the key of {table} is several columns")
        return self.value(table, columns[0].name, who, annotation)

    def value(self, table: str, column: str, who: str, annotation: Any) -> Any:
        """What a column of a user's row holds."""
        row = self.tables.get(table, {}).get(who)
        if row is None or row.get(column) is None:
            raise Unfilled(f"there is no row of {table} to name")
        return as_kind(row[column], annotation, self.mappers[self.kinds[table]].local_table.c[column])

    def mentioned(self, words: set[str]) -> list[str]:
        """The tables of users whose classes a function names; all when it names none."""
        named = [table for table, kind in self.kinds.items() if table in self.tables and kind.__name__ in words]
        return (named or [table for table in self.tables if table in self.kinds])[:MOST_TABLES]

    def column(self, tables: list[str], name: str) -> str:
        """Of these tables, the first that has a column of that name."""
        return next((table for table in tables if name in self.mappers[self.kinds[table]].local_table.c), "")

    def is_user(self, annotation: Any, name: str = "") -> bool:
        """Whether an annotation is the users' class, or one that tells who a user is. name: of the parameter."""
        kind = bare(annotation)
        if kind is self.user_kind:
            return kind is not None
        is_called = USER.search(name) or CLAIMS.search(getattr(kind, "__name__", ""))
        return (
            bool(is_called)
            and is_body(kind)
            and kind not in self.mappers
            and bool({plain(one) for one in fields(kind)} & NAMES)
        )

    def as_user(self, session: Any, annotation: Any) -> Any:
        """The caller, in the form that an annotation says. Raises Unfilled when it says none that is known."""
        kind = bare(annotation)
        if self.user_kind is not None and kind is self.user_kind:
            return session.get(kind, self.owner("mine", Any))
        if is_body(kind):
            return body(
                kind,
                {name: self._claim(name, one.annotation) for name, one in fields(kind).items() if self._is_claim(name)},
            )
        if kind in (str, int) or getattr(kind, "__name__", "") == "UUID":
            return self.owner("mine", kind)
        if kind is dict or getattr(kind, "__origin__", None) is dict:
            claims = {name: self.owner("mine", Any) for name in ("id", "user_id", "sub", "uid", "userId")}
            return {**claims, "email": "somebody@example.com", "is_active": True, "is_superuser": False, "role": "user"}
        raise Unfilled(f"in which form the user is wanted is not known: {getattr(kind, '__name__', kind)}")

    def _is_claim(self, name: str) -> bool:
        return plain(name) in NAMES or self.is_owner(name) or bool(ROLE.search(name) or GOOD.search(name))

    def _claim(self, name: str, annotation: Any) -> Any:
        if ROLE.search(name):
            return False
        return True if GOOD.search(name) else self.owner("mine", annotation)

    def filled(self, kind: Any, case: Any) -> dict[str, Any]:
        """What a body says of others when it is sent in a case: its owner, and the rows that it refers to."""
        found: dict[str, Any] = {}
        for name, field in fields(kind).items():
            who = case.whose(name, case.body)
            if plain(name) in self.owners:
                found[name] = self.owner(who, field.annotation)
            elif self.table_for(name) in self.tables:
                found[name] = self.key(self.table_for(name), who, field.annotation)
        return found


def table_of(mapper: Any) -> str:
    """A mapper's table, as `schema.name`."""
    table = mapper.local_table
    return f"{getattr(table, 'schema', None) or 'public'}.{getattr(table, 'name', '')}"


def shared_row(session: Any, kind: type, annotation: Any) -> Any:
    """The key of any row of a class that no user owns. Raises Unfilled when there is none."""
    from sqlalchemy import select
    from sqlalchemy.orm import class_mapper

    column: Any = class_mapper(kind).primary_key[0]
    found = session.execute(select(column).limit(1)).scalar()
    if found is None:
        raise Unfilled(f"there is no row of {kind.__name__} to name")
    wanted = bare(annotation)
    return found if not isinstance(wanted, type) or isinstance(found, wanted) else as_kind(str(found), wanted, column)
