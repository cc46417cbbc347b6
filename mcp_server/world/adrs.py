"""Architecture Decision Records on disk: numbered, filled, written whole, never over one that is there."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path

from mcp_server.errors import ConfigError, Refused
from mcp_server.model.decision import Decision
from mcp_server.redactor import Redactor
from mcp_server.world.adr_template import fill, find_template
from mcp_server.world.features import Features
from mcp_server.world.files import locked, publish
from mcp_server.world.git import read_branch
from mcp_server.world.ledger import Ledger
from mcp_server.world.phr_names import NUMBERED, next_id, slug
from mcp_server.world.records import ATTEMPTS, read_records

FOLDER = "history/adr"
OLD_FOLDER = "docs/adr"
RECORDING = ("write_adr", "write_phr")


@dataclass(frozen=True, slots=True)
class WrittenDecision:
    """An ADR that stands on disk. template: where its template is from. warnings: what a reader should know."""

    decision: Decision
    template: str
    warnings: tuple[str, ...] = ()


def write_decision(root: Path, draft: Decision, ledger: Ledger, specs: str = "specs") -> WrittenDecision:
    """Write an ADR under history/adr with the folder's next number, linked with the feature's spec, plan and last PHR.

    draft: what its author knows. Raises Refused when there is one of that title already, NotFound when the feature is
    not known, ConfigError when the folder cannot be written; then nothing was written.
    """
    folder = root / (OLD_FOLDER if (root / OLD_FOLDER).is_dir() and not (root / FOLDER).is_dir() else FOLDER)
    if not folder.resolve().is_relative_to(root.resolve()):
        raise Refused(f"{folder} leads out of the project.", "Records are kept inside of the project only.")
    template = find_template(root)
    completed = _redacted(_completed(root, draft, ledger, specs), ledger.redactor)
    try:
        with suppress(OSError):
            ledger.prepared()
        folder.mkdir(parents=True, exist_ok=True)
        with locked(ledger.lock):
            if twin := _twin(folder, completed.title):
                raise Refused(
                    f"{twin} has this title already; nothing was written.",
                    "Supersede it by a record of another title that names it in `related`, or edit that file.",
                )
            decision = _publish(folder, root, completed, ledger)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written: {error.strerror or error}. Nothing was recorded.",
            "Make the folder writable, then call write_adr again with the same arguments.",
        ) from error
    warnings = (template.problem + "; the built-in template was used.",) if template.problem else ()
    return WrittenDecision(decision, template.origin, warnings)


def _plain(name: str) -> str:
    """A file's name without the `ADR-` that some put before the number."""
    return re.sub(r"(?i)^adr-", "", name)


def _twin(folder: Path, title: str) -> str:
    wanted = slug(title)
    same = (name for name in os.listdir(folder) if (found := NUMBERED.match(_plain(name))) and found[2] == wanted)
    return min(same, default="")


def _completed(root: Path, draft: Decision, ledger: Ledger, specs: str) -> Decision:
    """The draft with its date, its feature and what the feature's folder holds."""
    decision = replace(draft, title=" ".join(draft.title.split()), date=date.today().isoformat())
    runs = (run for run in ledger.since(ledger.marker) if run.tool not in RECORDING)
    decision = replace(decision, evidence=tuple(runs))
    if not draft.feature:
        return replace(decision, phr=draft.phr or _last_record(root, ledger))
    feature = Features(root, specs).resolve(draft.feature, read_branch(root))
    here = {name: f"{feature.spec}/{name}.md" for name in ("spec", "plan") if feature.spec}
    found = {name: path for name, path in here.items() if (root / path).is_file()}
    phrs = [record.path for record in read_records(root) if record.feature == feature.name]
    last = _last_record(root, ledger)
    return replace(
        decision,
        feature=feature.name,
        spec=draft.spec or found.get("spec", ""),
        plan=draft.plan or found.get("plan", ""),
        phr=draft.phr or (last if last in phrs else "".join(phrs[-1:])),
    )


def _last_record(root: Path, ledger: Ledger) -> str:
    """The path of the PHR that was written last, "" when it is not known or no longer there."""
    verdicts = (run.verdict for run in reversed(ledger.runs()) if run.tool == "write_phr")
    path = next((verdict.partition(" at ")[2] for verdict in verdicts if verdict.startswith("PHR-")), "")
    return path if path and (root / path).is_file() else ""


def _redacted(decision: Decision, redactor: Redactor) -> Decision:
    """The decision without secrets and without what no text file can hold."""

    def clean(value: object) -> object:
        if isinstance(value, str):
            return redactor.redact(re.sub("[\x00\ud800-\udfff]", "\ufffd", value))
        return tuple(map(clean, value)) if isinstance(value, tuple) else value

    texts = {field.name: clean(getattr(decision, field.name)) for field in fields(decision) if field.name != "evidence"}
    return Decision(**texts, evidence=decision.evidence)  # type: ignore[arg-type]


def _publish(folder: Path, root: Path, draft: Decision, ledger: Ledger) -> Decision:
    """Give the decision the next number of its folder and make its file. Raises OSError."""
    template = find_template(root)
    for _ in range(ATTEMPTS):
        number = next_id(map(_plain, os.listdir(folder)))
        path = folder / f"{number}-{slug(draft.title)}.md"
        decision = replace(draft, id=number, path=path.relative_to(root).as_posix())
        try:
            publish(path, fill(template, decision).encode(), ledger.workshop)
        except FileExistsError:
            continue
        return decision
    raise OSError(f"no number is free after {ATTEMPTS} attempts")
