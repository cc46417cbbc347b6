"""What both doors share: the contract a function states, the call of an operation, how its answer is said."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import random
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from mcp_server.errors import ArchitectError, ConfigError, Unavailable
from mcp_server.model.answer import Answer
from mcp_server.operations import Effect, Operation
from mcp_server.render.words import clean, escape_hidden
from mcp_server.world.runs import keep_page, keep_report, new_run
from mcp_server.world.workspace import Progress, Workspace

LIMIT = 40_000
# Seconds before what only reads is run again after its session ended under it.
READ_AGAIN = (0.1, 1.0)
LONGEST_ERROR = 8_000
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter of an operation, as a caller sees it. default: Parameter.empty when it must be given."""

    name: str
    type: Any
    default: Any
    description: str

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Contract:
    """What an operation states: its docstring without the parameters' sentences, its parameters but `workspace`."""

    name: str
    title: str
    effect: Effect
    description: str
    arguments: tuple[Argument, ...]
    asks: bool
    function: Callable[..., Awaitable[Answer]]

    def argument(self, name: str) -> Argument | None:
        return next((argument for argument in self.arguments if argument.name == name), None)


def contract_of(operation: Operation) -> Contract:
    """The contract of an operation, read from its signature and its docstring.

    A sentence of the docstring that starts with `name: `, where `name` is a parameter, describes that parameter.
    """
    function = operation.load()
    types = get_type_hints(function, localns={"Workspace": Workspace, "Answer": Answer}, include_extras=True)
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "workspace"]
    description, described = _split(inspect.getdoc(function) or "", tuple(p.name for p in parameters))
    arguments = tuple(Argument(p.name, types[p.name], p.default, described.get(p.name, "")) for p in parameters)
    return Contract(operation.name, operation.title, operation.effect, description, arguments, operation.asks, function)


def _split(text: str, names: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """A docstring -> what it says of the whole, and of each parameter."""
    label = re.compile(rf"(?:^|(?<=\n)|(?<=\. ))[ ]*({'|'.join(names) or '(?!)'}): ")
    kept: list[str] = []
    described: dict[str, str] = {}
    for paragraph in text.split("\n\n"):
        pieces = label.split(paragraph)
        kept.append(pieces[0].strip())
        described.update(
            {name: " ".join(words.split()) for name, words in zip(pieces[1::2], pieces[2::2], strict=True)}
        )
    return "\n\n".join(part for part in kept if part), described


class Door:
    """What a door does with one workspace. Whatever leaves it was redacted."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def redact(self, text: str) -> str:
        """The text without secrets, known or looking like one."""
        return self.workspace.redactor.redact(text)

    def harmless(self, text: str) -> str:
        """What is said of an error: redacted, bounded, without control characters; its words may be a RAISE's or a name."""
        said = clean(self.redact(text))
        return said if len(said) <= LONGEST_ERROR else f"{said[:LONGEST_ERROR]}… ({len(said):,} characters)"

    async def carry_out(
        self, contract: Contract, arguments: Mapping[str, Any], progress: Progress | None = None
    ) -> Answer:
        """Run an operation and leave one line of it in the ledger, however it ends."""
        verdict, began = "cancelled", time.monotonic()
        answer: Answer | None = None
        try:
            answer = await self._patiently(contract, arguments, progress)
            verdict = answer.verdict or "done"
            return answer
        except ArchitectError as error:
            verdict = f"{type(error).__name__}: {error.message}"
            raise
        except Exception as error:
            verdict = f"failed: {type(error).__name__}"
            raise
        finally:
            self.workspace.ledger.append(
                contract.name,
                arguments,
                verdict,
                milliseconds=(time.monotonic() - began) * 1000,
                carried_out=answer.carried_out if answer else {},
                reports=(*answer.reports, *answer.pages) if answer else (),
            )

    async def _patiently(self, contract: Contract, arguments: Mapping[str, Any], progress: Progress | None) -> Answer:
        """Run an operation, and what only reads again when its session had just ended: the next one wakes the database."""
        for pause in READ_AGAIN if contract.effect == "reads" else ():
            try:
                return await self._run(contract, arguments, progress)
            except Unavailable:
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        return await self._run(contract, arguments, progress)

    async def _run(self, contract: Contract, arguments: Mapping[str, Any], progress: Progress | None) -> Answer:
        try:
            async with self.workspace.call(progress) as call:
                return await contract.function(call, **arguments)
        except Exception as error:
            if not isinstance(error, (ConnectionError, TimeoutError)) and not type(error).__module__.startswith(
                "asyncpg"
            ):
                raise
            from mcp_server.world.translation import translated

            raise translated(error) from error

    def say(self, answer: Answer, *, as_json: bool, limit: int | None = LIMIT) -> str:
        """What the caller reads: at most `limit` characters; the reports and what was cut are kept by run."""
        for run, report in answer.reports.items():
            self._keep(run, clean(self._harmless_report(report)))
        for run, data in answer.pages.items():
            self._keep(run, self.workspace.redactor.redact_data(data))
        if as_json and answer.data is not None:
            separators = None if limit is None else (",", ":")  # bounded answers are for models, who pay for spaces
            redacted = self.workspace.redactor.redact_data(answer.data)
            text = escape_hidden(json.dumps(redacted, ensure_ascii=False, separators=separators))
            cut = _cut_json
        else:
            text = clean(self.redact(answer.text))
            cut = _cut_text
        return text if limit is None or len(text) <= limit else cut(text, limit, self._keep(new_run(), text))

    def describe_fault(self, error: Exception) -> str:
        """What is said of an error that nobody expected; its traceback goes to the log, under the same run."""
        run = new_run()
        logger.error("Run %s failed:\n%s", run, self.redact("".join(traceback.format_exception(error))))
        return (
            f"dbarch failed unexpectedly ({type(error).__name__}, run {run}). This is a fault of dbarch, not of the "
            f"request: report it with the lines that its log (standard error) has under run {run}."
        )

    def _harmless_report(self, report: str) -> str:
        """A report without secrets; one that is JSON stays JSON."""
        redacted = self.redact(report)
        if redacted == report or report[:1] not in ("[", "{"):
            return redacted
        try:
            return json.dumps(self.workspace.redactor.redact_data(json.loads(report)), ensure_ascii=False)
        except ValueError:
            return redacted

    def _keep(self, run: str, kept: object) -> str:
        """Where the whole can be read, in words; a cache that cannot be written must not cost the answer.

        kept: a report as text, anything else is the data of a page.
        """
        try:
            cache = self.workspace.cache
            where = keep_report(cache, run, kept) if isinstance(kept, str) else keep_page(cache, run, kept)
            return f"the whole is at {where}"
        except (ConfigError, OSError) as error:
            logger.warning("A report cannot be kept: %s", self.redact(str(error)))
            return "the whole could not be kept"


def _cut_text(text: str, limit: int, where: str) -> str:
    shown = text[: text.rfind("\n", 0, limit - 200) + 1] or text[: limit - 200]
    return f"{shown}\n[Showing {len(shown):,} of {len(text):,} characters; {where}. Ask for less to see all of it.]"


def _cut_json(text: str, limit: int, where: str) -> str:
    return json.dumps({"cut": f"The answer has {len(text):,} characters, more than {limit:,}; {where}."})
