"""How long a database that does not answer for now is waited for, and which failures of a connect are worth another try.

Neon's own advice: exponential backoff with jitter, for connects and for what only reads
(https://neon.com/docs/connect/connection-latency).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from mcp_server.errors import ConnectionFailed, DatabaseError, TimedOut, Unavailable
from mcp_server.world.translation import SLOW_WAKE
from mcp_server.world.urls import Target

STAYED_AWAY = "The compute did not come up meanwhile: look at its state and limits in the Neon console, then try again."


@dataclass(frozen=True, slots=True)
class Patience:
    """tries: at most. first: seconds before the second try, doubled from then on, up to `longest`. whole: seconds for all."""

    tries: int
    whole: float
    first: float = 0.5
    longest: float = 8.0

    def pause(self, tries: int) -> float:
        """Seconds to wait after so many tries: half of them by chance, so that clients do not come back together."""
        return min(self.first * float(2 ** (tries - 1)), self.longest) * random.uniform(0.5, 1.0)


# A suspended compute wakes within seconds, seldom within half a minute; any other server that starts, within two.
NEON = Patience(tries=6, whole=45.0)
OTHERS = Patience(tries=3, whole=3.0, first=0.2)


def patience_for(target: Target) -> Patience:
    """What a database is given when nobody says otherwise."""
    return NEON if target.is_neon else OTHERS


def may_pass(error: DatabaseError, target: Target) -> bool:
    """Whether a connect that failed so may succeed later. Only Neon's silence and refusals are taken for a waking compute."""
    if isinstance(error, Unavailable):
        return True
    refused = isinstance(error.__cause__, ConnectionRefusedError)
    return target.is_neon and (refused or isinstance(error, TimedOut))


def given_up(error: DatabaseError, target: Target, tries: int, seconds: float) -> DatabaseError:
    """The last try's error, with what was done; no longer one that is worth another try at once."""
    kind = TimedOut if isinstance(error, TimedOut) else ConnectionFailed
    if tries == 1:
        return kind(error.message, error.hint, error.sqlstate)
    hint = STAYED_AWAY if target.is_neon and error.hint == SLOW_WAKE else error.hint
    return kind(f"{error.message} Tried {tries} times in {seconds:.0f} s.", hint, error.sqlstate)
