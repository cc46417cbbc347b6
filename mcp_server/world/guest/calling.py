"""Functions of the application, called as one user about the rows of another, on a throw-away database.

Each case is called six times, and every call is rolled back: about own rows and about the other user's, each twice, because
clocks and sequences make differences, too, and once more without them. What then differs was told of those rows. Where own rows make
no difference, nothing is proven of the other's.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import traceback
from collections.abc import Iterator
from typing import Any

from . import filling, probe, told
from .bench import Bench
from .classes import Recorder
from .failures import postgres_words
from .fence import Fence, Outside
from .filling import Call, Case, Reader
from .guard import Forbidden, Guard
from .own import Own
from .reaching import Routes, found_function, imported
from .signatures import is_asynchronous
from .told import Told
from .values import Unfilled

FOREIGN_KEY = "23503"


class TooLong(BaseException):
    """A call did not come to an end. No `except Exception` may swallow it."""


def call_functions(request: dict[str, Any], guard: Guard, recorder: Recorder, channel: Any) -> dict[str, Any]:
    """request: as for the models, with functions, applications (files), users, owners, tables, settings, seconds.

    Says what came of each function and waits for leave to go on. -> notes.
    """
    probe.read_models(request, guard, recorder)
    if too_old():
        for one in request["functions"]:
            channel.ask({"say": "called", "name": one["name"], "cases": [{"untried": too_old()}]})
        return {"notes": []}
    own = Own(request, recorder.classes)
    notes = list(imported(request["applications"], guard))
    found = {one["name"]: found_function(one, guard) for one in request["functions"]}
    routes = Routes()
    bench, fence = Bench(request["settings"]), Fence(guard)
    _warm_up(bench)
    bench.listen()
    fence.raise_up()
    caller = Caller(own, bench, fence, guard, request["seconds"])
    for one in request["functions"]:
        channel.ask({"say": "called", "name": one["name"], "cases": _tried(caller, routes, one, found[one["name"]])})
    return {"notes": notes}


def too_old() -> str:
    """Why nothing can be called with the SQLAlchemy that is installed, "" when it can."""
    import sqlalchemy

    is_old = int(sqlalchemy.__version__.partition(".")[0]) < 2
    return f"a call that can be rolled back needs SQLAlchemy 2, and this is {sqlalchemy.__version__}" if is_old else ""


def _warm_up(bench: Bench) -> None:
    """Load the drivers, while files may still be opened."""
    from sqlalchemy.orm import Session

    async def once() -> None:
        async with bench.opened(Session, False):
            pass
        with contextlib.suppress(Exception):  # an asynchronous driver may be missing, which the calls that want it tell
            from sqlalchemy.ext.asyncio import AsyncSession

            async with bench.opened(AsyncSession, True):
                pass

    asyncio.run(once())


def _tried(caller: Caller, routes: Routes, one: dict[str, Any], found: tuple[Any, Any, str]) -> list[dict[str, Any]]:
    function, owner, missing = found
    if missing:
        return [{"untried": missing}]
    try:
        call = _read(caller.own, routes, one, function, owner)
    except Unfilled as error:
        return [{"untried": str(error)}]
    except Exception as error:  # noqa: BLE001 - reading annotations and defaults runs the project's own code
        return [{"untried": f"its parameters are not understood: {type(error).__name__}: {error}"}]
    results = []
    for case in filling.cases(call, caller.own):
        results.append(
            {**caller.compared(call, case), "knows_user": call.knows_user, "about": _about(caller.own, call, case)}
        )
    return results


def _about(own: Own, call: Call, case: Case) -> str:
    """What another user's was said in a call, in words."""
    said = []
    if call.has("owner") and case.asked == "theirs":
        said.append("another user's id")
    names = [one.name for one in call.every() if one.role in ("row", "column")]
    if case.only and case.only in names:
        return f"another user's {case.only}"
    if case.only:
        return f"a body whose {case.only} is another user's"
    if case.rows == "theirs" and names:
        said.append(f"the id of another user's row{f' of {case.table}' if case.table else ''}")
    bodies = [one.detail for one in call.every() if one.role == "body"]
    if case.body == "theirs" and any(own.filled(kind, case) for kind in bodies):
        said.append("a body that names another user's")
    return " and ".join(said)


def _read(own: Own, routes: Routes, one: dict[str, Any], function: Any, owner: Any) -> Call:
    reader = Reader(own)
    words = set(one["words"])
    route = routes.of(function)
    call = reader.read(function, words=words, is_route=one["is_route"])
    if route is not None:
        call.response_model = getattr(route, "response_model", None)
        reader.extra(call, [each.dependency for each in getattr(route, "dependencies", ())])
    if owner is not None and not isinstance(vars(owner).get(function.__name__), (staticmethod, classmethod)):
        call.maker = reader.read(owner, words=words)
    return call


