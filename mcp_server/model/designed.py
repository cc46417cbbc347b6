"""What came of designing: the files, how they stand to the project, and what was proven of them."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_server.model.design import Decision, Design
from mcp_server.model.drift import Disagreement
from mcp_server.model.drift_report import disagreement_data, finding_data
from mcp_server.model.finding import Finding
from mcp_server.model.review import counted

# What a decision answers for when the spec is compared with what was made of it.
_ANSWERS = {
    "on delete": ("ondelete",),
    "index": ("index extra", "unique extra"),
    "primary key": ("column extra", "primary key"),
    "null": ("nullable",),
    "foreign key": ("fk extra",),
    "table": ("table missing",),
    "default": ("server default", "onupdate missing"),
    "json": ("type",),
    "time zone": ("type",),
    "values": ("type", "enum values"),
}


@dataclass(frozen=True, slots=True)
class Proof:
    """What was carried out: the modules were imported, their tables made, read, and compared with the spec, and the rules were asked.

    added: disagreements that are decisions, because the spec is silent there. against: all others. judged: findings of the rules on
    the tables (S), which what the spec states calls for. faults: those on the classes and the code, which must not be. refused: what
    of the spec Postgres did not take. interpreter: which Python imported them.
    """

    against: tuple[Disagreement, ...] = ()
    added: tuple[Disagreement, ...] = ()
    judged: tuple[Finding, ...] = ()
    faults: tuple[Finding, ...] = ()
    refused: tuple[str, ...] = ()
    interpreter: str = ""
    tables: int = 0


def parted(
    found: tuple[Disagreement, ...], decisions: tuple[Decision, ...]
) -> tuple[tuple[Disagreement, ...], tuple[Disagreement, ...]]:
    """Disagreements -> (those that no decision answers for, those that one does)."""
    answered = {
        (kind, one.table.lower(), one.column.lower())
        for one in decisions
        for kind in _ANSWERS.get(one.topic, (one.topic,))
    }
    added = tuple(one for one in found if (one.kind, one.table.lower(), one.column.lower()) in answered)
    return tuple(one for one in found if one not in added), added


@dataclass(frozen=True, slots=True)
class DesignedFile:
    """A file that is offered. state: "new", "same" or "differs"; diff: from what is there."""

    path: str
    text: str
    state: str
    diff: str = ""


@dataclass(frozen=True, slots=True)
class DesignReport:
    """source: the spec's word. contradictions: inside the spec. modelled: where the project has these tables already, "file:line table".

    external: names that [tool.dbarch] external must have and has not. written: paths. versions: in words.
    """

    source: str
    design: Design
    proof: Proof
    files: tuple[DesignedFile, ...]
    contradictions: tuple[Finding, ...] = ()
    modelled: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    versions: str = ""
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One line: what was designed, and what was proven of it."""
        counts = f"{counted(len(self.design.classes), 'table')} designed from {self.source}"
        return f"{counts}: {self.proven}"

    @property
    def proven(self) -> str:
        """What was run, and what came of it."""
        compared = (
            f"{counted(len(self.proof.against), 'disagreement')} with it" if self.proof.against else "no disagreement"
        )
        added = f", {counted(len(self.proof.added), 'addition')} where it is silent" if self.proof.added else ""
        judged = len(self.proof.judged) + len(self.proof.faults)
        rules = f"{counted(judged, 'finding')} of the rules" if judged else "the rules find nothing"
        return f"imported, made real and compared with the spec: {compared}{added}; {rules}"

    @property
    def grave(self) -> int:
        """How much stands in the way of using it."""
        errors = sum(one.severity == "error" for one in self.contradictions)
        return errors + len(self.proof.against) + len(self.proof.faults)


def design_data(report: DesignReport) -> dict[str, object]:
    """The report for programs."""
    design = report.design
    return {
        "verdict": report.verdict,
        "source": report.source,
        "versions": report.versions,
        "tables": {one.table: one.name for one in design.classes},
        "files": [{"path": one.path, "state": one.state, "text": one.text, "diff": one.diff} for one in report.files],
        "written": list(report.written),
        "questions": [
            {
                "question": one.asked,
                "subjects": list(one.subjects),
                "options": [{"option": each.what, "cost": each.cost, "say": each.say} for each in one.options],
            }
            for one in design.questions
        ],
        "decisions": [_decision(one) for one in design.decisions],
        "left_out": [_decision(one) for one in design.left_out],
        "contradictions": [finding_data(one) for one in report.contradictions],
        "disagreements": [disagreement_data(one) for one in report.proof.against],
        "additions": [disagreement_data(one) for one in report.proof.added],
        "findings": [finding_data(one) for one in (*report.proof.faults, *report.proof.judged)],
        "refused": list(report.proof.refused),
        "modelled": list(report.modelled),
        "external": list(report.external),
        "notes": list(report.notes),
    }


def _decision(one: Decision) -> dict[str, str]:
    return {"topic": one.topic, "subject": one.subject, "taken": one.taken, "place": str(one.place)}
