"""What the hooks share: how an event comes in and an answer goes out, and the text of a file. Standard library, Python 3.8 and newer."""

import json
import os
import sys

LARGEST = 2_000_000


def run(decide):
    """Print what `decide` says of the event on stdin. What is no event, and a fault of ours, must not stop the user's work."""
    try:
        decision = decide(json.loads(sys.stdin.buffer.read()))
    except Exception:  # noqa: BLE001 - said above
        decision = None
    if decision is not None:
        print(json.dumps(decision))


def folder_of(event):
    """The folder that an event speaks of."""
    return event.get("cwd") if isinstance(event.get("cwd"), str) else os.getcwd()


def text(path):
    """The text of a file, "" when there is none, or it is large or cannot be read."""
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
