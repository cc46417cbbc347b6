"""Values become one HTML page that needs nothing else: no network, no second file. The only door of jinja2.

Templates are `templates/<name>.html.j2`; they extend `page.html.j2`, which brings the frame, the style of light and dark,
and a content policy under which a page can load nothing. Whatever a template shows is escaped.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = "templates"


def page(template: str, **values: object) -> str:
    """The page of `templates/<template>.html.j2`, filled with `values`; a value that the template misses is an error."""
    return _environment().get_template(f"{template}.html.j2").render(**values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(__package__, FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
