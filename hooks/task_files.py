"""What a task runner would run: the recipe of a make or just target, of a script in package.json or pyproject.toml.

Read as text, without running the runner: variables of the file that are plain are filled in, what else a runner can do
(includes, functions, conditions) is not. Standard library, Python 3.8 and newer.
"""

import json
import os
import re

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
JUSTFILES = ("justfile", "Justfile", ".justfile")
NODE = ("npm", "pnpm", "yarn", "bun")
TOML = ("poe", "pdm", "hatch", "pixi", "task", "rye", "uv", "poetry")
WITH_VALUE = (
    "-f",
    "--file",
    "--makefile",
    "-C",
    "--directory",
    "-I",
    "-o",
    "-W",
    "--justfile",
    "-d",
    "--cwd",
    "--prefix",
)
LONGEST = 300_000
MOST = 200


def recipe_of(words, folder):
    """The shell text that a runner's words start, None when there is none to be found."""
    name = os.path.basename(words[0]) if words else ""
    if name in ("make", "gmake", "just"):
        return _of_rules(words[1:], folder, JUSTFILES if name == "just" else MAKEFILES)
    if name in NODE:
        return _of_package(words[1:], folder)
    return _of_toml(words[1:], folder) if name in TOML else None


def _read(folder, *names):
    for name in names:
        path = os.path.join(folder, name)
        try:
            if os.path.isfile(path) and os.path.getsize(path) <= LONGEST:
                with open(path, encoding="utf-8", errors="replace") as file:
                    return file.read()
        except OSError:
            continue
    return ""


def _split(words):
    """The plain words of a call, and the values of the options that name a file or a folder."""
    plain, options = [], {}
    following = iter(words)
    for word in following:
        name, sign, value = word.partition("=")
        if word in WITH_VALUE:
            options[word] = next(following, "")
        elif sign and name in WITH_VALUE:
            options[name] = value
        elif not word.startswith("-"):
            plain.append(word)
    return plain, options


def _of_rules(words, folder, names):
    """The recipes of make's targets, those that they need first; the first target when none is named."""
    if {"-n", "--dry-run", "--just-print", "--list", "-l", "--version", "--help"} & set(words):
        return None
    plain, options = _split(words)
    folder = os.path.join(folder, options.get("-C") or options.get("--directory") or "")
    named = options.get("-f") or options.get("--file") or options.get("--makefile") or options.get("--justfile")
    text = _read(folder, *((named,) if named else names)).replace("\\\n", " ")
    if not text:
        return None
    variables = {"MAKE": "make", **dict(re.findall(r"(?m)^(\w+)[ \t]*[:?+]{0,3}=[ \t]*(.*?)[ \t]*$", text))}
    variables.update(word.split("=", 1) for word in plain if "=" in word)
    rules = _rules(text)
    targets = [word for word in plain if "=" not in word] or [name for name in rules if not name.startswith(".")][:1]
    seen = set()
    lines = [line for target in targets for line in _recipe(target, rules, seen)]
    return "\n".join(_filled(line, variables) for line in lines)


def _rules(text):
    """Target -> (what it needs, the lines of its recipe)."""
    rules, current = {}, []
    for line in text.split("\n"):
        match = re.match(r"@?([\w./%: \t-]+?)((?:\s+[+*]?\w+(?:=\S+)?)*)\s*:(?![=:])([^=].*)?$", line)
        if line[:1] in (" ", "\t"):
            for name in current:
                rules[name][1].append(line.strip().lstrip("@-+ "))
        elif match:
            needs, _, inline = (match.group(3) or "").partition(";")
            current = match.group(1).split()[:50]
            for name in current:
                known = rules.setdefault(name, ([], []))
                known[0].extend(needs.split("#")[0].split())
                known[1].extend([inline.strip().lstrip("@-+ ")] if inline else [])
        elif line.strip() and not line.startswith("#"):
            current = []
    return rules


def _recipe(target, rules, seen):
    """The lines for a target: those of what it needs, then its own; each target once, as make does it."""
    if target in seen or target not in rules or len(seen) > MOST:
        return
    seen.add(target)
    needs, lines = rules[target]
    for need in needs:
        yield from _recipe(need, rules, seen)
    yield from lines


def _filled(line, variables):
    for _ in range(3):
        line = re.sub(
            r"\$[({](\w+)[)}]|\{\{\s*(\w+)\s*\}\}", lambda m: variables.get(m.group(1) or m.group(2), ""), line
        )
    return line.replace("$$", "$")


def _of_package(words, folder):
    """A script of package.json, with those that run before and after it."""
    plain, options = _split(words)
    plain = plain[1:] if plain[:1] in (["run"], ["run-script"]) else plain
    folder = os.path.join(folder, options.get("--prefix") or options.get("-C") or options.get("--cwd") or "")
    try:
        scripts = json.loads(_read(folder, "package.json") or "{}").get("scripts") or {}
        found = [scripts.get(prefix + plain[0]) for prefix in ("pre", "", "post")] if plain else []
    except (ValueError, AttributeError):
        return None
    return "\n".join(text for text in found if isinstance(text, str)) or None


def _of_toml(words, folder):
    """A task that pyproject.toml or pixi.toml spells on one line; the first word that is one."""
    plain, _ = _split(words)
    text = _read(folder, "pyproject.toml") + "\n" + _read(folder, "pixi.toml")
    for word in [word.rpartition(":")[2] for word in plain[:3]]:
        pattern = rf"(?m)^[ \t]*[\"']?{re.escape(word)}[\"']?\s*=\s*(?:\{{.*?\b(?:cmd|shell)\s*=\s*)?([\"'])(.*?)\1"
        match = re.search(pattern, text)
        if match and " " in match.group(2):
            return match.group(2)
    return None
