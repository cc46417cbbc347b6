"""Which env.py sets a lock_timeout, and which only speaks of one."""

from __future__ import annotations

import pytest

from mcp_server.world.timeout_text import sets_lock_timeout


@pytest.mark.parametrize(
    "source",
    [
        "connection.execute(text(\"SET lock_timeout = '3s'\"))",
        "connection.execute(text('set local lock_timeout to 3000'))",
        "connection.execute(text(f'set lock_timeout = {wait}'))",
        "connection.exec_driver_sql(\"select set_config('lock_timeout', '3s', false)\")",
        "engine = create_engine(url, connect_args={'options': '-c lock_timeout=3000'})",
        "engine = create_engine(url, connect_args={'server_settings': {'lock_timeout': '3000'}})",
        "engine = create_async_engine(url + '?options=-clock_timeout%3D3000', server_settings=dict(lock_timeout='3s'))",
    ],
)
def test_what_sets_one_is_recognised(source: str) -> None:
    assert sets_lock_timeout(source)


@pytest.mark.parametrize(
    "source",
    [
        "# SET lock_timeout = '3s' would be good here",
        '"""Without lock_timeout = 3s an ALTER TABLE waits for ever."""',
        "log.info('no lock_timeout is set')",
        "connection.execute(text('set lock_timeout = 0'))",
        "connection.execute(text('set lock_timeout to default'))",
        "connection.execute(text(\"set app.lock_timeout = '3s'\"))",
        "engine = create_engine(url, connect_args={'server_settings': {'lock_timeout': '0'}})",
        "this is no Python: lock_timeout = 3",
    ],
)
def test_what_only_speaks_of_one_is_not(source: str) -> None:
    assert not sets_lock_timeout(source)
