"""SCRAM-SHA-256, both sides, by keys instead of passwords: RFC 5802 and 7677, as Postgres uses them.

A proxy that holds a role's secret learns the client's key when the client proves that it knows the password, and logs
in with that key at the server behind it: https://www.postgresql.org/docs/current/sasl-authentication.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

PLUS, PLAIN = "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"


class WrongProof(Exception):
    """The client does not know the password, or speaks on another channel."""


@dataclass(frozen=True)
class Secret:
    """What pg_authid keeps of a password. text: as it stands there, for an auth_file."""

    text: str
    iterations: int
    salt: str
    stored_key: bytes
    server_key: bytes

    def key_of(self, password: str) -> bytes:
        """The client's key that a password leads to; WrongProof unless it is the right one."""
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(self.salt), self.iterations)
        key = _mac(salted, "Client Key")
        if hashlib.sha256(key).digest() != self.stored_key:
            raise WrongProof
        return key


def read_secret(text: str) -> Secret:
    """`SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`."""
    _, numbers, keys = text.split("$")
    iterations, salt = numbers.split(":")
    stored, server = (base64.b64decode(key) for key in keys.split(":"))
    return Secret(text, int(iterations), salt, stored, server)


class Verifier:
    """The server's side of one exchange. binding: what tls-server-end-point stands for on this channel."""

    def __init__(self, secret: Secret | None, binding: bytes) -> None:
        self._secret = secret or read_secret(
            f"SCRAM-SHA-256$1:{_text(b'nobody')}${_text(b'0' * 32)}:{_text(b'1' * 32)}"
        )
        self._binding = binding
        self._mechanism = ""
        self._header = self._bare = self._first = ""

    def challenge(self, mechanism: str, message: str) -> str:
        """The server's first message for the client's."""
        found = re.fullmatch(r"([^,]*,[^,]*,)(.*?r=([^,]+).*)", message, re.DOTALL)
        if found is None:
            raise WrongProof
        self._mechanism, self._header, self._bare = mechanism, found[1], found[2]
        nonce = found[3] + secrets.token_hex(12)
        self._first = f"r={nonce},s={self._secret.salt},i={self._secret.iterations}"
        return self._first

    def verify(self, message: str) -> tuple[bytes, str]:
        """-> the client's key and the server's last message. Raises WrongProof."""
        without, _, proof = message.rpartition(",p=")
        channel = self._header.encode() + (self._binding if self._mechanism == PLUS else b"")
        if f"c={_text(channel)}" != without.partition(",")[0]:
            raise WrongProof
        signed = f"{self._bare},{self._first},{without}"
        key = _xor(base64.b64decode(proof), _mac(self._secret.stored_key, signed))
        if hashlib.sha256(key).digest() != self._secret.stored_key:
            raise WrongProof
        return key, f"v={_text(_mac(self._secret.server_key, signed))}"


class Prover:
    """The client's side of one exchange, by the client's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._bare = f"n=,r={secrets.token_hex(12)}"

    @property
    def first(self) -> str:
        return f"n,,{self._bare}"

    def proof(self, challenge: str) -> str:
        """The last message for the server's first."""
        nonce = challenge.partition(",")[0].removeprefix("r=")
        without = f"c=biws,r={nonce}"
        stored = hashlib.sha256(self._key).digest()
        signature = _mac(stored, f"{self._bare},{challenge},{without}")
        return f"{without},p={_text(_xor(self._key, signature))}"


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
