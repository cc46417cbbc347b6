"""One compute of the emulated Neon: its two addresses, who may log in, whether it sleeps, and what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.neon.scram import Secret

Address = tuple[str, int]


@dataclass(frozen=True)
class Visit:
    """A login that reached Postgres or PgBouncer. dropped: start-up parameters that the proxy kept to itself."""

    pooled: bool
    parameters: Mapping[str, str]
    dropped: tuple[str, ...]


@dataclass(eq=False)
class Relay:
    """A client that is being served. ended: set to end it."""

    pooled: bool
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class Compute:
    """direct: Postgres. pooler: PgBouncer. roles: what they log in with. databases: a name here -> its name in Postgres.

    refusal: what the control plane says instead of waking it, "" when it does. wake_seconds: what waking takes; from
    then on it is awake. is_stalled: it never comes up, and clients are kept waiting.
    """

    name: str
    direct: Address
    pooler: Address
    roles: dict[str, Secret]
    databases: dict[str, str]
    refusal: str = ""
    wake_seconds: float = 0.0
    is_asleep: bool = False
    is_stalled: bool = False
    visits: list[Visit] = field(default_factory=list)
    relays: set[Relay] = field(default_factory=set)
    waking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def wake(self) -> None:
        """Return when it is awake: for the first who asks that takes a while, and all others wait for the same wake."""
        async with self.waking:
            if self.is_asleep:
                await asyncio.sleep(self.wake_seconds)
                self.is_asleep = False

    def fall_asleep(self, *, abruptly: bool = False) -> None:
        """From now on it sleeps. A pooled client loses its socket, as at Neon; a direct one reads Postgres's last words."""
        self.is_asleep = True
        for relay in tuple(self.relays):
            if relay.pooled or abruptly:
                relay.ended.set()
