"""Names of the emulated Neon for processes that the tests start: socket_wrapper's sister nss_wrapper answers the resolver.

Debian's package libnss-wrapper; https://cwrap.org/nss_wrapper.html.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.neon.ground import Ground


def resolve_in_processes(neon: Ground, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """From now on processes that are started find this Neon's hosts on the loopback; without nss_wrapper the test is skipped."""
    library = next(iter(sorted(Path("/usr/lib").glob("*/libnss_wrapper.so"))), None)
    if library is None:
        pytest.skip("libnss_wrapper is not installed (Debian: libnss-wrapper), so no other process finds the hosts")
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {neon.host()} {neon.host(pooled=True)}\n")
    patch.setenv("LD_PRELOAD", str(library))
    patch.setenv("NSS_WRAPPER_HOSTS", str(hosts))
