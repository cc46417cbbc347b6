"""The agents: each has the rights that its job needs and no more, proves what it claims, and stays short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mcp_server.operations import OPERATIONS
from tests.plugin_texts import (
    ADR_LINE,
    AGENTS,
    PREFIX,
    ROOT,
    SERVER,
    SKILLS,
    TOOLS,
    document,
    estimated,
    listed,
    name_of,
    rights,
)

LOOKING = {"Read", "Grep", "Glob", "ReadMcpResourceTool", "inspect_schema", "review_schema", "write_phr"}
EDITING = {"Edit", "Write"}
# Each agent's whole rights. A new tool belongs to nobody until it stands here.
RIGHTS = {
    "database-architect": LOOKING | EDITING | {"Agent", "Skill"} | {
        "query_database", "explain_query", "recommend_indexes", "compare_schemas", "design_models", "autogenerate_migration",
        "review_migration", "check_isolation", "check_health", "manage_branch", "write_adr",
    },
    "db-schema-designer": LOOKING | EDITING | {
        "compare_schemas", "design_models", "check_isolation", "autogenerate_migration",
    },
    "database-engineer": LOOKING | EDITING | {"Bash"} | {
        "explain_query", "compare_schemas", "design_models", "autogenerate_migration", "review_migration", "check_isolation",
    },
    "model-designer": LOOKING | EDITING | {"compare_schemas", "design_models"},
    "migration-manager": (LOOKING - {"review_schema"}) | EDITING | {
        "compare_schemas", "autogenerate_migration", "review_migration", "apply_migration", "manage_branch", "check_health",
    },
    "query-optimizer": LOOKING | {"query_database", "explain_query", "recommend_indexes", "check_health"},
}  # fmt: skip
REPORT = ("Summary", "Models", "Relationships", "Migration", "Verification", "Follow-up")
COLORS = {"red", "blue", "green", "yellow", "purple", "orange", "pink", "cyan"}
SPECIALISTS = ("model-designer", "migration-manager", "query-optimizer")

every_agent = pytest.mark.parametrize("path", AGENTS, ids=name_of)


def test_there_are_the_six_agents() -> None:
    assert {path.stem for path in AGENTS} == set(RIGHTS)


@every_agent
def test_an_agent_has_exactly_the_rights_of_its_job(path: Path) -> None:
    front, _ = document(path)
    assert rights(path) == RIGHTS[path.stem]
    assert SERVER in listed(front["tools"])
    assert set(listed(front["disallowedTools"])) <= TOOLS


def test_one_agent_alone_may_change_a_database() -> None:
    assert [path.stem for path in AGENTS if "apply_migration" in rights(path)] == ["migration-manager"]
    assert "Bash" not in rights(ROOT / "agents/migration-manager.md")


@pytest.mark.parametrize("name", ["db-schema-designer", "model-designer"])
def test_a_designer_reaches_no_database_and_no_shell(name: str) -> None:
    held = rights(ROOT / f"agents/{name}.md")
    assert not held & {"Bash", "apply_migration", "manage_branch", "query_database"}


def test_who_reviews_queries_writes_no_code_and_no_database() -> None:
    held = rights(ROOT / "agents/query-optimizer.md")
    writing = {operation.name for operation in OPERATIONS if operation.effect != "reads"}
    assert not held & {"Edit", "Write", "NotebookEdit", "Bash"}
    assert held & writing == {"write_phr", "recommend_indexes", "review_schema"}


def test_a_decision_is_recorded_by_the_architect_alone_who_alone_sends_others() -> None:
    for tool in ("write_adr", "Agent", "Skill"):
        assert [path.stem for path in AGENTS if tool in rights(path)] == ["database-architect"]
    body = document(ROOT / "agents/database-architect.md")[1]
    assert re.findall(r"`dbarch:([\w-]+)`", body) == list(SPECIALISTS)


@every_agent
def test_an_agent_says_when_it_is_wanted_and_takes_the_users_model(path: Path) -> None:
    front, _ = document(path)
    assert set(front) <= {"name", "description", "tools", "disallowedTools", "model", "color", "skills"}
    assert front["name"] == path.stem
    assert "Use proactively when" in front["description"]
    assert front["model"] == "inherit"
    assert front["color"] in COLORS


def test_no_two_agents_look_alike() -> None:
    assert len({document(path)[0]["color"] for path in AGENTS}) == len(AGENTS)


@every_agent
def test_an_agent_speaks_of_no_tool_that_it_lacks_and_of_none_that_is_not(path: Path) -> None:
    _, body = document(path)
    ours = {operation.name for operation in OPERATIONS}
    named = set(re.findall(r"`(\w+_\w+)`", body)) & ours
    assert named <= rights(path)
    assert {name for name in rights(path) & ours if f"`{name}`" not in body} == set()
    assert (
        not set(re.findall(r"`((?:check|review|write|inspect|explain|apply|manage|design|compare)_\w+)`", body)) - ours
    )


@every_agent
def test_every_claim_names_what_proves_it(path: Path) -> None:
    _, body = document(path)
    assert "| claim | what proves it |" in body
    assert "Every claim cites a finding code" in body
    assert "dbarch://runs/" in body


@every_agent
def test_an_agent_asks_keeps_its_bounds_and_reports_in_one_shape(path: Path) -> None:
    _, body = document(path)
    assert "## Bounds" in body
    assert "## Ask" in body
    assert re.search(r"(?i)two or three questions|at most three questions", body)
    assert re.search(r"[Nn]o (?:API )?routes", body)
    assert "no front end" in body
    report = body[max(body.find("## Report"), body.find("## Hand over\n\nSummary")) :]
    assert [report.find(word) for word in REPORT] == sorted(report.find(word) for word in REPORT)
    assert -1 not in [report.find(word) for word in REPORT]


@pytest.mark.parametrize("name", sorted(set(RIGHTS) - {"database-architect"}))
def test_who_was_sent_by_another_asks_in_its_report_and_waits_for_consent(name: str) -> None:
    _, body = document(ROOT / f"agents/{name}.md")
    assert "your questions head the report" in body
    assert ("hand back the plan with its hash and stop" in body) == (
        "apply_migration" in rights(ROOT / f"agents/{name}.md")
    )


@every_agent
def test_an_agent_records_its_work_and_only_suggests_a_decision(path: Path) -> None:
    _, body = document(path)
    assert body.rstrip().endswith(ADR_LINE)
    assert "word for word" in body
    for stage in ("green", "refactor") if path.stem == "database-engineer" else ():
        assert f"`{stage}`" in body


@every_agent
def test_an_agent_fits_its_budget(path: Path) -> None:
    _, body = document(path)
    assert estimated(body) <= 1_200


@every_agent
def test_an_agent_repeats_no_tools_own_description(path: Path) -> None:
    _, body = document(path)
    for operation in OPERATIONS:
        told = re.sub(r"\s+", " ", operation.load().__doc__ or "")
        for sentence in re.split(r"(?<=[.:;])\s", told):
            assert len(sentence) < 40 or sentence not in body


def test_skills_that_agents_preload_exist() -> None:
    known = {f"dbarch:{path.parent.name}" for path in SKILLS}
    for path in AGENTS:
        assert set(listed(document(path)[0].get("skills"))) <= known


def test_finding_codes_and_tools_that_agents_name_exist() -> None:
    for path in AGENTS:
        _, body = document(path)
        for code in re.findall(r"\b[A-Z]\d{3}\b", body):
            assert (ROOT / f"docs/rules/{code}.md").exists(), code
        assert PREFIX not in body
