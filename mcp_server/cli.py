"""The shell door: operations become commands of the same words. The only importer of `typer`.

Exit codes: 0 clean, 1 findings, 2 an error that was expected (or a wrong word on the line), 3 a fault of dbarch,
130 interrupted.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, get_args, get_origin

import typer

from mcp_server import __version__
from mcp_server.door import Argument, Contract, Door, contract_of
from mcp_server.errors import ArchitectError
from mcp_server.model.answer import Answer
from mcp_server.operations import COMMANDS, OPERATIONS, Operation
from mcp_server.operations.kept import read_kept
from mcp_server.progress import TerminalProgress
from mcp_server.shell_words import pair_of, shell_type, understood
from mcp_server.world.workspace import Workspace

FINDINGS, EXPECTED, FAULT, INTERRUPTED = 1, 2, 3, 130
PURPOSE = "A database architect: schemas, migrations and queries, carried out on a throw-away Postgres first."
SWITCHES = {"write": "--write/--dry-run", "check": "--check"}

AsJson = Annotated[bool, typer.Option("--json", help="Print data for programs instead of text.")]
Project = Annotated[Path | None, typer.Option("--project", help="The project's folder; this one when not given.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Work = Callable[[Door, TerminalProgress], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a command is to be carried out, whichever it is."""

    project: Path | None = None
    as_json: bool = False
    debug: bool = False


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out one command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build(_meant(words))(args=words, prog_name="dbarch")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else FINDINGS
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader left, as `head` does; Python would complain when it flushes again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def build(operations: Sequence[Operation] = (*OPERATIONS, *COMMANDS)) -> typer.Typer:
    """The command line: one command for each operation, and those of the house itself."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"token_normalize_func": _with_dashes, "help_option_names": ["-h", "--help"]},
    )
    app.callback(help=PURPOSE)(_house)
    groups: dict[str, typer.Typer] = {}
    for operation in operations:
        contract = contract_of(operation)
        group, _, name = operation.command.rpartition(" ")
        if group and group not in groups:
            groups[group] = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
            app.add_typer(groups[group], name=group, help=f"What is done to the {group}.")
        groups.get(group, app).command(name=name, help=contract.description)(_command(contract))
    for name, command in _house_commands().items():
        app.command(name=name)(command)
    return app


def _house_commands() -> dict[str, Callable[..., None]]:
    return {_with_dashes(command.__name__): command for command in (apply, doctor, demo, dev, serve, show_run)}


def _meant(words: Sequence[str]) -> tuple[Operation, ...]:
    """The operations that the line can mean: only those are imported."""
    first = _with_dashes(words[0]) if words else ""
    if first in ("--version", *_house_commands()):
        return ()
    every = (*OPERATIONS, *COMMANDS)
    return tuple(op for op in every if op.command.split()[0] == first) or every


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dbarch {__version__}")
        raise typer.Exit


def _house(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """The words before a command."""


def _command(contract: Contract) -> Callable[..., None]:
    """The command of an operation: what must be given by place, the rest by name."""

    def command(as_json: bool, project: Path | None, debug: bool, **given: Any) -> None:
        arguments = {a.name: _understood(a, given[a.name]) for a in contract.arguments}
        wants_json = as_json or arguments.get("format") == "json"
        if wants_json and contract.argument("format") is not None:
            arguments["format"] = "json"
        manner = Manner(project, wants_json, debug)
        carry_out(manner, lambda door, progress: door.carry_out(contract, arguments, progress))

    parameters = [_parameter(argument) for argument in contract.arguments]
    for name, kind, default in (("as_json", AsJson, False), ("project", Project, None), ("debug", Debug, False)):
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameter(argument: Argument) -> inspect.Parameter:
    kind, many = shell_type(argument.type)
    words: dict[str, Any] = {"help": argument.description or None}
    if argument.type == dict[str, str] or dict in (get_origin(part) for part in get_args(argument.type)):
        words["metavar"] = pair_of(argument)
    if argument.required:
        kind = Annotated[kind, typer.Argument(**words)]
        return inspect.Parameter(argument.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)
    switch = [SWITCHES[argument.name]] if argument.name in SWITCHES else []
    kind = Annotated[kind, typer.Option(*switch, **words)]
    default = () if many else argument.default
    return inspect.Parameter(argument.name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)


def _understood(argument: Argument, value: Any) -> Any:
    """A value of the line as the operation wants it."""
    try:
        return understood(argument, value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=f"--{_with_dashes(argument.name)}") from error


def carry_out(manner: Manner, work: Work) -> NoReturn:
    """Run work of a command, print its answer, and exit with the code that it means."""
    try:
        answer, text = asyncio.run(_carried_out(manner, work))
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.secho("interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except Told as told:
        raise typer.Exit(told.code) from None
    typer.echo(text, nl=not text.endswith("\n"))
    raise typer.Exit(FINDINGS if answer.findings else 0)


class Told(Exception):
    """An error that was told to the user; only the exit code is left of it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def _carried_out(manner: Manner, work: Work) -> tuple[Answer, str]:
    task = asyncio.current_task()
    if task is not None and os.name == "posix":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with Workspace.open(manner.project) as workspace:
        door = Door(workspace)
        try:
            with TerminalProgress() as progress:
                answer = await work(door, progress)
            return answer, door.say(answer, as_json=manner.as_json, limit=None)
        except ArchitectError as error:
            message = str(error).removesuffix(f"\n{error.hint}")
            _tell_error(door, manner, type(error).__name__, message, error.hint, error)
            raise Told(EXPECTED) from error
        except Exception as error:
            _tell_error(door, manner, type(error).__name__, door.describe_fault(error), "", error)
            raise Told(FAULT) from error


