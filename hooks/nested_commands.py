"""What a command starts in its turn: the program behind `env` or `uv run`, the script of a shell, the recipe of a target.

Standard library, Python 3.8 and newer.
"""

import os
import re

from task_files import recipe_of

SHELLS = {"bash", "sh", "zsh", "dash", "ksh", "fish", "su", "runuser", "ash"}
# These start the program that follows, after options of their own.
WRAPPERS = {
    "env", "sudo", "doas", "nohup", "nice", "ionice", "command", "exec", "builtin", "xargs", "timeout", "stdbuf", "watch", "setsid",
    "uv", "uvx", "poetry", "pdm", "pipenv", "pipx", "rye", "hatch", "conda", "mamba", "pixi", "docker", "docker-compose", "podman",
    "kubectl", "doppler", "dotenv", "op", "direnv", "mise", "heroku", "fly", "flyctl", "railway", "strace", "script", "caffeinate",
    "npx", "bunx", "pnpx", "parallel", "entr", "time", "coproc", "chroot", "unbuffer", "ltrace", "screen", "busybox", "gosu",
}  # fmt: skip
# Behind these, "localhost" is another machine, and the variables set here do not hold.
ELSEWHERE = {"docker", "docker-compose", "podman", "kubectl", "heroku", "fly", "flyctl", "railway", "chroot"}
RUN_SCRIPTS = {"uv", "uvx", "poetry", "pdm", "pipenv", "rye", "hatch", "pixi", "sudo", "env", "timeout", "nohup"}
PYTHON = re.compile(r"(?:i?python|pypy|py(?=$|\.exe$))[\d.]*(?:\.exe)?$")
STARTED = {
    "dbarch", "ssh", "alembic", "alembic.exe", "psql", "pgcli", "usql", "flask", "dropdb", "createdb", "dropuser", "createuser",
    "pg_restore", "reindexdb", "clusterdb", "vacuumdb", "pgbench", "eval", "env", "neonctl", "neon", "make", "just",
}  # fmt: skip
WITH_VALUE = {"-o", "+o", "-O", "+O", "--rcfile", "--init-file"}
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")


def content(name, folder):
    """The text of a file, None when it cannot be read or is large."""
    if name == os.devnull:
        return ""
    try:
        path = os.path.join(folder, os.path.expanduser(name))
        if os.path.getsize(path) > 2_000_000 or not os.path.isfile(path):
            return None
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def expand(word, variables):
    """A word with its plain variables replaced by their values, where they are known."""
    return re.sub(r"\$\{?(\w+)\}?", lambda match: variables.get(match.group(1), match.group(0)), word)


def nested_text(command):
    """The script that a command hands to another shell, None when it does not."""
    words = unwrapped(command)
    name = os.path.basename(words[0]) if words else ""
    if name == "eval":
        return " ".join(words[1:])
    if name == "ssh":
        return " ".join(words[2:])
    if name == "env" or command.program == "env":
        split = _split_string(command.words)
        if split:
            return split
    if name in ("source", ".") and len(words) > 1:
        return content(words[1], command.folder)
    if name in SHELLS:
        return _of_shell(name, words, command)
    return recipe_of(words, command.folder) or _own_script(words, command.folder)


def _of_shell(name, words, command):
    """What a shell is given to run: the text after -c, a script, what it reads."""
    following = iter(words[1:])
    is_text = False
    for word in following:
        if word in WITH_VALUE or re.match(r"-[a-zA-Z]*o$", word):
            is_text = is_text or "c" in word
            next(following, "")
        elif word.startswith("-") and not word.startswith("--"):
            is_text = is_text or "c" in word
        elif is_text:
            return _evaluated(word, command)
        elif not word.startswith(("-", "+")) and name not in ("su", "runuser"):
            return content(word, command.folder)
    return command.reads


def _evaluated(text, command):
    """A text that is one substitution as what that prints, where it can be told."""
    match = re.match(r"\s*(?:\$\(\s*(.*?)\s*\)|`\s*(.*?)\s*`)\s*$", text, re.DOTALL)
    inner = (match.group(1) or match.group(2) or "") if match else ""
    verb, _, rest = inner.partition(" ")
    if verb in ("echo", "printf"):
        return rest.strip("'\"")
    return (content(rest.strip(), command.folder) or text) if verb == "cat" else text


def _split_string(words):
    """What `env -S` takes apart into a command."""
    for index, word in enumerate(words):
        if word in ("-S", "--split-string"):
            return " ".join(words[index + 1 :])
        if word.startswith(("-S", "--split-string=")):
            return " ".join([word.partition("=")[2] if word.startswith("--") else word[2:], *words[index + 1 :]])
    return ""


def _own_script(words, folder):
    """The text of a shell script that is started by its own name."""
    if not words or not ("/" in words[0] or words[0].endswith(".sh")) or words[0].endswith(".py"):
        return None
    text = content(words[0], folder)
    first = (text or "").split("\n", 1)[0]
    is_shell = words[0].endswith(".sh") or (first.startswith("#!") and re.search(r"\b(?:ba|z|da|k)?sh\b", first))
    return text if is_shell else None


def unwrapped(command):
    """The words from the program that is really started: what stands behind env, sudo, `uv run` and their like."""
    words = list(command.words)
    if words[:3] == ["git", "bisect", "run"]:
        words = words[3:]
    if words[:1] == ["find"]:
        at = next((i for i, word in enumerate(words) if word in ("-exec", "-execdir", "-ok", "-okdir")), len(words))
        words = words[at + 1 :] or words
    while words and os.path.basename(words[0]) in WRAPPERS:
        rest = words[1:]
        wrapper = os.path.basename(words[0])
        start = next((i for i, word in enumerate(rest) if _starts(word, wrapper)), None)
        if start is None:
            return words
        for word in rest[:start]:
            if ASSIGNMENT.match(word):
                name, value = word.split("=", 1)
                command.set[name] = value
        command.elsewhere = command.elsewhere or wrapper in ELSEWHERE
        words = rest[start:]
        if wrapper in RUN_SCRIPTS and (words[0].endswith(".py") or words[0] == "-"):
            words = ["python", *words]
    return words


def _starts(word, wrapper):
    """Whether a word is a program that matters here, or one that starts another."""
    name = os.path.basename(word).rpartition(":")[2]
    if wrapper in RUN_SCRIPTS and (word.endswith(".py") or word == "-"):
        return True
    return (
        name in STARTED
        or name in SHELLS
        or name in WRAPPERS - {"op", "script", "fly", "env", "time", "watch", "screen"}
        or bool(PYTHON.match(name))
    )
