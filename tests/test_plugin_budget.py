"""What the plugin costs a model stays within its budgets, as the client reckons and as it lists."""

from __future__ import annotations

import json

import pytest

from benchmarks.plugin_tokens import ALWAYS, BODY, TOOLS, agents, listing, skills, tool_list
from mcp_server.door import contract_of
from mcp_server.operations import OPERATIONS, Operation
from tests.plugin_texts import ROOT, estimated

# What the client adds to a name and a description, and rounds up (`claude plugin details`).
BESIDE = 6


def test_what_every_session_carries_is_small() -> None:
    reckoned = sum(
        estimated(name + front["description"] + " " * BESIDE)
        for kind in (agents(), skills())
        for name, (front, _) in kind.items()
    )
    assert reckoned <= ALWAYS
    assert estimated(listing()) <= ALWAYS


def test_the_tools_are_small_once_they_are_loaded() -> None:
    assert estimated(tool_list()) <= TOOLS


@pytest.mark.parametrize("name", agents())
def test_an_agents_body_is_small(name: str) -> None:
    assert estimated(agents()[name][1]) <= BODY


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_description_is_cut_by_the_client(operation: Operation) -> None:
    """It cuts descriptions of tools, and the server's instructions, at 2 KB."""
    contract = contract_of(operation)
    assert len(contract.description.encode()) <= 2_048
    for argument in contract.arguments:
        assert len(argument.description.encode()) <= 2_048


def test_there_is_no_tool_too_many() -> None:
    listed = json.loads((ROOT / "launcher/catalogue.json").read_text("utf-8"))["tools"]
    assert len(listed) == len(OPERATIONS) <= 15
