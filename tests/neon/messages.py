"""Postgres's messages: https://www.postgresql.org/docs/current/protocol-message-formats.html"""

from __future__ import annotations

import struct
from asyncio import StreamReader
from collections.abc import Mapping

VERSION = 196608
TLS_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def authentication(code: int, body: bytes = b"") -> bytes:
    return message(b"R", struct.pack("!I", code) + body)


def error(words: str, sqlstate: str = "XX000", severity: str = "ERROR") -> bytes:
    fields = {"S": severity, "V": severity, "C": sqlstate, "M": words}
    return message(b"E", b"".join(f"{key}{value}\0".encode() for key, value in fields.items()) + b"\0")


def words_of(body: bytes) -> str:
    """What the message field of an error says."""
    fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
    return fields.get(b"M", b"").decode()


def start_up(parameters: Mapping[str, str]) -> bytes:
    body = struct.pack("!I", VERSION) + b"".join(f"{key}\0{value}\0".encode() for key, value in parameters.items())
    return struct.pack("!I", len(body) + 5) + body + b"\0"


def read_parameters(body: bytes) -> dict[str, str]:
    parts = [part.decode() for part in body.split(b"\0")]
    pairs = zip(parts[::2], parts[1::2], strict=False)
    return {key: value for key, value in pairs if key}


async def read_opening(reader: StreamReader) -> tuple[int, bytes]:
    """A message without a kind, as only the first ones are: its code and its body."""
    length, code = struct.unpack("!II", await reader.readexactly(8))
    return code, await reader.readexactly(length - 8)


async def read_message(reader: StreamReader) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!cI", await reader.readexactly(5))
    return kind, await reader.readexactly(length - 4)


def code_of(body: bytes) -> int:
    """Of an authentication request: what is asked for."""
    return int(struct.unpack("!I", body[:4])[0])
