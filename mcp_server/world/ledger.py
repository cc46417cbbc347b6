"""What was run in a project, one line a call: the evidence that records carry.

The lines stand in `.dbarch/ledger.jsonl`, which never gets committed (`.dbarch/.gitignore`). They are redacted and
bounded; at LIMIT bytes the file becomes `ledger.1.jsonl` and a new one begins. A project that cannot be written makes
no tool fail: its runs are kept in memory and `problem` says why.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from mcp_server.errors import NotFound
from mcp_server.model.record import Run
from mcp_server.redactor import Redactor
from mcp_server.world.files import NO_LINK, locked, replace
from mcp_server.world.runs import new_run

LIMIT = 1_000_000
LINE = 8_000
TEXT = 300
VERDICT = 500
MEMORY = 200
logger = logging.getLogger(__name__)


class Ledger:
    """The runs of the project at `root`. Every text that enters passes the redactor first."""

    def __init__(self, root: Path, redactor: Redactor | None = None) -> None:
        self.folder = root / ".dbarch"
        self.redactor = redactor if redactor is not None else Redactor()
        self.problem = ""
        self._told = False
        self._unwritten: deque[Run] = deque(maxlen=MEMORY)

    @property
    def path(self) -> Path:
        return self.folder / "ledger.jsonl"

    @property
    def workshop(self) -> Path:
        """The folder for drafts of files that appear elsewhere in the project."""
        return self.folder / "tmp"

    @property
    def lock(self) -> Path:
        """The lock file of everything that numbers or marks in this project."""
        return self.folder / "lock"

    def append(
        self,
        tool: str,
        arguments: Mapping[str, object] | None = None,
        verdict: str = "",
        *,
        milliseconds: float = 0,
        carried_out: Mapping[str, int] | None = None,
        reports: Sequence[str] = (),
        run: str = "",
    ) -> Run:
        """Note one call and return what was noted. Never fails.

        verdict: one line on how it ended. carried_out: what was done, as counts. reports: the runs under which long
        reports are kept. run: the call's own name, when it already has one.
        """
        noted = Run(
            id=run or new_run(),
            at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            tool=tool,
            verdict=_cut(" ".join(self.redactor.redact(verdict[: 40 * VERDICT]).split()), VERDICT),
            milliseconds=round(milliseconds),
            arguments={key: self._bounded(value, key) for key, value in (arguments or {}).items()},
            carried_out=dict(carried_out or {}),
            reports=tuple(reports),
        )
        try:
            self._write(_line(noted))
        except OSError as error:
            self._degrade(error)
            self._unwritten.append(noted)
        return noted

    def runs(self) -> tuple[Run, ...]:
        """All runs that are still known, oldest first. Lines that cannot be read are passed over."""
        written = [run for name in ("ledger.1.jsonl", "ledger.jsonl") for run in _read(self.folder / name)]
        return (*written, *self._unwritten)

    def since(self, marker: str = "") -> tuple[Run, ...]:
        """The runs after the one of that id, oldest first; all of them when it is not, or no longer, known."""
        runs = self.runs()
        at = next((index for index in range(len(runs) - 1, -1, -1) if runs[index].id == marker), -1)
        return runs[at + 1 :]

    def run(self, name: str) -> Run:
        """The run of that id. Raises NotFound."""
        for run in reversed(self.runs()):
            if run.id == name:
                return run
        raise NotFound(f"There is no run {name[:80]} in the ledger.", "The ledger keeps the last runs only.")

    @property
    def marker(self) -> str:
        """The last run that a record has taken up, "" when none has."""
        try:
            return (self.folder / "recorded").read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def mark(self, name: str) -> None:
        """Say that every run up to this one stands in a record."""
        try:
            replace(self.prepared() / "recorded", f"{name}\n".encode())
        except OSError as error:
            self._degrade(error)

    def complaint(self) -> str:
        """Why runs are not written, the first time that it is asked for; "" afterwards, or when all is well."""
        told, self._told = self._told, bool(self.problem)
        return "" if told else self.problem

    def prepared(self) -> Path:
        """The ledger's folder, made when it is not there, kept out of version control. Raises OSError."""
        self.folder.mkdir(exist_ok=True)
        if not self.folder.resolve().is_relative_to(self.folder.parent.resolve()):
            raise OSError(errno.ELOOP, "it leads out of the project", str(self.folder))
        ignore = self.folder / ".gitignore"
        if not os.path.lexists(ignore):
            ignore.write_text("*\n", "utf-8")
        return self.folder

    def _write(self, line: bytes) -> None:
        """Append in one write, so that lines of other processes never mix with it."""
        path = self.prepared() / self.path.name
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_LINK | getattr(os, "O_BINARY", 0)
        # Windows has no appending that is safe among processes.
        with locked(self.lock) if sys.platform == "win32" else nullcontext():
            descriptor = os.open(path, flags, 0o666)
            try:
                if os.write(descriptor, line) < len(line):
                    os.write(descriptor, b"\n")
                size = os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
        if size > LIMIT:
            self._rotate()

    def _rotate(self) -> None:
        with locked(self.lock, patience=0) as alone, suppress(OSError):
            if alone and self.path.stat().st_size > LIMIT:
                os.replace(self.path, self.folder / "ledger.1.jsonl")

    def _degrade(self, error: OSError) -> None:
        if not self.problem:
            self.problem = f"{self.folder} cannot be written ({error.strerror or error}); runs are kept in memory only."
            logger.warning("%s", self.problem)

    def _bounded(self, value: object, key: str = "", depth: int = 0) -> object:
        """A value as JSON of bounded size. Texts are redacted before they are cut: half a secret has no shape."""
        if isinstance(value, str):
            plain = self.redactor.redact_data({key: value[: 40 * TEXT]})
            hidden = next(iter(plain.values())) if isinstance(plain, dict) else ""
            return _cut(str(hidden), TEXT, len(value))
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth < 4 and isinstance(value, Mapping):
            some = list(value.items())[:30]
            return {_cut(self.redactor.redact(str(k)), 80): self._bounded(v, str(k), depth + 1) for k, v in some}
        if depth < 4 and isinstance(value, list | tuple | set | frozenset):
            shown = [self._bounded(item, key, depth + 1) for item in list(value)[:20]]
            return [*shown, f"… {len(value) - 20} more"] if len(value) > 20 else shown
        return self._bounded(str(value), key, depth)


