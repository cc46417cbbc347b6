"""Advice on indexes as text and as data: the verdict first, then what to make, what was struck, and the next step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp_server.model.candidate import Accepted, Advice, Timing
from mcp_server.model.workload import Query, Workload
from mcp_server.render.index_model import model_index
from mcp_server.render.words import count, one_line

SHOWN, STRUCK_SHOWN, LINE = 40, 8, 110
MB = 1024 * 1024


def advice_verdict(advice: Advice) -> str:
    """One sentence: how many indexes, and what they save."""
    how = "measured" if advice.proven else "estimated"
    if not advice.accepted and advice.is_cut:
        return f"No index that pays was found before time was up ({how}): give more seconds."
    if not advice.accepted:
        return f"No new index pays ({how})."
    before, after = (sum(getattr(one, side) for one in advice.timings) for side in ("before", "after"))
    size = sum(one.size for one in advice.accepted) / MB
    saved = 100 * (1 - after / before) if before else 0.0
    many = "index" if len(advice.accepted) == 1 else "indexes"
    unit = (
        f"{_number(before)} -> {_number(after)} ms"
        if advice.proven
        else f"planner's cost {before:,.0f} -> {after:,.0f}"
    )
    return f"{len(advice.accepted)} new {many} of {size:.1f} MB save {saved:.0f} % of the workload, {how} ({unit})."


def render_advice(
    advice: Advice, workload: Workload, queries: Sequence[Query], budget: int, names: Sequence[str]
) -> str:
    """The whole answer."""
    texts = {one.name: f"(its reading) {one.text}" if one.is_reading else one.text for one in queries}
    lines = [advice_verdict(advice), *_slower(advice), ""]
    lines += _table(advice, names)
    lines += ["", *_statements(advice, texts)]
    lines += _struck(advice)
    lines += _dropping(advice)
    lines += [
        f"Workload: {count(len(queries), 'statement')} of {workload.origin}; budget {budget / MB:,.0f} MB.",
        *workload.notes,
    ]
    lines += [f"- {one}" for one in advice.notes]
    if advice.is_cut:
        lines.append("Time was up before all candidates were tried: more seconds may find better.")
    lines.append(_how(advice))
    return "\n".join(lines)


def _slower(advice: Advice) -> list[str]:
    slower = [one for one in advice.timings if one.slower]
    return [f"SLOWER with them: {', '.join(_timing(one, advice) for one in slower[:5])}."] if slower else []


def _table(advice: Advice, names: Sequence[str]) -> list[str]:
    lines = []
    for place, one in enumerate(advice.accepted[:SHOWN], 1):
        lines.append(f"{place}. {one.candidate.short}")
        lines.append(f"   for {one.reason or 'the whole'}; {_figures(one)}")
        lines.append(f"   model: {model_index(one.candidate, names[place - 1])}")
    if len(advice.accepted) > SHOWN:
        lines.append(f"(showing {SHOWN} of {len(advice.accepted)}; format=json has all)")
    return lines


def _figures(one: Accepted) -> str:
    told = [f"{one.size / MB:.1f} MB {'' if one.measured else '(predicted)'}".strip()]
    if one.build_ms is not None:
        told.append(f"built in {one.build_ms / 1000:.1f} s")
    if one.write_ms is not None:
        told.append(f"+{one.write_ms:.1f} ms for 1,000 rows inserted")
    return ", ".join(told)


def _statements(advice: Advice, texts: dict[str, str]) -> list[str]:
    """Each statement before and after, those that gain most first."""
    gaining = sorted(advice.timings, key=lambda one: one.after - one.before)
    unit = "ms, measured" if advice.proven else "planner's cost, estimated"
    lines = [f"Statements before -> after ({unit}):"]
    for one in gaining[:SHOWN]:
        by = f" by {', '.join(str(place) for place in one.used)}" if one.used else ""
        lines.append(f"  {_timing(one, advice)}{by}: {one_line(' '.join(texts.get(one.query, '').split()), LINE)}")
    if len(gaining) > SHOWN:
        lines.append(f"  (showing {SHOWN} of {len(gaining)})")
    return lines


def _timing(one: Timing, advice: Advice) -> str:
    times = f" ({one.speedup:,.1f}x)" if abs(one.speedup - 1) >= 0.05 else ""
    return f"{one.query} {_number(one.before)} -> {_number(one.after)}{' ms' if advice.proven else ''}{times}"


def _struck(advice: Advice) -> list[str]:
    lines = ["Struck:"] * bool(advice.struck)
    lines += [f"  {one.candidate.short}: {one_line(one.reason, LINE)}" for one in advice.struck[:STRUCK_SHOWN]]
    if len(advice.struck) > STRUCK_SHOWN:
        lines.append(f"  (showing {STRUCK_SHOWN} of {len(advice.struck)}; format=json has all)")
    if advice.outdone:
        lines.append(
            f"{advice.outdone} more were built, and those above served the measured times better within the budget."
        )
    return lines


def _dropping(advice: Advice) -> list[str]:
    """Existing indexes that could go; not part of the migration, for other workloads may want them."""
    if not advice.dropping:
        return []
    lines = ["Could go (not part of the migration; take it from the models, then autogenerate_migration):"]
    for one in advice.dropping[:STRUCK_SHOWN]:
        size = f", {one.size / MB:.1f} MB" if one.size is not None else ""
        lines.append(f"  {one.name}{size}: {one.reason}")
    if len(advice.dropping) > STRUCK_SHOWN:
        lines.append(f"  (showing {STRUCK_SHOWN} of {len(advice.dropping)}; format=json has all)")
    return lines


def _how(advice: Advice) -> str:
    asked = f"{advice.asked:,} plans asked"
    values = max((one.values for one in advice.timings), default=1)
    sets = f", each statement with up to {values} sets of values" if values > 1 else ""
    ran = (
        f", {advice.runs:,} runs measured on a copy with the rows (no parallel workers{sets})" if advice.proven else ""
    )
    return f"How: {asked}{ran}, {advice.seconds:.0f} s."


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def advice_data(
    advice: Advice, workload: Workload, queries: Sequence[Query], budget: int, names: Sequence[str]
) -> dict[str, Any]:
    """The same for programs."""
    return {
        "verdict": advice_verdict(advice),
        "proven": advice.proven,
        "unit": "ms" if advice.proven else "planner cost",
        "origin": workload.origin,
        "budget_bytes": budget,
        "indexes": [
            {
                "statement": one.candidate.statement(name),
                "model": model_index(one.candidate, name),
                "bytes": one.size,
                "size_measured": one.measured,
                "serves": one.reason,
                "build_ms": one.build_ms,
                "write_ms_per_1000_rows": one.write_ms,
            }
            for one, name in zip(advice.accepted, names, strict=True)
        ],
        "statements": _timed(advice, queries),
        "struck": [{"index": one.candidate.short, "reason": one.reason} for one in advice.struck],
        "time_was_up": advice.is_cut,
        "built_and_outdone": advice.outdone,
        "could_go": [{"index": one.name, "bytes": one.size, "reason": one.reason} for one in advice.dropping],
        "notes": [*workload.notes, *advice.notes],
        "plans_asked": advice.asked,
        "runs": advice.runs,
        "seconds": round(advice.seconds, 1),
    }


def _timed(advice: Advice, queries: Sequence[Query]) -> list[dict[str, Any]]:
    texts = {one.name: one.text for one in queries}
    return [
        {"name": one.query, "sql": texts[one.query], "before": one.before, "after": one.after, "uses": list(one.used)}
        for one in advice.timings
    ]
