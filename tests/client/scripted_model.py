"""A model that follows a script, served as the Messages API on loopback.

The real client talks to it as to the real API, so that it loads the plugin, starts its server, runs its hooks and its
sub-agents, with no network and no model. What it was sent is kept: that is what a model would have seen.

A turn is chosen by how many turns of the assistant a request holds already: a repeated request gets the same answer,
and agents that run at the same time cannot mix up.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from uuid import uuid4


@dataclass(frozen=True)
class Say:
    """A turn of text. `{result}` stands for the text of the latest tool result."""

    text: str


@dataclass(frozen=True)
class Call:
    """A turn that calls a tool. A value `match:REGEX` stands for what that finds in the latest tool result."""

    tool: str
    input: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Actor:
    """Who answers a request whose system prompt or first message holds `marker`."""

    name: str
    marker: str
    turns: Sequence[Say | Call]


class ScriptedModel:
    """The API while it is entered. `requests`: what was asked, with the name of the actor who answered."""

    def __init__(self, *actors: Actor) -> None:
        self.actors = actors
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> ScriptedModel:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def sent_to(self, name: str) -> list[dict[str, Any]]:
        """The requests that this actor answered, in order."""
        return [body for actor, body in self.requests if actor == name]

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The message for a request."""
        head = f"{text_of(body.get('system'))}\n{text_of(body['messages'][0]['content'])}"
        actor = next((actor for actor in self.actors if actor.marker in head), None)
        with self._lock:
            self.requests.append((actor.name if actor else "", body))
        number = sum(message["role"] == "assistant" for message in body["messages"])
        turn = actor.turns[number] if actor and number < len(actor.turns) else Say("done")
        block = _block(turn, body, number)
        return {
            "id": f"msg_{number:04}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", "scripted"),
            "content": [block],
            "stop_reason": "tool_use" if block["type"] == "tool_use" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 10},
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

            def do_HEAD(self) -> None:
                self._send(b"", "application/json")

            def do_GET(self) -> None:
                self._send(b"{}", "application/json")

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                body = json.loads(raw) if raw.startswith(b"{") else {}
                path = self.path.partition("?")[0]
                if path == "/v1/messages/count_tokens":
                    self._send(json.dumps({"input_tokens": len(raw) // 4}).encode(), "application/json")
                elif path != "/v1/messages":
                    self._send(b"{}", "application/json")
                elif body.get("stream"):
                    self._send("".join(events(model.answer(body))).encode(), "text/event-stream")
                else:
                    self._send(json.dumps(model.answer(body)).encode(), "application/json")

            def _send(self, payload: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

        return Handler


def _block(turn: Say | Call, body: dict[str, Any], number: int) -> dict[str, Any]:
    results = tool_results(body)
    latest = text_of(results[-1]["content"]) if results else ""
    if isinstance(turn, Say):
        return {"type": "text", "text": turn.text.replace("{result}", latest)}
    given = {key: _filled(value, latest) for key, value in turn.input.items()}
    # The id must be new in the whole conversation, sub-agents included.
    return {"type": "tool_use", "id": f"toolu_{uuid4().hex[:24]}", "name": turn.tool, "input": given}


def _filled(value: Any, latest: str) -> Any:
    if not isinstance(value, str) or not value.startswith("match:"):
        return value
    found = re.search(value.removeprefix("match:"), latest)
    return found[0] if found else value


def events(message: dict[str, Any]) -> Iterator[str]:
    """A finished message as the stream of events that the API sends."""
    block = message["content"][0]
    if block["type"] == "text":
        empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
    else:
        empty, delta = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_start", message={**message, "content": [], "stop_reason": None})
    yield _event("content_block_start", index=0, content_block=empty)
    yield _event("content_block_delta", index=0, delta=delta)
    yield _event("content_block_stop", index=0)
    yield _event("message_delta", delta=stop, usage=message["usage"])
    yield _event("message_stop")


def _event(name: str, **data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n"


def text_of(content: Any) -> str:
    """The text of a `content` field: a string, or blocks, those of tool results included."""
    if isinstance(content, str):
        return content
    parts = [block for block in content or () if isinstance(block, dict)]
    return "\n".join(block.get("text") or text_of(block.get("content")) for block in parts)


def tool_results(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The tool results of a request, oldest first."""
    blocks = [message["content"] for message in body["messages"] if isinstance(message["content"], list)]
    return [block for content in blocks for block in content if block.get("type") == "tool_result"]