def _cut(text: str, limit: int, length: int = 0) -> str:
    length = max(length, len(text))
    return text if length <= limit else f"{text[:limit]}… ({length} characters)"


def _line(run: Run) -> bytes:
    """A run as one line of JSON of at most LINE bytes."""
    data: dict[str, object] = {"at": run.at, "run": run.id, "tool": run.tool, "verdict": run.verdict}
    data["ms"] = run.milliseconds
    more = {"did": dict(run.carried_out), "reports": list(run.reports), "arguments": dict(run.arguments)}
    whole = _json(data | {key: value for key, value in more.items() if value})
    return whole if len(whole) <= LINE else _json(data | {"arguments": {"…": f"{len(whole)} bytes left out"}})


def _json(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def _read(path: Path) -> Iterator[Run]:
    """The runs in the last part of a file; none when it is no file."""
    if not path.is_file():
        return
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2 * LIMIT))
            lines = file.read(2 * LIMIT).split(b"\n")
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            data = json.loads(line)
            yield Run(
                id=str(data["run"]),
                at=str(data["at"]),
                tool=str(data["tool"]),
                verdict=str(data.get("verdict", "")),
                milliseconds=int(data.get("ms", 0)),
                arguments=dict(data.get("arguments", {})),
                carried_out={str(key): int(count) for key, count in data.get("did", {}).items()},
                reports=tuple(map(str, data.get("reports", ()))),
            )
