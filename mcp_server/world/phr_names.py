"""The names of record files: `<id>-<slug>.<stage>.prompt.md`."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

SUFFIX = ".prompt.md"
NUMBERED = re.compile(r"(?i)(?:PHR-)?(\d+)-(.*)\.md\Z", re.ASCII)
WIDTH = 4
# Longer numbers are dates and times.
LONGEST_NUMBER = 6
LONGEST_SLUG = 60
# A file's name has at most 255 bytes, and number, stage and ending need their part.
LONGEST_SLUG_BYTES = 150
# Letters that do not decompose into an ASCII letter and a mark.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"})


def file_name(number: str, title: str, stage: str) -> str:
    """The name of a record's file."""
    return f"{number}-{slug(title)}.{stage}{SUFFIX}"


def number_of(name: str) -> int:
    """The number that a file's name begins with, -1 when there is none."""
    found = NUMBERED.match(name)
    return int(found[1]) if found and len(found[1]) <= LONGEST_NUMBER else -1


def next_id(names: Iterator[str]) -> str:
    """The number after the highest, as wide as most are; 0001 in an empty folder.

    `3-x`, `003-x`, `0003-x` and `PHR-0003-x` all count. Timestamps do not.
    """
    digits = [found[1] for name in names if (found := NUMBERED.match(name)) and len(found[1]) <= LONGEST_NUMBER]
    widths = Counter(map(len, digits))
    width = max(widths, key=lambda width: (widths[width], width)) if widths else WIDTH
    return str(max(map(int, digits), default=0) + 1).zfill(width)


def slug(title: str) -> str:
    """A title as part of a file's name, for every system: `Ünïcode — Títle` is `unicode-title`.

    Latin letters lose their marks, other letters stay, anything else is a hyphen. Never empty. Cut after a word.
    """
    short = ""
    for word in _words(title):
        longer = f"{short}-{word}" if short else _cut(word)
        if longer != _cut(longer):
            break
        short = longer
    return short or "untitled"


def _words(title: str) -> Iterator[str]:
    kept: list[str] = []
    for character in unicodedata.normalize("NFC", title.casefold()).translate(_LETTERS):
        plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode().lower()
        kind = unicodedata.category(character)
        if any(part.isalnum() for part in plain):
            kept.append(re.sub(r"[^a-z0-9]", "-", plain))
        elif kind[0] in "LN" or (kind[0] == "M" and kept and not kept[-1].isascii()):
            kept.append(character)
        elif kind not in ("Cf", "Mn"):
            kept.append("-")
    return (word for word in "".join(kept).split("-") if word)


def _cut(word: str) -> str:
    return word[:LONGEST_SLUG].encode()[:LONGEST_SLUG_BYTES].decode("utf-8", "ignore")
