"""Names in Python: of classes, attributes, relationships and members of enums."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

from mcp_server.model.spec import alike
from mcp_server.model.spec_table import SpecTable

# What the module itself binds, and what SQLModel, pydantic and SQLAlchemy have on their classes.
_TAKEN = frozenset(
    """Any BaseModel Decimal Enum Field Flag Literal Optional Relationship SQLModel StrEnum UTC UUID date datetime time
    timedelta timezone uuid4 postgresql sa None True False""".split()  # noqa: SIM905
)
_OF_MODELS = frozenset(
    """metadata registry schema schema_json json dict copy construct validate fields parse_obj parse_raw parse_file from_orm
    update_forward_refs sqlmodel_update model_config model_fields""".split()  # noqa: SIM905
)
# Names that the module needs while a class body is read: an attribute of that name would hide them from the lines below it.
_OF_MODULE = frozenset(
    """sa postgresql date datetime time timedelta uuid4 utc_now utc_naive_now values_of list dict str int bool float
    bytes""".split()  # noqa: SIM905
)
_ODD = {
    "shelves": "shelf", "halves": "half", "leaves": "leaf", "knives": "knife", "lives": "life", "people": "person",
    "children": "child", "men": "man", "women": "woman", "series": "series", "species": "species", "news": "news",
}  # fmt: skip
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def class_name(table: SpecTable | None, name: str, taken: Iterable[str]) -> str:
    """`Task` for tasks: as the spec calls its rows, else in the singular."""
    entity = (
        next((one.name for one in table.stated if re.fullmatch(r"[A-Z][A-Za-z0-9]*", one.name)), "") if table else ""
    )
    entity = entity if alike(entity) == alike(name) and "_" not in entity else ""
    found = entity or "".join(word.capitalize() for word in _WORDS.findall(singular(name))) or "Row"
    found = found if found.isidentifier() else f"Table{found}"
    return free(
        f"{found}Row" if found in _TAKEN or keyword.iskeyword(found) or hasattr(builtins, found) else found,
        taken,
        "Row",
    )


def singular(name: str) -> str:
    """The last word of a name in the singular: task_tags gives task_tag, categories category."""
    first, underscore, last = name.rpartition("_")
    if last.lower() in _ODD:
        return f"{first}{underscore}{_ODD[last.lower()]}"
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("uses", "us")):
        if name.lower().endswith(ending) and len(name) > len(ending) + 1:
            return name[: -len(ending)] + rest
    return name[:-1] if name.endswith("s") and not name.endswith(("ss", "us", "is", "news")) and len(name) > 2 else name


def plural(name: str) -> str:
    """A name for several: task gives tasks, category categories."""
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return (
        name
        if name.endswith("s") and not name.endswith(("ss", "us", "is"))
        else name + ("es" if name.endswith(("s", "x", "ch", "sh")) else "s")
    )


def snake(name: str) -> str:
    """`TaskTag` and `taskTag` as task_tag."""
    return "_".join(word.lower() for word in _WORDS.findall(name)) or "row"


def attribute_name(column: str, taken: Iterable[str] = ()) -> str:
    """The attribute of a column: its own name, changed only where Python or SQLModel needs that name itself."""
    name = _identifier(column).lstrip("_") or "column"
    name = f"column_{name}" if name[0].isdigit() else name
    clash = keyword.iskeyword(name) or name in _OF_MODELS or name in _OF_MODULE or name.startswith("model_")
    return free(f"{name}_" if clash else name, taken, "_")


def member_name(value: str, taken: Iterable[str]) -> str:
    """The member of an enum for a value: `in-progress` gives IN_PROGRESS."""
    name = re.sub("__+", "_", _identifier(value)).strip("_").upper() or "EMPTY"
    return free(f"VALUE_{name}" if name[0].isdigit() else name, taken, "_")


def _identifier(text: str) -> str:
    """The text as an identifier but for digits in front, in ASCII alone where Python does not take its letters."""
    name = re.sub(r"\W", "_", text)
    return name if f"_{name}".isidentifier() else re.sub(r"[^0-9A-Za-z_]", "_", text)


def free(name: str, taken: Iterable[str], ending: str) -> str:
    """A name that is not taken."""
    used = frozenset(taken)
    while name in used:
        name += ending
    return name
