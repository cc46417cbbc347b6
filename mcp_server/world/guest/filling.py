"""What a function is called with: its session, the caller, ids of another user's rows, and made-up values for the rest.

Dependencies of a route are run as they are, but for what gives the session and what tells who the user is.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .own import Own, plain, shared_row
from .signatures import (
    EMPTY,
    default_session,
    depends,
    hints,
    is_list,
    is_request,
    is_scheme,
    is_session,
    marker_of,
    names_in,
)
from .values import Unfilled, bare, body, is_body, made

NAMED_SESSION = frozenset({"session", "db", "db_session", "async_session", "s"})
NAMED_USER = re.compile(r"(?:current_|auth_|logged_in_|active_)?(?:user|me|principal|actor|identity)")
TRUSTED = re.compile(r"current|auth|me_|my_|token", re.IGNORECASE)
SECRET = re.compile(r"auth|token|credential|api_?key|jwt|cookie|session_?id", re.IGNORECASE)
MAKES = re.compile(r"(?:\w+_)?(?:create|add|new|insert|make|register|import|save)")
ROW_ID = re.compile(r"(?:id|pk|uuid|ids|\w+_ids?|\w+_uuid|\w+_pk|\w+Ids?)")
SIZES = {"limit": 100, "size": 100, "page_size": 100, "per_page": 100, "skip": 0, "offset": 0, "page": 1}
DEEPEST = 5
MOST_CASES = 12


@dataclass(frozen=True)
class Case:
    """Whose values a call says. asked: the owner that it names. rows: ids. body: what a body says. table: of an `id` alone.

    only: the one parameter, or field of a body, that says the other's, where several could; "" for all of them.
    """

    rows: str = "mine"
    asked: str = "mine"
    body: str = "mine"
    table: str = ""
    only: str = ""

    def whose(self, name: str, who: str) -> str:
        """Whose value a parameter or field says, where all of its kind say one of `who`."""
        return who if not self.only or self.only == name else "mine"


@dataclass
class Parameter:
    """role: session, user, owner, row, column, body, made, value, dependency, response. annotation: what is wanted.

    detail: the table, the value, or the Call of a dependency.
    """

    name: str
    role: str
    annotation: Any
    detail: Any = None


@dataclass
class Call:
    """A function with what its parameters are. kind: of its session, None for none. extra: dependencies beside."""

    function: Callable[..., Any]
    parameters: list[Parameter]
    tables: list[str]
    is_route: bool = False
    response_model: Any = None
    maker: Any = None
    extra: list[Any] = field(default_factory=list)

    def every(self) -> list[Parameter]:
        """Its parameters, and those of what is called before it."""
        found = list(self.parameters)
        for call in (
            *self.extra,
            *([self.maker] if self.maker else []),
            *(one.detail for one in self.parameters if one.role == "dependency"),
        ):
            found += call.every()
        return found

    def has(self, role: str) -> bool:
        """Whether a parameter has that role."""
        return any(one.role == role for one in self.every())

    @property
    def session(self) -> Any:
        """The class of the session, None when none is taken."""
        return next((one.detail for one in self.every() if one.role == "session"), None)

    @property
    def knows_user(self) -> bool:
        """Whether it is told who calls."""
        return self.has("user") or (not self.is_route and self.has("owner"))


class Reader:
    """Reads functions. own: the users and their rows."""

    def __init__(self, own: Own) -> None:
        self.own = own

    def read(self, function: Any, *, words: set[str], is_route: bool = False, depth: int = 0) -> Call:
        """What a function takes. words: names that tell which tables it is about. Raises Unfilled."""
        tables = self.own.mentioned(words | names_in(function))
        annotations = hints(function)
        call = Call(function, [], tables, is_route)
        for one in inspect.signature(function).parameters.values():
            if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD) or one.name == "self":
                continue
            found = self._parameter(call, one, annotations.get(one.name, one.annotation), depth)
            if found is not None:
                call.parameters.append(found)
        return call

    def _parameter(self, call: Call, one: inspect.Parameter, annotation: Any, depth: int) -> Parameter | None:
        kind, name = bare(annotation), one.name
        dependency = depends(one, annotation)
        if is_session(kind) or (kind is EMPTY and name in NAMED_SESSION and dependency is None):
            return Parameter(name, "session", annotation, kind if kind is not EMPTY else default_session(call.function))
        if dependency is not None:
            return self._dependency(call, name, annotation, dependency, depth)
        marker = marker_of(one, annotation)
        in_request = call.is_route or depth > 0
        if in_request and (is_request(kind) or SECRET.search(name)):
            return Parameter(name, "secret", annotation)
        known = self._known(call, name, annotation, in_request)
        if known is not None:
            return known
        default = one.default if marker is None else getattr(marker, "default", EMPTY)
        if default not in (EMPTY, ...) and type(default).__name__ != "PydanticUndefinedType":
            return Parameter(name, "value", annotation, default)
        if name in SIZES:
            return Parameter(name, "value", annotation, SIZES[name])
        return Parameter(name, "made", annotation)

    def _known(self, call: Call, name: str, annotation: Any, in_request: bool) -> Parameter | None:
        """A parameter that tells of users and their rows, by its name and class; None for any other."""
        own, kind = self.own, bare(annotation)
        if own.is_user(annotation, name) or (kind in (dict, EMPTY) and NAMED_USER.fullmatch(name)):
            wanted = annotation if kind is not EMPTY else (own.user_kind or dict)
            return Parameter(name, "user", wanted)
        if own.is_owner(name):
            return Parameter(name, "user" if TRUSTED.match(name) and not in_request else "owner", annotation)
        if kind in own.mappers and not in_request:
            raise Unfilled(f"`{name}` is a row that its caller has fetched")
        if is_body(kind):
            return Parameter(name, "body", annotation, kind)
        table = own.table_for(name)
        if table:
            return Parameter(name, "row" if table in own.tables else "shared", annotation, table)
        if ROW_ID.fullmatch(name) or plain(name).endswith("id"):
            return Parameter(name, "row", annotation, "")
        if own.column(call.tables, name) and not MAKES.match(call.function.__name__) and not is_list(kind):
            return Parameter(name, "column", annotation, own.column(call.tables, name))
        return None

    def _dependency(self, call: Call, name: str, annotation: Any, provider: Any, depth: int) -> Parameter:
        """What provides a parameter: the session, the user, or a function that is run as it is."""
        if depth >= DEEPEST:
            raise Unfilled(f"`{name}` depends on too much")
        provider = provider or bare(annotation)
        given = hints(provider).get("return", EMPTY) if callable(provider) else EMPTY
        if is_scheme(provider):
            return Parameter(name, "secret", annotation)
        yields = (
            typing.get_args(given)[0]
            if typing.get_args(given) and ("Generator" in str(given) or "Iterat" in str(given))
            else given
        )
        if is_session(bare(yields)) or (bare(annotation) is EMPTY and name in NAMED_SESSION):
            kind = bare(yields) if is_session(bare(yields)) else default_session(provider)
            return Parameter(name, "session", annotation, kind)
        inner = self.read(provider, words=set(), is_route=True, depth=depth + 1)
        wanted = annotation if bare(annotation) not in (EMPTY, Any) else given
        own = [one for one in inner.parameters if one.role == "secret"]
        is_blank = not inner.has("user") and not inner.has("owner") and not inner.has("row")
        if own or (
            is_blank and (self.own.is_user(wanted, "user") or NAMED_USER.search(getattr(provider, "__name__", "")))
        ):
            return Parameter(name, "user", wanted)
        return Parameter(name, "dependency", annotation, inner)

    def extra(self, call: Call, providers: list[Any]) -> None:
        """Dependencies that a route has beside its parameters."""
        for provider in providers:
            if provider is not None and not is_scheme(provider):
                found = self._dependency(call, "", EMPTY, provider, 0)
                if found.role == "dependency":
                    call.extra.append(found.detail)


def cases(call: Call, own: Own) -> list[Case]:
    """The calls to make in the name of one user, about another's rows: by all that names a row, then by each alone."""
    every = call.every()
    roles = {one.role for one in every}
    has_bare = any(one.role == "row" and not one.detail for one in every)
    tables = call.tables if has_bare else [""]
    is_told = "user" in roles or call.is_route
    asked = ("theirs", "mine") if "owner" in roles and is_told else ("mine",)
    found = [Case("theirs", who, "theirs", table) for table in tables for who in asked]
    named = [one.name for one in every if one.role in ("row", "column")]
    named += [name for one in every if one.role == "body" for name in own.filled(one.detail, Case("mine", body="mine"))]
    if len(dict.fromkeys(named)) > 1:
        found += [Case("theirs", "mine", "theirs", table, name) for table in tables for name in dict.fromkeys(named)]
    return found[:MOST_CASES]


