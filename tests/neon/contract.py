"""Neon's own OpenAPI file, as its client on npm carries it: what requests and answers have to look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft4Validator

from tests.client.npm import npm_package

CLIENT = ("@neondatabase/api-client", "2.7.3")


@cache
def _document() -> dict[str, Any]:
    path = npm_package(*CLIENT) / CLIENT[0] / "public-v2-for-users.gen.yaml"
    document: dict[str, Any] = yaml.load(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return _with_nulls(document)


def _with_nulls(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable`, JSON Schema lists the type `null`."""
    if isinstance(node, list):
        return [_with_nulls(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _with_nulls(value) for key, value in node.items()}
    if kept.get("nullable") is True and isinstance(kept.get("type"), str):
        kept["type"] = [kept["type"], "null"]
    return kept


def _operation(method: str, path: str) -> Mapping[str, Any]:
    for template, item in _document()["paths"].items():
        if method.lower() in item and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            return {**item[method.lower()], "shared": item.get("parameters", [])}
    raise AssertionError(f"Neon's API has no {method} {path}")


def _resolved(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found: Any = _document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _complaints(schema: Mapping[str, Any], value: object) -> list[str]:
    validator = Draft4Validator({**schema, "components": _document()["components"]})
    return [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(value)]


def check_request(method: str, path: str, words: Mapping[str, str], body: object) -> None:
    """Hold a request to the contract: the path, the names of its parameters, its body."""
    operation = _operation(method, path)
    known = {
        parameter["name"]: parameter
        for parameter in map(_resolved, (*operation.get("parameters", []), *operation["shared"]))
    }
    strange = [name for name in words if name not in known or known[name]["in"] != "query"]
    assert not strange, f"{method} {path} has no parameter {strange}"
    missing = [
        name for name, one in known.items() if one["in"] == "query" and one.get("required") and name not in words
    ]
    assert not missing, f"{method} {path} needs {missing}"
    if body is not None:
        stated = _resolved(operation["requestBody"])["content"]["application/json"]["schema"]
        complaints = _complaints(stated, body)
        assert not complaints, f"{method} {path}: {complaints}"


def check_answer(method: str, path: str, status: int, body: object) -> None:
    """Hold an answer to the contract: its status, its body."""
    answers = {str(key): value for key, value in _operation(method, path)["responses"].items()}
    stated = _resolved(answers.get(str(status), answers.get("default")))
    assert stated is not None, f"{method} {path} never answers {status}"
    content = stated.get("content", {})
    if body is None:
        assert not content, f"{method} {path} {status} has a body"
        return
    complaints = _complaints(content["application/json"]["schema"], body)
    assert not complaints, f"{method} {path} {status}: {complaints}"
