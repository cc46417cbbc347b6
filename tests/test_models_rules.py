"""Every rule for models as SQLAlchemy sees them: bad is found with its line, good and near misses are silent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_server.model.finding import Finding
from mcp_server.model.orm import Models
from mcp_server.rules import Registered, judge, rules
from mcp_server.world.models import as_models
from tests.examples import lay_out

RULES = [one for one in rules() if one.subject == "Models"]
Read = dict[str, Models]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The models of every example, by its text."""
    texts = [text for one in RULES for text in (one.rule.bad, *one.rule.good)]
    folders = [str(lay_out(tmp_path_factory.mktemp("example"), text)) for text in texts]
    told = subprocess.run(
        [sys.executable, "-m", "tests.forked_probe"],
        input=json.dumps(folders),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    answers = json.loads(told.stdout)
    assert [answer["error"] for answer in answers if "error" in answer] == []
    return {text: as_models(answer["result"], answer["versions"]) for text, answer in zip(texts, answers, strict=True)}


def grave(findings: tuple[Finding, ...], code: str) -> set[str]:
    return {one.code for one in findings if one.severity != "info" or one.code == code}


@pytest.mark.parametrize("one", RULES, ids=lambda one: f"{one.rule.code}-{one.name}")
def test_models_are_judged_as_their_rules_say(one: Registered, read: Read) -> None:
    bad = judge(read[one.rule.bad]).findings
    assert grave(bad, one.rule.code) == {one.rule.code, *one.rule.beside}, bad
    found = next(finding for finding in bad if finding.code == one.rule.code)
    assert found.message.endswith(".")
    assert found.place.startswith("app/")
    for text in one.rule.good:
        assert grave(judge(read[text]).findings, one.rule.code) == set(), (text, judge(read[text]).findings)