def named_table(call: Call, case: Case) -> str:
    """The table whose row a case names by its id, "" for none."""
    return next((one.detail or case.table for one in call.every() if one.role == "row"), "")


async def fill(call: Call, case: Case, opened: Any, own: Own) -> dict[str, Any]:
    """The arguments of a call, its dependencies run. Raises Unfilled."""
    found: dict[str, Any] = {}
    for one in call.parameters:
        if one.role == "session":
            found[one.name] = opened.session
        elif one.role == "dependency":
            found[one.name] = await run(one.detail, case, opened, own)
        else:
            found[one.name] = await opened.within(_maker(call, one, case, own))
    return found


def _maker(call: Call, one: Parameter, case: Case, own: Own) -> Callable[[Any], Any]:
    return lambda session: _value(call, one, case, session, own)


async def run(call: Call, case: Case, opened: Any, own: Own) -> Any:
    """Call a function, and wait for what it gives."""
    function = call.function
    if call.maker is not None:
        function = getattr(await run(call.maker, case, opened, own), function.__name__)
    for one in call.extra:
        await run(one, case, opened, own)
    given = function(**await fill(call, case, opened, own))
    if inspect.isawaitable(given):
        given = await given
    if inspect.isasyncgen(given):
        given = [one async for one in given]
    return given


def _value(call: Call, one: Parameter, case: Case, session: Any, own: Own) -> Any:
    if one.role == "user":
        return own.as_user(session, one.annotation)
    if one.role == "owner":
        return own.owner("mine" if not call.is_route and not call.has("user") else case.asked, one.annotation)
    if one.role == "row":
        return own.key(one.detail or case.table, case.whose(one.name, case.rows), one.annotation)
    if one.role == "shared":
        return shared_row(session, own.kinds[one.detail], one.annotation)
    if one.role == "column":
        return own.value(one.detail, one.name, case.whose(one.name, case.rows), one.annotation)
    if one.role == "body":
        return body(one.detail, own.filled(one.detail, case))
    if one.role == "value":
        return one.detail
    if one.role == "secret":
        raise Unfilled(f"`{one.name}` is a request, or what proves who sends it")
    kind = bare(one.annotation)
    if str(getattr(kind, "__module__", "")).startswith(("fastapi", "starlette")) and kind.__name__ in (
        "Response",
        "BackgroundTasks",
    ):
        return kind()
    return made(one.annotation, one.name)