class Caller:
    """Calls functions, each in a transaction of its own that is rolled back."""

    def __init__(self, own: Own, bench: Bench, fence: Fence, guard: Guard, seconds: float) -> None:
        self.own, self.bench, self.fence, self.guard, self.seconds = own, bench, fence, guard, seconds

    def compared(self, call: Call, case: Case) -> dict[str, Any]:
        """What a case told and changed, and what the same call about own rows did."""
        found = self._compared(call, case, "")
        table = filling.named_table(call, case)
        return self._compared(call, case, table) if found.pop("is_tied", False) and table else found

    def _compared(self, call: Call, case: Case, bare: str) -> dict[str, Any]:
        mine, theirs = self.own.users["mine"], self.own.users["theirs"]
        first = self.once(call, case, "", bare)
        if first.unfilled:
            return {"untried": first.unfilled}
        again, without = self.once(call, case, "", bare), self.once(call, case, theirs, bare)
        own = Case(table=case.table)
        control, repeated = self.once(call, own, "", bare), self.once(call, own, "", bare)
        control_without = self.once(call, own, mine, bare)
        runs = (first, again, without, control, repeated, control_without)
        return {
            "tells": _tells(first, again, without),
            "rows": sorted({table for table, key in first.rows if self._is(theirs, table, key, first)}),
            "changes": changes(first, theirs),
            "error": first.error, "place": first.place, "error_without": without.error,
            "control": _tells(control, repeated, control_without) or bool(changes(control, mine)),
            "control_error": control.error or control.unfilled, "control_place": control.place, "is_tied": control.is_tied,
            "outside": any(run.outside for run in runs),
            "refused": list(dict.fromkeys(what for run in runs for what in run.refused)),
        }  # fmt: skip

    def _is(self, user: str, table: str, key: str, run: Told) -> bool:
        """Whether a row was a user's when the call began."""
        return any((relation, mark, owner) == (table, key, user) for relation, mark, owner, _ in run.before)

    def once(self, call: Call, case: Case, without: str, bare: str) -> Told:
        """One call, rolled back. What it raised is part of what it told."""
        found = Told()
        self.fence.take()
        try:
            with _limited(self.seconds):
                asyncio.run(self._called(call, case, (without, bare), found))
        except (Unfilled, told.NoAnswer) as error:
            found.unfilled = str(error)
        except TooLong:
            found.unfilled = f"it did not come to an end within {self.seconds:.0f} seconds"
        except (Forbidden, Outside) as error:
            found.error = f"it was kept from leaving: {error}"
        except BaseException as error:  # noqa: BLE001 - whatever the user's code raises, SystemExit included
            self._raised(found, error)
        found.outside = self.bench.outside
        found.refused = self.fence.take()
        return found

    async def _called(self, call: Call, case: Case, without: tuple[str, str], found: Told) -> None:
        from sqlalchemy.orm import Session

        kind = call.session or Session
        async with self.bench.opened(kind, is_asynchronous(kind), *without) as opened:
            try:
                value = await filling.run(call, case, opened, self.own)
            except (Unfilled, told.NoAnswer, asyncio.CancelledError):
                raise
            except Exception as error:  # noqa: BLE001 - a refusal is an answer, and what was done before it counts
                self._raised(found, error)
                with contextlib.suppress(Exception):
                    await opened.settle(found)
                return
            await opened.within(lambda _: told.read(found, value, call.response_model))
            await opened.settle(found)

    def _raised(self, found: Told, error: BaseException) -> None:
        status = getattr(error, "status_code", None)
        words = str(getattr(error, "detail", None) or getattr(error, "orig", None) or error).partition("\n")[0][:160]
        found.is_tied = postgres_words(error)["sqlstate"] == FOREIGN_KEY
        place = self.guard.project.of_error(error)
        found.error = f"{type(error).__name__}{f' {status}' if status else ''}: {words}"
        found.place = f"{place.file}:{place.line}" if place.file else ""
        if status is None:
            traceback.print_exc()


def _tells(first: Told, again: Told, without: Told) -> bool:
    """Whether an answer depends on the rows that were taken away. What differs by itself does not count."""
    if first.error or (not first.leaves and not without.leaves):
        return False
    paths = [path for path in first.leaves if first.leaves[path] == again.leaves.get(path)]
    if without.error:
        return True
    return any(without.leaves.get(path) != first.leaves[path] for path in paths)


def changes(run: Told, user: str) -> list[tuple[str, str]]:
    """What became of a user's rows: (table, "changed" | "removed" | "added" | "taken")."""
    if run.after is None:
        return []
    before = {(table, key): (owner, content) for table, key, owner, content in run.before}
    after = {(table, key): (owner, content) for table, key, owner, content in run.after}
    found = set()
    for mark, (owner, content) in before.items():
        if owner == user and mark not in after:
            found.add((mark[0], "removed"))
        elif owner == user and after[mark] != (owner, content):
            found.add((mark[0], "changed" if after[mark][0] == user else "taken"))
    for mark, (owner, _) in after.items():
        if owner == user and before.get(mark, ("",))[0] != user:
            found.add((mark[0], "added"))
    return sorted(found)


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """End what goes on for too long, where the system can."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def end(*_: Any) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