def _tell_error(door: Door, manner: Manner, kind: str, message: str, hint: str, error: Exception) -> None:
    """On stderr for people; with --json on stdout for programs."""
    if manner.debug:
        typer.echo(door.redact("".join(traceback.format_exception(error))), err=True)
    message, hint = door.harmless(message), door.harmless(hint)
    if manner.as_json:
        typer.echo(json.dumps({"error": {"kind": kind, "message": message, "hint": hint}}))
    else:
        typer.secho(f"error: {message}", fg="red", err=True)
        if hint:
            typer.echo(hint, err=True)


def apply(
    target: Annotated[str, typer.Argument(help="live, sandbox, branch or branch:<name>.")] = "live",
    revision: Annotated[str, typer.Option(help="The id to go to, or head.")] = "head",
    plan_hash: Annotated[str, typer.Option(help="Agree to this plan without being asked.")] = "",
    confirm: Annotated[list[str], typer.Option(help="An object whose rows or values may be destroyed.")] = [],  # noqa: B006
    project: Project = None,
    debug: Debug = False,
) -> None:
    """Show what would be applied to a database, ask, and carry it out."""
    from mcp_server.consent import apply_with_consent

    contract = contract_of(next(operation for operation in OPERATIONS if operation.name == "apply_migration"))
    words = {"revision": revision, "target": target, "confirm": tuple(confirm)}
    carry_out(
        Manner(project, False, debug),
        lambda door, progress: apply_with_consent(contract, words, plan_hash, door, progress),
    )


def doctor(as_json: AsJson = False, project: Project = None, debug: Debug = False) -> None:
    """Check what dbarch needs here, and say for each thing that is missing what to do."""
    from mcp_server.operations.doctor import diagnose

    carry_out(Manner(project, as_json, debug), lambda door, progress: diagnose(door.workspace))


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the project for playing.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show the main job on a small project: models, two migrations, the schema, a slow query, a record."""
    from mcp_server.operations.demo import demo as run_demo

    async def work(door: Door, progress: TerminalProgress) -> Answer:
        async with door.workspace.call(progress) as call:
            return await run_demo(call, keep)

    carry_out(Manner(None, as_json, debug), work)


def dev(project: Project = None, debug: Debug = False) -> None:
    """Run a Postgres of your own for development until Ctrl-C; its data stay."""
    from mcp_server.operations.dev import development_database

    async def work(door: Door, progress: TerminalProgress) -> Answer:
        async with development_database(door.workspace) as running:
            typer.echo(running.text)
            await asyncio.Event().wait()
        return Answer("")

    carry_out(Manner(project, False, debug), work)


def serve(
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="Serve over HTTP instead of stdio.")] = "",
    allow_host: Annotated[list[str], typer.Option(help="A further host name that requests may be for.")] = [],  # noqa: B006
) -> None:
    """Serve MCP: over stdio, or over HTTP on this machine."""
    from mcp_server.serving import serve_http, serve_stdio

    if not http:
        serve_stdio()
    try:
        serve_http(http, tuple(allow_host))
    except ArchitectError as error:
        typer.secho(f"error: {error.message}", fg="red", err=True)
        typer.echo(error.hint, err=True)
        raise typer.Exit(EXPECTED) from None


def show_run(run: Annotated[str, typer.Argument(help="The run's id or dbarch://runs/ address.")]) -> None:
    """Print the whole report of a run."""

    async def work(door: Door, progress: TerminalProgress) -> Answer:
        return Answer(read_kept(door.workspace.cache, run.removeprefix("dbarch://runs/")))

    carry_out(Manner(), work)


def _with_dashes(word: str) -> str:
    return word.replace("_", "-")
