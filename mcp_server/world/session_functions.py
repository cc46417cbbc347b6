"""Which functions of the project work on a session or are routes, and which of them must not be called. Nothing is imported or run.

What reaches the network, files or programs is refused by its names, through the project's own functions, too; what names do not
tell, the guest refuses when it happens (guest/fence.py).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcp_server.errors import NotFound
from mcp_server.model.code_scope import Classes
from mcp_server.model.session_attack import SessionFunction
from mcp_server.world.code import Source
from mcp_server.world.code_calls import dotted
from mcp_server.world.scope_project import Known, Project
from mcp_server.world.scopes import read_project

MOST, SHOWN = 200, 5
SESSION = re.compile(r"\b\w*Session(?:Dep)?\b|\bDbDep\b")
NAMED = frozenset({"session", "db", "db_session", "async_session"})
MODULES = frozenset(
    """requests httpx aiohttp urllib urllib3 http smtplib ftplib imaplib poplib telnetlib socket socketserver ssl subprocess
    multiprocessing shutil tempfile boto3 botocore aioboto3 google azure openai anthropic litellm langchain stripe twilio sendgrid
    resend mailgun fastapi_mail aiosmtplib redis aioredis celery dramatiq rq arq pika kafka aiokafka paramiko asyncssh websockets
    grpc docker firebase_admin pusher elasticsearch pymongo motor webbrowser ctypes""".split()  # noqa: SIM905
)
OF_OS = frozenset(
    """system popen remove unlink rename replace rmdir removedirs mkdir makedirs kill killpg fork abort _exit chmod chown link
    symlink truncate""".split()  # noqa: SIM905
)
METHODS = frozenset(
    {"write_text", "write_bytes", "unlink", "touch", "delay", "apply_async", "send_task", "send_message", "enqueue"}
)
DEEPEST = 6


@dataclass(frozen=True)
class Effects:
    """What reaches outside the database. made: names of modules that hold a client of such a library, with its name."""

    project: Project
    made: dict[str, str] = field(default_factory=dict)

    def of(self, known: Known, seen: frozenset[str] = frozenset()) -> str:
        """The first call of a function, or of what it calls, that reaches outside: `requests.post (app/crud.py:12)`; "" for none."""
        if known.key in seen or len(seen) > DEEPEST:
            return ""
        for node in ast.walk(known.node):
            if isinstance(node, ast.Call):
                named = self._named(node, known)
                if named:
                    return f"{named} ({known.text.name}:{node.lineno})"
                inner = self._called(node, known)
                found = self.of(inner, seen | {known.key}) if inner is not None else ""
                if found:
                    return found
        return ""

    def _named(self, node: ast.Call, known: Known) -> str:
        name = dotted(node.func, known.names)
        first, last = name.partition(".")[0], name.rpartition(".")[2]
        if first in MODULES:
            return name
        if first == "os" and (last in OF_OS or last.startswith(("exec", "spawn", "posix_spawn"))):
            return name
        if last in METHODS and "." in name:
            return name
        if name == "open" and _writes(node):
            return "open for writing"
        holder = ast.unparse(node.func).partition(".")[0]
        return f"{name} of {self.made[holder]}" if "." in name and holder in self.made else ""

    def _called(self, node: ast.Call, known: Known) -> Known | None:
        is_own = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in ("self", "cls")
        if is_own and isinstance(node.func, ast.Attribute):
            return self.project.find(node.func.attr, known, known.owner)
        return self.project.find(dotted(node.func, known.names), known)


def _writes(node: ast.Call) -> bool:
    mode = next(
        (word.value for word in node.keywords if word.arg == "mode"), node.args[1] if len(node.args) > 1 else None
    )
    return mode is not None and (not isinstance(mode, ast.Constant) or any(sign in str(mode.value) for sign in "wax+"))


def find_functions(
    root: Path, owners: Iterable[str], classes: Classes | None, shared: Iterable[str], wanted: Sequence[str]
) -> tuple[tuple[SessionFunction, ...], tuple[str, ...], tuple[str, ...]]:
    """The functions that are wanted (`all`, `app.crud`, `app.crud:get_task`), and the files that make a FastAPI application.

    -> also sentences on what was left out. Raises NotFound for a name that no function of the project has.
    """
    project, sources, _ = read_project(root, owners, classes, shared)
    owned = tuple(one for one in project.classes.listed if one.is_owned and not one.is_user)
    narrow = replace(project, classes=Classes(owned))
    effects = Effects(project, dict(_clients(sources)))
    taking = {one.owner for one in project.every() if one.node.name == "__init__" and _takes_session(one, project)}
    known = [one for one in project.every() if _is_named(one) and not _is_provider(one)]
    usual = [one for one in known if _is_usual(one, project, narrow, taking)]
    chosen = {one.key: one for word in wanted for one in _chosen(word, usual, known)}
    listed = sorted((_as_function(one, effects) for one in chosen.values()), key=lambda one: (one.file, one.line))
    notes: tuple[str, ...] = (
        (f"Only the first {MOST} of {len(listed)} functions were called; name others.",) if len(listed) > MOST else ()
    )
    alone = [one for one in known if one.key not in chosen and narrow.is_relevant(one) and _opens_session(one)]
    if "all" in wanted and alone:
        more = f" and {len(alone) - SHOWN} more" if len(alone) > SHOWN else ""
        notes += (f"Not called, as they open sessions of their own: {', '.join(map(_name, alone[:SHOWN]))}{more}.",)
    return tuple(listed[:MOST]), tuple(_applications(sources)), notes


def _is_named(one: Known) -> bool:
    """Whether a function can be reached by its name: not within another function."""
    path = one.key.rpartition(":")[2]
    return "." not in path or path == f"{one.owner}.{one.node.name}"


def _is_provider(one: Known) -> bool:
    """Whether it hands something on and waits: a dependency that yields."""
    return any(isinstance(node, ast.Yield) for node in ast.walk(one.node)) and one.route is None


def _is_usual(one: Known, project: Project, narrow: Project, taking: set[str]) -> bool:
    if one.route is not None:
        return project.is_relevant(one)
    if one.node.name.startswith("_") or not narrow.is_relevant(one):
        return False
    return _takes_session(one, project) or (bool(one.owner) and one.owner in taking)


def _opens_session(one: Known) -> bool:
    """Whether a function makes its session itself: `with Session(engine) as session`."""
    calls = (node for node in ast.walk(one.node) if isinstance(node, ast.Call))
    return any(re.search(r"[Ss]ession(?:_?[Mm]aker|_?[Ll]ocal)?$", ast.unparse(node.func)) for node in calls)


def _takes_session(one: Known, project: Project) -> bool:
    for each in one.parameters:
        written = ast.unparse(each.annotation) if each.annotation is not None else ""
        alias = project.aliases.get(written.rpartition(".")[2])
        text = f"{written} {ast.unparse(alias) if alias is not None else ''}"
        if SESSION.search(text) or (not written and each.arg in NAMED):
            return True
    return False


def _chosen(word: str, usual: list[Known], known: list[Known]) -> Iterator[Known]:
    """The functions that a word names. Raises NotFound when there are none."""
    if word == "all":
        yield from usual
        return
    module, _, path = word.partition(":")
    module = module.removesuffix(".py").replace("/", ".")
    among = known if path else usual
    found = [one for one in among if _module(one).endswith(module) and (not path or one.key.rpartition(":")[2] == path)]
    found = [one for one in found if f".{_module(one)}".endswith(f".{module}")]
    if not found:
        near = ", ".join(_name(one) for one in usual[:5]) or "none"
        raise NotFound(
            f"No function that takes a session is called `{word}`.",
            f"Name it as module:function or module:Class.method; the project has, for example: {near}. `all` calls every one.",
        )
    yield from found


def _module(one: Known) -> str:
    return one.text.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _name(one: Known) -> str:
    return f"{_module(one)}:{one.key.rpartition(':')[2]}"


def _as_function(one: Known, effects: Effects) -> SessionFunction:
    reached = effects.of(one)
    words = {node.id for node in ast.walk(one.node) if isinstance(node, ast.Name)}
    refused = f"it reaches outside the database: {reached}" if reached else ""
    path = one.key.rpartition(":")[2]
    known = tuple(sorted(words & set(effects.project.classes.by_name)))
    return SessionFunction(_name(one), one.text.name, path, one.node.lineno, one.route is not None, known, refused)


def _clients(sources: Iterable[Source]) -> Iterator[tuple[str, str]]:
    """Names that a module gives to what a library of the outside makes: `client = httpx.Client()`."""
    for source in sources:
        for node in source.tree.body:
            value = getattr(node, "value", None)
            made = dotted(value.func, source.names) if isinstance(value, ast.Call) else ""
            if made.partition(".")[0] in MODULES and isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from ((one.id, made) for one in targets if isinstance(one, ast.Name))


def _applications(sources: Iterable[Source]) -> Iterator[str]:
    """Files with `FastAPI(...)`."""
    for source in sources:
        if any(
            isinstance(node, ast.Call) and dotted(node.func, source.names) == "fastapi.FastAPI" for node in source.nodes
        ):
            yield source.text.name
