"""The one redactor: every message, log line, record and error passes it before it leaves the process.

Two nets. Known secrets (the password of the configured database, say) are found in every spelling that
drivers, URLs, JSON, SQL and ini files give them. Unknown ones are found by their shape: passwords in URLs
and connection strings, tokens of known issuers, JWTs, private keys. All patterns take linear time.
Redact first and cut to length afterwards: half a secret has no shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

HIDDEN = "***"

# Passwords of tutorials and containers: hidden where they stand as a password, but not in running text.
_WORDS = frozenset((
    "admin", "changeme", "database", "default", "demo", "development", "docker", "example", "guest", "local",
    "localhost", "master", "neon", "neondb", "passw0rd", "password", "pass", "passwd", "postgres", "postgresql",
    "public", "root", "sample", "secret", "server", "test", "testing", "tester", "user", "username",
))  # fmt: skip


class Redactor:
    """Hides known secrets and whatever looks like one.

    >>> Redactor(["p@ss/word"]).redact("could not log in with p%40ss%2Fword")
    'could not log in with ***'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: dict[str, re.Pattern[str] | None] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> bool:
        """Hide this secret from now on. False when it is too plain to be searched in running text.

        Too plain: under four characters, digits only and under eight, or a word of every tutorial ("postgres").
        """
        forms = {secret, secret.strip(), unquote(secret), unquote_plus(secret)}
        found = {form for form in forms if not _too_plain(form)}
        longest_first = sorted(found | self._known.keys(), key=len, reverse=True)
        self._known = {form: self._known.get(form) for form in longest_first}
        return bool(found)

    def add_url(self, url: str) -> bool:
        """Hide the passwords of a URL, unless they are also the role's or the database's name."""
        try:
            parts = urlsplit(url.strip().removeprefix("psql ").strip(" '\""))
            passwords = [parts.password or "", *(word for key, word in parse_qsl(parts.query) if "password" in key)]
        except ValueError:
            return self.add(url)
        # Neon takes `endpoint=<id>;<password>` from clients that cannot name the host in TLS.
        passwords += [
            re.split("[;$]", unquote(word), maxsplit=1)[1]
            for word in passwords
            if re.match(r"(?:endpoint|project)=[\w-]+[;$]", unquote(word))
        ]
        names = {unquote(parts.username or ""), unquote(parts.path.lstrip("/"))}
        hidden = [self.add(password) for password in passwords if unquote(password) not in names]
        return any(hidden)

    def redact(self, text: str) -> str:
        """The text with `***` in place of every secret."""
        while True:
            hidden = redact(self._hide_known(text))
            # Only a secret that holds asterisks can be put together anew by the replacement.
            if hidden == text or not any("*" in form for form in self._known):
                return hidden
            text = hidden

    def _hide_known(self, text: str) -> str:
        for form, pattern in self._known.items():
            if pattern is None:
                pattern = self._known[form] = re.compile(_spelling(form))
            text = pattern.sub(HIDDEN, text)
        return text

    def redact_data(self, value: object) -> object:
        """The same for JSON-able data: every string, and whole values under keys such as `password`."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {
                self.redact(str(key)): HIDDEN if _is_hidden_under(str(key), item) else self.redact_data(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self.redact_data(item) for item in value]
        return value


def redact(text: str) -> str:
    """The text without what looks like a secret. For secrets that are known, use a Redactor."""
    if "://" in text:
        text = _hide_url_passwords(text)
    if "%2F%2F" in text or "%2f%2f" in text:
        text = _ENCODED_URL.sub(lambda found: f"{found[1]}{HIDDEN}{found[3]}" if found[3] else found[0], text)
    text = _PRIVATE_KEY.sub(f"-----{HIDDEN} private key {HIDDEN}-----", text)
    lower = text.lower()
    if any(word in lower for word in _KEY_WORDS):
        text = _SQL_PASSWORD.sub(rf"\1'{HIDDEN}'", _PAIR.sub(_hide_value, text))
    if "authorization" in lower or "bearer" in lower:
        text = _AUTHORIZATION.sub(rf"\1{HIDDEN}", text)
    text = _TOKEN.sub(lambda found: next(filter(found[0].startswith, _SHAPES)) + HIDDEN, text)
    return _PASSFILE_LINE.sub(rf"\1{HIDDEN}", text) if _PASSFILE_PORT.search(text) else text


def _too_plain(secret: str) -> bool:
    plain = secret.strip().lower()
    return len(plain) < 4 or (plain.isdecimal() and len(plain) < 8) or plain in _WORDS or not plain.strip("*")


def _spelling(secret: str) -> str:
    """A pattern for the secret in which each character may stand raw, percent-encoded or escaped."""
    runs = ((character, len(list(run))) for character, run in groupby(secret))
    return "".join(_spelling_of_run(character, count) for character, count in runs)


# Characters that escape others or themselves; a run of them has one quantifier, or matching would take for ever.
_ESCAPING = {"\\": r"(?:\\|%%?(?:25){{0,3}}5[cC]){{{0},{1}}}", "%": r"(?:%(?:25){{0,3}}){{{0},{2}}}",
             "'": r"(?:\\{{0,4}}'|%%?(?:25){{0,3}}27){{{0},{2}}}", '"': r'(?:\\{{0,4}}"|%%?(?:25){{0,3}}22){{{0},{2}}}'}  # fmt: skip


def _spelling_of_run(character: str, count: int) -> str:
    if character in _ESCAPING:
        return _ESCAPING[character].format(count, 8 * count, 2 * count)
    return _spelling_of(character) * count


def _spelling_of(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        return re.escape(character)  # half a character has no encoding but itself
    # %40; %2540 when a URL stands inside a URL; %%40 in ini files, where a percent sign is doubled.
    found = [re.escape(character), "".join(rf"%%?(?:25){{0,3}}{_hex(byte, 2)}" for byte in character.encode())]
    if not (character.isascii() and character.isalnum()):
        units = character.encode("utf-16-be")
        pairs = (units[at] << 8 | units[at + 1] for at in range(0, len(units), 2))
        found.append("".join(rf"\\\\{{0,3}}u{_hex(unit, 4)}" for unit in pairs))
        found.append(rf"\\\\{{0,3}}x{_hex(code, 2)}" if code < 0x100 else rf"\\\\{{0,3}}U{_hex(code, 8)}")
    if character in _ESCAPED:
        found.append(_ESCAPED[character])
    return f"(?:{'|'.join(found)})"


_ESCAPED = {" ": r"\+", "&": "&amp;", "<": "&lt;", ">": "&gt;"} | {
    character: rf"\\\\{{0,3}}{letter}" for character, letter in zip("/\n\r\t\b\f", "/nrtbf", strict=True)
}


def _hex(number: int, width: int) -> str:
    digits = f"{number:0{width}x}"
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


# scheme://user:password@host ------------------------------------------------------------------------------------

_SCHEME = re.compile(r"[A-Za-z0-9+.-]*\Z")
_DATABASE_SCHEME = re.compile(r"(?i)(?:postgres|mysql|maria|mongo|redis|amqp|mssql|cockroach)")
_USER = re.compile(r"[^\s:/\[\]]*+:")
_URL_END = re.compile(r"[\s\"'<>`]|\Z")
_PORT = re.compile(r"\d{1,5}+(?=[/?#,;.)\]}|\\]|\Z)")


def _hide_url_passwords(text: str) -> str:
    """A password ends at the last `@` of its URL: people forget to encode `/`, `#` and `@` in it."""
    starts = [(_scheme_start(text, found.start()), found.end()) for found in re.finditer("://", text)]
    kept: list[str] = []
    done, end, at = 0, -1, -1
    for index, (begin, after) in enumerate(starts):
        if begin < done:
            continue
        if after > end:
            found = _URL_END.search(text, after)
            end = found.start() if found else len(text)
        user = _USER.match(text, after, end)
        if user is None:
            continue
        piece_end = min(starts[index + 1][0], end) if index + 1 < len(starts) else end
        if at < user.end():
            at = text.find("@", user.end()) % (len(text) + 1)  # len(text) when there is none
        is_database = bool(_DATABASE_SCHEME.match(text, begin, after))
        is_port = bool(_PORT.match(text, user.end(), piece_end))
        if "@" in user[0] and (is_port or at >= piece_end):
            continue  # what looks like a user is user@host
        stop = _password_end(text, user.end(), piece_end, end, at, is_database, is_port)
        if stop > user.end():
            kept += (text[done : user.end()], HIDDEN)
            done = stop
    return "".join((*kept, text[done:]))


def _scheme_start(text: str, end: int) -> int:
    found = _SCHEME.search(text[max(0, end - 24) : end])
    return end - len(found[0]) if found else end


def _password_end(text: str, start: int, piece_end: int, end: int, at: int, is_database: bool, is_port: bool) -> int:
    """Where the password that begins at `start` ends, or -1 when there is none. at: the next `@`, or len(text)."""
    if at < piece_end:
        return -1 if is_port and not is_database else text.rfind("@", start, piece_end)
    if is_port:
        return -1
    if at < end:
        return at
    return piece_end if is_database else -1


_ENCODED_URL = re.compile(r"(?i)(%3A%2F%2F(?:[^\s%\"'<>&]|%(?!3A|40))*+%3A)((?:[^\s%\"'<>&]|%(?!40))*+)(%40)?")

# key = value ----------------------------------------------------------------------------------------------------

# A pattern that begins with a set of letters is searched ten times faster than one that ignores case from the start.
_KEY = (
    r"[pPsSaAeEtT](?i:ass(?:word|wd|phrase|file)|wd|ecret|oken"
    r"|(?:rivate|ecret|igning|pi|ccess|ccount|ncryption)[_-]?key)"
)
_KEY_WORDS = ("pass", "pwd", "secret", "token", "key")
_KEY_NAME = re.compile(rf"{_KEY}\Z")
_PAIR = re.compile(
    rf"""({_KEY})(\\{{0,4}}["']?)([ \t]{{0,8}}(?:={{1,3}}|:=?|=>)[ \t]{{0,8}})"""
    r"""("(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.|'')*+'|\\"(?:[^"\\\n]|\\(?!"))*+\\"|["'][^\s"']++|[^\s"'&;,<>)}\]]++)"""
)
_PARAMETER = re.compile(r"(?i)\$\d+|%s|%\(\w+\)?s?|:\w+|\?|\$\{?\w+\}?|\{+\w*\}*|null|none|true|false|default|\*+")
_REFERENCE = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*(?:[(\[].*)?", re.DOTALL)
_CALL = re.compile(r"[A-Za-z_][\w.]*[(\[]")
_TYPE = re.compile(
    r"(?i)(?:str|string|text|citext|(?:n?var)?char|character|bytes|bytea|uuid|int|integer|bigint|secretstr|optional|any"
    r"|required|yes|no|null|none|true|false|unique|not|column|field|mapped|foreign|primary|hash|hashed)\b"
)


def _hide_value(found: re.Match[str]) -> str:
    key, quote, separator, value = found.groups()
    if not _is_secret(found, key.lower(), quote, separator, value):
        return found[0]
    edge = re.match(r"\\?[\"']", value)
    opening = edge[0] if edge else ""
    closing = opening if opening and len(value) > len(opening) and value.endswith(opening) else ""
    return f"{key}{quote}{separator}{opening}{HIDDEN}{closing}"


def _is_secret(found: re.Match[str], key: str, quote: str, separator: str, value: str) -> bool:
    """Whether a value is a secret and not a column, a parameter, a type or a call in SQL or code."""
    bare = value.strip("\\\"'")
    if not bare or _PARAMETER.fullmatch(bare) or _TYPE.match(bare):
        return False
    if value[0] in "\"'\\":
        after = found.string[found.end() : found.end() + 1]
        return not (value[0] == '"' and "=" in separator and (quote == '"' or after == "."))
    if ":" in separator:
        return key.startswith(("pass", "pwd")) or len(bare) >= 16
    if separator.strip() != separator:
        return _REFERENCE.fullmatch(bare) is None
    before = found.string[max(0, found.start() - 40) : found.start()]
    is_column = re.search(r"\.\w*\Z", before) is not None or re.fullmatch(rf"(?i)(?:\w+\.)?{key}", bare) is not None
    return not is_column and _CALL.match(bare) is None and (key != "token" or len(bare) >= 8)


def _is_hidden_under(key: str, value: object) -> bool:
    """Whether JSON has a secret there: `{"password": "x"}`, but not `{"password": "varchar(255)"}`."""
    if not isinstance(value, str) or not value or _KEY_NAME.search(key) is None:
        return False
    return _TYPE.match(value) is None and _PARAMETER.fullmatch(value) is None


_SQL_PASSWORD = re.compile(r"([pP](?i:assword)\s{1,8})[eE]?'(?:[^'\\]|\\.|'')*+'")
_AUTHORIZATION = re.compile(
    r"([aAbB](?i:uthorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:(?:bearer|basic|token|digest)\s{1,4})?"
    r"|earer\s{1,4}(?=[\w.~+/=-]{16})))[\w.~+/=-]{8,}+"
)

# Tokens by their issuers' prefixes ------------------------------------------------------------------------------

_SHAPES = {
    "npg_": r"[A-Za-z0-9_-]{8,}+",
    "napi_": r"[A-Za-z0-9_-]{8,}+",
    "AKIA": r"[A-Z0-9]{16}(?![A-Za-z0-9])",
    "ASIA": r"[A-Z0-9]{16}(?![A-Za-z0-9])",
    "eyJ": r"[A-Za-z0-9_-]{5,}+\.[A-Za-z0-9_-]{5,}+(?:\.[A-Za-z0-9_-]*+)?",
    "sk-": r"(?=[A-Za-z_-]{0,64}\d)[A-Za-z0-9_-]{16,}+",
    "sk_": r"(?:live|test)_[A-Za-z0-9]{10,}+",
    "rk_": r"(?:live|test)_[A-Za-z0-9]{10,}+",
    "whsec_": r"[A-Za-z0-9+/=]{10,}+",
    "gh": r"[pousr]_[A-Za-z0-9]{20,}+",
    "github_pat_": r"[A-Za-z0-9_]{20,}+",
    "glpat-": r"[A-Za-z0-9_-]{16,}+",
    "xox": r"[abeoprs]-[A-Za-z0-9-]{10,}+",
    "AIza": r"[A-Za-z0-9_-]{35}",
    "npm_": r"[A-Za-z0-9]{30,}+",
    "pypi-": r"[A-Za-z0-9_-]{30,}+",
    "hf_": r"[A-Za-z0-9]{30,}+",
    "sbp_": r"[A-Za-z0-9_]{30,}+",
    "sb_secret_": r"[A-Za-z0-9_-]{20,}+",
}
_ALONE = r"(?:(?<![A-Za-z0-9_-]{prefix})|(?<=%[0-9A-Fa-f]{{2}}{prefix}))"
_TOKEN = re.compile("|".join(prefix + _ALONE.format(prefix=prefix) + shape for prefix, shape in _SHAPES.items()))
_KEY_LINE = r"-----%s [A-Z0-9 ]{0,30}PRIVATE KEY-----"
_PRIVATE_KEY = re.compile(rf"(?s){_KEY_LINE % 'BEGIN'}(?:.*?{_KEY_LINE % 'END'}|.*)")
# A line of a password file: host:port:database:user:password.
_PASSFILE_PORT = re.compile(r":(?:\d{4,5}|\*):")
_PASSFILE_LINE = re.compile(r"(?m)^([^\s:#]++:(?:\d{4,5}|\*):[^\s:]++:[^\s:]++:)\S++$")
