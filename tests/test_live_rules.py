"""Every rule for a running server: figures that are bad are found, figures just short of it are silent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mcp_server.model.health import (
    MEGABYTE,
    Health,
    IndexHealth,
    ReplicaHealth,
    SequenceHealth,
    ServerHealth,
    SessionHealth,
    SlotHealth,
    StatementHealth,
    TableHealth,
)
from mcp_server.rules import judge, rules

GOOD = ServerHealth(
    16,
    database="shop",
    role="app",
    encrypted=True,
    stats_days=30,
    up_days=90,
    size=500 * MEGABYTE,
    connections=5,
    hits=9_999_000,
    reads=1_000,
    statements_schema="public",
    settings={
        "autovacuum": "on",
        "idle_in_transaction_session_timeout": "60000",
        "random_page_cost": "1.1",
        "shared_preload_libraries": "pg_stat_statements",
        "statement_timeout": "30000",
        "work_mem": "4096",
    },
)
ORDERS = TableHealth(
    "public.orders", rows=50_000, size=200 * MEGABYTE, index_size=100 * MEGABYTE, indexes=3, pages=25_600,
    visible_pages=25_000, width=3_000, index_scans=90_000, inserted=50_000, live=50_000, analyzed_days=1, vacuumed_days=1,
)  # fmt: skip
BY_STATE = IndexHealth(
    "public.orders_state", "public.orders", definition="CREATE INDEX orders_state ON public.orders USING btree (state)",
    columns=("state",), size=20 * MEGABYTE, scans=80_000, null_fraction=0, distinct=-0.5, correlation=0.1,
)  # fmt: skip
WELL = Health(GOOD, tables=(ORDERS,), indexes=(BY_STATE,))
LIMIT = 2_146_483_648


def server(**changes: Any) -> Health:
    return replace(WELL, server=replace(GOOD, **changes))


def setting(name: str, value: str) -> Health:
    return server(settings={**GOOD.settings, name: value})


def table(**changes: Any) -> Health:
    return replace(WELL, tables=(replace(ORDERS, **changes),))


def index(**changes: Any) -> Health:
    return replace(WELL, indexes=(replace(BY_STATE, **changes),))


def session(**changes: Any) -> Health:
    return replace(WELL, sessions=(SessionHealth(7, state="active", application="web"), SessionHealth(9, **changes)))


def statement(query: str = "select * from orders where id = $1", **changes: Any) -> Health:
    return replace(WELL, statements=(StatementHealth(query, **changes),))


def sequence(last: int, most: int = 2_147_483_647) -> Health:
    return replace(WELL, sequences=(SequenceHealth("public.orders_id_seq", most, last, "public.orders.id", "integer"),))


def slot(*, active: bool) -> Health:
    return replace(WELL, slots=(SlotHealth("old", active, retained=5),))


def replica(seconds: float) -> Health:
    return replace(WELL, replicas=(ReplicaHealth("standby", seconds),))


UNUSED = {"scans": 0, "serves_key": False}
SPILLING = {"calls": 10, "spilled": 1_280}
# code -> what has the fault, what only nearly has it
EXAMPLES: dict[str, tuple[tuple[Health, ...], tuple[Health, ...]]] = {
    "H101": ((index(valid=False),), (index(valid=False, building=True),)),
    "H102": (
        (index(scans=0),),
        (index(scans=1), index(scans=0, constrains=True), index(scans=0, serves_key=True), index(scans=0, size=1024),
         replace(index(scans=0), server=replace(GOOD, stats_days=3)), replace(index(scans=0), server=replace(GOOD, standby=True)),
         replace(index(scans=0), server=replace(GOOD, neon=True, up_days=0.1))),
    ),
    "H103": ((index(scans=400),), (index(scans=1_000), index(scans=400, constrains=True), index(scans=400, size=1024))),
    "H104": ((index(size=300 * MEGABYTE),), (index(size=300 * MEGABYTE, method="gin"), index(size=199 * MEGABYTE))),
    "H105": ((index(null_fraction=0.8),), (index(null_fraction=0.8, partial=True), index(null_fraction=0.3))),
    "H106": ((index(distinct=3),), (index(distinct=3, partial=True), index(distinct=50), index(distinct=3, columns=("state", "due")))),
    "H107": ((index(method="brin", correlation=0.2),), (index(method="brin", correlation=-0.99), index(method="brin", correlation=None))),
    "H108": ((table(indexes=11), table(index_size=500 * MEGABYTE)), (table(indexes=10), table(indexes=11, inserted=9_000))),
    "H109": ((table(updated=20_000, hot_updated=100),), (table(updated=20_000, hot_updated=9_000), table(updated=9_000))),
    "H110": (
        (index(size=400 * MEGABYTE, rows=1_000_000, width=8), index(size=200 * MEGABYTE, rows=900_000, width=24, partial=True)),
        (index(size=50 * MEGABYTE, rows=1_000_000, width=8), index(size=400 * MEGABYTE, rows=1_000_000), index(size=80 * MEGABYTE, rows=900_000, width=8),
         index(size=400 * MEGABYTE, rows=1_000_000, width=8, method="gin"), index(size=400 * MEGABYTE, rows=0, width=8),
         index(size=400 * MEGABYTE, rows=7_000_000, width=12), index(size=400 * MEGABYTE, rows=1_000_000, width=8, building=True)),
    ),
    "H111": (
        (index(method="gin", pending=300), replace(setting("gin_pending_list_limit", "65536"), indexes=(replace(BY_STATE, method="gin"),))),
        (index(method="gin", pending=127), index(method="gin"), index(pending=300),
         index(method="gin", pending=300, definition="CREATE INDEX i ON t USING gin (state) WITH (fastupdate='off')"),
         replace(setting("gin_pending_list_limit", "4096"), indexes=(replace(BY_STATE, method="gin"),))),
    ),
    "H201": (
        (table(scans=9_000, rows_scanned=9_000 * 50_000),),
        (table(scans=99, rows_scanned=99 * 50_000), table(scans=9_000, rows_scanned=9_000 * 10),
         table(scans=900, rows=900, rows_scanned=900 * 900), table(scans=900, rows_scanned=900 * 50_000)),
    ),
    "H202": ((table(dead=20_000),), (table(dead=9_000), table(dead=11_000, live=90_000))),
    "H203": (
        (table(changed_since_analyze=20_000), table(rows=-1)),
        (table(changed_since_analyze=9_000), table(changed_since_analyze=11_000, rows=200_000), table(rows=-1, live=10, inserted=10)),
    ),
    "H204": ((setting("autovacuum", "off"), table(autovacuum=False)), (WELL,)),
    "H205": ((table(visible_pages=100),), (table(visible_pages=100, index_scans=5), table(pages=9_000, visible_pages=0))),
    "H206": ((table(index_scans=0, inserted=0),), (table(index_scans=0), table(index_scans=0, inserted=0, size=8192))),
    "H208": (
        (table(width=1_200, rows_scanned=20_000_000), table(toast_size=600 * MEGABYTE, toast_blocks=30_000_000, rows_scanned=9_000_000)),
        (table(width=900, rows_scanned=20_000_000), table(width=1_200, rows_scanned=400_000), table(width=1_200, size=90 * MEGABYTE, rows_scanned=20_000_000),
         table(toast_size=600 * MEGABYTE, toast_blocks=900_000, rows_scanned=9), table(toast_size=9 * MEGABYTE, toast_blocks=30_000_000),
         table(toast_size=600 * MEGABYTE, toast_blocks=2_000_000, rows_fetched=3_000_000)),
    ),
    "H207": ((table(width=100),), (table(width=None), table(width=100, size=90 * MEGABYTE, index_size=0))),
    "H301": ((server(xid_age=LIMIT // 2), server(multixact_age=LIMIT)), (server(xid_age=200_000_000),)),
    "H302": ((sequence(1_200_000_000),), (sequence(900_000_000), sequence(1_200_000_000, most=2**63 - 1))),
    "H401": ((server(reads=5_000_000),), (server(reads=5_000_000, neon=True), server(hits=10, reads=90))),
    "H402": ((server(temp_bytes=60 * 2**30),), (server(temp_bytes=20 * 2**30),)),
    "H403": ((server(checkpoints_requested=80, checkpoints_timed=20),), (server(checkpoints_requested=80, checkpoints_timed=90),)),
    "H404": ((setting("random_page_cost", "4"),), (replace(setting("random_page_cost", "4"), server=replace(GOOD, neon=True)),)),
    "H501": ((server(connections=85),), (server(connections=70),)),
    "H502": ((session(state="idle in transaction", state_seconds=90),), (session(state="idle in transaction", state_seconds=5), session(state="idle", state_seconds=900))),
    "H503": ((session(state="active", statement_seconds=90),), (session(state="idle", statement_seconds=90), session(state="active", statement_seconds=9))),
    "H504": ((session(state="active", blocked_by=(7,)),), (session(state="active"),)),
    "H505": ((session(state="active", snapshot_age=2_000_000), session(snapshot_age=5, transaction_seconds=4_000), server(prepared_seconds=9_000)),
             (session(snapshot_age=5, transaction_seconds=40), session(transaction_seconds=4_000), server(prepared_seconds=10))),
    "H506": ((setting("statement_timeout", "0"),), (WELL,)),
    "H507": ((server(deadlocks=40),), (server(deadlocks=3),)),
    "H601": ((slot(active=False),), (slot(active=True),)),
    "H602": ((replica(90),), (replica(3),)),
    "H603": ((server(archiving_fails=True),), (WELL,)),
    "H701": ((server(statements_schema=None), replace(WELL, evicted=7)), (WELL,)),
    "H702": ((statement(share=0.5, total=60_000, calls=10, mean=1),), (statement(share=0.2, total=60_000), statement(share=0.9, total=20))),
    "H703": ((statement(mean=30, calls=200),), (statement(mean=30, calls=20), statement(mean=3, calls=200))),
    "H704": ((statement(mean=6, calls=200, deviation=60),), (statement(mean=6, calls=200, deviation=6),)),
    "H705": ((statement(calls=20, rows=400_000),), (statement(calls=20, rows=4_000), statement("insert into orders select * from old", calls=20, rows=400_000))),
    "H706": ((statement(**SPILLING),), (statement(calls=10, spilled=100),)),
    "H707": (
        (replace(statement(calls=20_000_000, mean=0.1), statements_days=1.0),),
        (statement(calls=90_000, mean=0.1), replace(statement("select 1", calls=20_000_000, mean=0.1), statements_days=1.0),
         replace(statement("select * from orders where shop = $1 and day = $2", calls=20_000_000, mean=0.1), statements_days=1.0)),
    ),
    "H708": ((statement(calls=500, log_bytes=3 * 1024 * MEGABYTE),),
             (statement(calls=500, log_bytes=900 * MEGABYTE), statement(calls=9_000, log_bytes=3 * 1024 * MEGABYTE))),
    "H801": ((server(remote=True, encrypted=False),), (server(remote=True), server(encrypted=False))),
    "H802": ((server(superuser=True), server(bypasses_row_security=True)), (WELL,)),
    "H803": ((server(public_may_create=True),), (WELL,)),
}  # fmt: skip
RULES = [one for one in rules() if one.subject == "Health"]


def codes(health: Health) -> set[str]:
    return {one.code for one in judge(health).findings}


def test_a_healthy_server_is_silent() -> None:
    assert judge(WELL).findings == ()


def test_every_rule_has_figures_here() -> None:
    assert {one.rule.code for one in RULES} == set(EXAMPLES)


@pytest.mark.parametrize("code", EXAMPLES)
def test_bad_figures_are_found_and_near_misses_are_silent(code: str) -> None:
    bad, near = EXAMPLES[code]
    for health in bad:
        found = [one for one in judge(health).findings if one.code == code]
        assert found, health
        for one in found:
            assert one.message.endswith("."), one
            assert one.subject, one
            assert one.evidence.startswith(("observed", "estimated")), one
    for health in near:
        assert code not in codes(health), health


def test_a_finding_gets_graver_with_its_figures() -> None:
    assert [judge(sequence(last)).findings[0].severity for last in (1_200_000_000, 2_000_000_000)] == [
        "warning",
        "error",
    ]
    assert [judge(server(connections=taken)).findings[0].severity for taken in (85, 99)] == ["warning", "error"]


def test_an_invalid_index_with_a_valid_twin_is_dropped_and_one_without_is_built_anew() -> None:
    broken = replace(
        BY_STATE,
        identity="public.orders_state_1",
        valid=False,
        definition=BY_STATE.definition.replace("_state ON", "_state_1 ON"),
    )
    (twin,) = judge(replace(WELL, indexes=(BY_STATE, broken))).findings
    (alone,) = judge(replace(WELL, indexes=(broken,))).findings
    assert twin.fix == "drop index concurrently public.orders_state_1;"
    assert alone.fix == "reindex index concurrently public.orders_state_1;"
