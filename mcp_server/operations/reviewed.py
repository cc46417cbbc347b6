"""What a review by the rules becomes at the doors: a text that is short, its whole as a report, the same as data."""

from __future__ import annotations

from collections.abc import Mapping

from mcp_server.model.answer import Answer
from mcp_server.model.schema_review import SchemaReview, schema_review_data
from mcp_server.render.schema_review_text import is_long, render_schema_review
from mcp_server.world.runs import address, new_run


def answer_of(review: SchemaReview, kind: str, carried_out: Mapping[str, int]) -> Answer:
    """The answer. kind: what the report is called by, `schema`. carried_out: for the ledger."""
    whole = render_schema_review(review)
    reports = {f"{kind}-{new_run()}": whole} if is_long(review) else {}
    where = address(next(iter(reports))) if reports else ""
    return Answer(
        text=render_schema_review(review, where) if reports else whole,
        data={**schema_review_data(review), "report": where},
        verdict=review.verdict,
        findings=review.report.count("error"),
        reports=reports,
        carried_out=carried_out,
    )
