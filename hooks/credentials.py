"""Credentials in a text: Postgres URLs with a password, keys of known issuers. Standard library, Python 3.8 and newer.

What stands for a secret in documentation (placeholders, words of every tutorial, example hosts) is none. The issuers are those
of mcp_server/redactor.py, narrowed to what nobody writes by chance; tests/test_guard_files.py holds both together.
"""

import re

URL = re.compile(r"\bpostgres(?:ql)?(?:\+\w+)?://([^\s:/@'\"`<>]*):([^\s@'\"`<>]+)@([^\s/:?'\"`<>,)\]}]+)")
PAIRS = re.compile(r"(?i)\bhost=(['\"]?)([^\s'\";,]+)\1[^\n]{0,200}?\bpassword=(['\"]?)([^\s'\";,)]+)\3")
VARIABLE = re.compile(r"(?m)\bPGPASSWORD[\"']?\s*[=:]\s*[\"']?([^\s\"'#]+)")
TOKENS = (
    ("a Neon API key", r"\bnapi_[A-Za-z0-9]{20,}"),
    ("a Neon password", r"\bnpg_[A-Za-z0-9]{10,}"),
    ("an Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{24,}"),
    ("an OpenAI key", r"\bsk-(?:proj-|svcacct-)?(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{32,}"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{40,}"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{20,}"),
    ("a Stripe key", r"\b[sr]k_live_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/=]{24,}"),
    ("a Google key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}"),
    ("a PyPI token", r"\bpypi-[A-Za-z0-9_-]{50,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("a Supabase key", r"\bsbp_[A-Za-z0-9]{36,}|\bsb_secret_[A-Za-z0-9_-]{20,}"),
    ("a private key", r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}"),
)
PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in TOKENS)
HINT = re.compile(
    r"://|napi_|npg_|sk-|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|[sr]k_live_|whsec_|AIza|npm_|pypi-|hf_|sb[p_]|PRIVATE KEY|(?i:password)"
)
# In the place of a password these are none.
PLACEHOLDER = re.compile(
    r"(?i)[<\[{(*$%.]|x{3,}|\.\.\.|^(?:your|my|the|some|change|replace|insert|enter|fill|redacted|dummy|fake|example|sample|placeholder)"
    r"|^(?:pass(?:w(?:or)?d)?|pwd|pw|secret|hidden|todo|none|null|postgres(?:ql)?|user(?:name)?|admin|root|test(?:ing)?|dev|local|demo|docker|"
    r"app|db|guest|neon(?:db_owner)?|supabase|hunter2|foo|bar|baz|abc|qwerty|[a-z]|p|s3cr3t|123\d*|1234\w*)\d{0,4}$"
)
EXAMPLE = re.compile(r"(?i)example|x{6}|your|redacted|\.\.\.|dummy|placeholder|0{12}|1234567890")
# Hosts of documentation, of this machine and of containers: a password for these opens nothing.
HERE = re.compile(
    r"(?i)^(?:localhost|127\.[\d.]+|0\.0\.0\.0|\[?::1|host\.docker\.internal|[\w-]+$|your|.*\.(?:example|invalid|test|local|localhost)$"
    r"|(?:.*\.)?example\.(?:com|org|net)|<|\$|\{|%|ep-(?:xxx|example|your|abc-|cool-name|some))"
)


def find(text):
    """What a text gives away: (kind, the secret itself, its line), each secret once, in order."""
    if not HINT.search(text):
        return []
    found = sorted([*_tokens(text), *_passwords(text)], key=lambda one: one[2])
    seen, kept = set(), []
    for kind, secret, at in found:
        if not any(secret in other for other in seen):
            kept.append((kind, secret, text.count("\n", 0, at) + 1))
            seen.add(secret)
    return kept


def _tokens(text):
    for kind, pattern in PATTERNS:
        for match in pattern.finditer(text):
            if not EXAMPLE.search(match.group(0)):
                yield kind, match.group(0), match.start()


def _passwords(text):
    for match in URL.finditer(text):
        if is_password(match.group(2), match.group(3)):
            yield "a Postgres URL with its password", match.group(2), match.start()
    for match in PAIRS.finditer(text):
        if is_password(match.group(4), match.group(2)):
            yield "a Postgres password", match.group(4), match.start(4)
    for match in VARIABLE.finditer(text):
        if len(match.group(1)) >= 8 and is_password(match.group(1), "a.host"):
            yield "a Postgres password", match.group(1), match.start(1)


def is_password(word, host):
    """Whether somebody could have been given this: not a placeholder, and not for a host of documentation or of this machine."""
    from urllib.parse import unquote

    return not PLACEHOLDER.search(unquote(word)) and not HERE.match(host)
