"""A shell command line -> the simple commands in it, with what each one reads. Standard library, Python 3.8 and newer.

Not a shell: quoting, operators, here-documents, substitutions, plain variables and `bash -c` are understood as far as it takes
to see which programs are started with which words. What cannot be read raises Unreadable.
"""

import os
import re
import shlex

from nested_commands import content, expand, nested_text

OPERATORS = ";&|()<>\n"
HEREDOC = re.compile(r"<<-?[ \t]*(?P<quote>['\"]?)(?P<word>[A-Za-z_]\w*)(?P=quote)")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
SUBSTITUTION = re.compile(r"\$\((?P<round>.*)\)|`(?P<tick>[^`]*)`", re.DOTALL)
KEYWORDS = {"if", "then", "elif", "else", "do", "while", "until", "!", "{", "}", "fi", "done"}
ANSI = re.compile(r"\$'((?:[^'\\]|\\.)*)'")
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|.)", re.DOTALL)
DEPTH = 6


class Unreadable(Exception):
    """The text is no command line that this can read."""


class Command:
    """One simple command. words: the program first. set: variables that hold for it. folder: where it runs.

    reads: what it gets on standard input, None when that is not known or nothing; fed: whether anything is fed to it;
    elsewhere: whether it runs in a container or on another machine (known once it was unwrapped).
    """

    def __init__(self, words, set_, folder):
        self.words = words
        self.set = set_
        self.folder = folder
        self.reads = None
        self.fed = False
        self.elsewhere = False

    @property
    def program(self):
        name = os.path.basename(self.words[0].strip("`")) if self.words else ""
        return name[:-4] if name.endswith(".exe") else name


def read(text, folder, variables, depth=0):
    """Every simple command of a text, those inside substitutions and nested shells too, in order."""
    if depth > DEPTH:
        raise Unreadable("shells within shells")
    text, bodies = _take_heredocs(text.replace("\\\r\n", "").replace("\\\n", ""), depth == 0)
    text = _without_comments(ANSI.sub(_plain_quotes, text))
    found, known, before = [], dict(variables), None
    for words, operator in _simple(text):
        command, redirects = _command(words, known, folder)
        _feed(command, redirects, bodies, before)
        for inner in _substitutions(words):
            found.extend(read(inner, folder, known, depth + 1))
        if not command.words:
            known.update(command.set)
        elif command.program == "export":
            known.update(word.split("=", 1) for word in command.words[1:] if ASSIGNMENT.match(word))
        elif command.program == "cd" and len(command.words) > 1:
            folder = os.path.join(folder, os.path.expanduser(command.words[1]))
        nested = nested_text(command)
        found.extend([command] if nested is None else read(nested, folder, {**known, **command.set}, depth + 1))
        before = command if operator in ("|", "|&") else None
    return found


def _take_heredocs(text, is_whole):
    """The text without comment lines and bodies of here-documents, and those bodies in order.

    Raises Unreadable when one does not end in a text that is whole.
    """
    bodies, kept, waiting, body = [], [], [], []
    for line in text.split("\n"):
        if waiting and line.strip() == waiting[0]:
            bodies.append("\n".join(body))
            waiting, body = waiting[1:], []
        elif waiting:
            body.append(line)
        elif not line.lstrip().startswith("#"):
            kept.append(line)
            waiting = [match.group("word") for match in HEREDOC.finditer(line)]
    if waiting and is_whole:
        raise Unreadable("a here-document does not end")
    return "\n".join(kept), bodies


def _plain_quotes(match):
    """The shell's own quotes (with escapes) as plain ones."""
    return shlex.quote(ESCAPE.sub(_unescaped, match.group(1)))


def _unescaped(match):
    code = match.group(1)
    if code[0] in "xuU":
        return chr(min(int(code[1:], 16), 0x10FFFF))
    return chr(int(code, 8) & 0xFF) if code.isdigit() else {"n": "\n", "t": "\t", "r": "\r"}.get(code, code)


def _without_comments(text):
    """The text without what follows a # that begins a word outside quotes."""
    if "#" not in text:
        return text
    kept, quote, index = [], "", 0
    while index < len(text):
        sign = text[index]
        if sign == "\\" and quote != "'":
            kept.append(text[index : index + 2])
            index += 2
            continue
        if sign in "'\"" and quote in ("", sign):
            quote = "" if quote else sign
        elif sign == "#" and not quote and (not kept or kept[-1][-1] in " \t\n;&|()"):
            end = text.find("\n", index)
            index = len(text) if end < 0 else end
            continue
        kept.append(sign)
        index += 1
    return "".join(kept)


def _simple(text):
    """The words of each simple command, redirections included, and the operator after it."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=OPERATORS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    words = []
    try:
        for token in lexer:
            if token and not token.strip(OPERATORS) and not set(token) & set("<>"):
                yield words, token.strip("\n") or "\n"
                words = []
            else:
                words.append(token)
    except ValueError as error:
        raise Unreadable(str(error)) from None
    yield words, ""


def _command(words, known, folder):
    """A simple command without assignments, shell keywords and redirections; the redirections beside it."""
    plain, redirects, set_ = [], [], {}
    index = 0
    while index < len(words):
        word = words[index]
        if word and not word.strip(OPERATORS):
            redirects.append((word, words[index + 1] if index + 1 < len(words) else ""))
            index += 2
            continue
        if not plain and ASSIGNMENT.match(word):
            name, value = word.split("=", 1)
            set_[name.rstrip("+")] = value
        elif plain or word not in KEYWORDS:
            plain.append(word)
        index += 1
    return Command(_expanded(plain, known), {**known, **set_}, folder), redirects


def _expanded(words, known):
    """Words with the variables that are known; a program's word may become several."""
    words = [expand(word, known) if "$" in word else word for word in words]
    return [*words[0].split(), *words[1:]] if words and "=" not in words[0] else words


def _feed(command, redirects, bodies, before):
    """Say what a command reads: a here-document, a here-string, a file, or what the one before it prints."""
    for operator, word in redirects:
        if operator.startswith("<<<"):
            command.reads, command.fed = word, True
        elif operator.startswith("<<"):
            command.reads, command.fed = (bodies.pop(0) if bodies else ""), True
        elif operator == "<":
            command.reads, command.fed = content(word, command.folder), True
    if before is not None and not command.fed:
        command.reads, command.fed = printed(before), True


def printed(command):
    """What a command prints, where that can be told from its words; else None."""
    if command.program in ("echo", "printf"):
        return " ".join(word for word in command.words[1:] if word not in ("-e", "-n", "-E")).replace("\\n", "\n")
    if command.program == "cat":
        files = [word for word in command.words[1:] if not word.startswith("-")]
        texts = [content(name, command.folder) for name in files] if files else [command.reads]
        return None if None in texts else "\n".join(texts)
    return None


def _substitutions(words):
    split = any(word.count("`") == 1 for word in words)  # an unquoted one spans several words
    for word in [*words, " ".join(words)] if split else words:
        for match in SUBSTITUTION.finditer(word):
            yield match.group("round") if match.group("round") is not None else match.group("tick")
