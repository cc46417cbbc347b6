"""The frame of every HTML page that is written."""

from __future__ import annotations

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from mcp_server.render.html import page


def test_a_page_shows_what_it_is_given_as_text_and_never_as_markup() -> None:
    assert "<title>&lt;script&gt;orders</title>" in page("page", title="<script>orders")


def test_a_page_may_load_nothing_from_anywhere() -> None:
    assert "default-src 'none'" in page("page", title="orders")


def test_a_value_that_a_template_misses_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="title"):
        page("page")


def test_there_is_no_page_without_a_template() -> None:
    with pytest.raises(TemplateNotFound):
        page("no such page", title="orders")
