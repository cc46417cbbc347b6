"""The pictures of a terminal in the README: every character shown as text, and kept to a size."""

from __future__ import annotations

from xml.etree import ElementTree

from scripts.pictures import COLUMNS, FOLDER, MOST, PICTURES, draw

TEXT = "{http://www.w3.org/2000/svg}text"


def shown(picture: str) -> list[str]:
    return [(one.text or "").replace("\N{NO-BREAK SPACE}", " ") for one in ElementTree.fromstring(picture).iter(TEXT)]


def test_what_a_command_printed_is_drawn_as_text_in_its_columns() -> None:
    lines = shown(draw("apply", "a <b> & 'c'\n  time  1.5\n\nend"))
    assert lines == ["$ dbarch apply", "a <b> & 'c'", "  time  1.5", "", "end"]


def test_a_long_line_is_wrapped_and_a_long_text_says_what_is_left_out() -> None:
    lines = shown(draw("apply", "\n".join(["word " * 60] * 30)))
    assert max(map(len, lines)) <= COLUMNS
    assert len(lines) == MOST + 1
    assert lines[-1].endswith("more lines")


def test_every_picture_that_the_script_makes_is_there_and_shows_its_command() -> None:
    assert {file.stem for file in FOLDER.glob("*.svg")} == {picture.name for picture in PICTURES}
    for picture in PICTURES:
        text = " ".join(" ".join(shown((FOLDER / f"{picture.name}.svg").read_text())).split())
        assert f"$ dbarch {' '.join(picture.command.split())}" in text
