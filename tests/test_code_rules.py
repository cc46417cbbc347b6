"""Every rule for Python as it is written: bad is found, good passes, the mechanical fix cures and still parses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mcp_server.model.edits import apply
from mcp_server.model.finding import Finding
from mcp_server.rules import Registered, judge, rules
from mcp_server.world.code import read_code
from tests.examples import lay_out

RULES = [one for one in rules() if one.subject == "Code" and one.rule.form == "python"]


def named(one: Registered) -> str:
    return f"{one.rule.code}-{one.name}"


def grave(findings: tuple[Finding, ...], code: str) -> set[str]:
    return {one.code for one in findings if one.severity != "info" or one.code == code}


def found_in(root: Path, text: str) -> tuple[Finding, ...]:
    for path in root.rglob("*.py"):
        path.unlink()
    return judge(read_code(lay_out(root, text))).findings


@pytest.mark.parametrize("one", RULES, ids=named)
def test_a_bad_example_is_found_and_its_fix_cures_it(one: Registered, tmp_path: Path) -> None:
    rule = one.rule
    findings = found_in(tmp_path, rule.bad)
    assert grave(findings, rule.code) == {rule.code, *rule.beside}, findings
    found = next(finding for finding in findings if finding.code == rule.code)
    assert found.message.endswith(".")
    assert found.subject
    file, _, line = found.place.rpartition(":")
    assert (tmp_path / file).read_text("utf-8").splitlines()[int(line) - 1].strip()
    edits = [edit for finding in findings if finding.code == rule.code for edit in finding.edits]
    for name in {edit.file for edit in edits}:
        path = tmp_path / name
        changed = apply(path.read_bytes(), [edit for edit in edits if edit.file == name])
        ast.parse(changed)
        path.write_bytes(changed)
    if edits:
        assert rule.code not in {finding.code for finding in judge(read_code(tmp_path)).findings}


@pytest.mark.parametrize("one", RULES, ids=named)
def test_good_examples_and_near_misses_are_silent(one: Registered, tmp_path: Path) -> None:
    for text in one.rule.good:
        findings = found_in(tmp_path, text)
        assert grave(findings, one.rule.code) == set(), (text, findings)
