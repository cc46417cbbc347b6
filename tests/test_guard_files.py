"""No credential goes into a file that git keeps: what is denied, what is asked, what passes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_server import redactor

HOOK = Path(__file__).resolve().parent.parent / "hooks" / "guard_files.py"
PASSWORD = "w9Fk2" + "LqPz7"
URL = f"postgresql://app:{PASSWORD}@db.acme.io/app"
NEON_KEY = "napi_" + "k3v9x2m7q1w8e4r6t5y0u3i9o7p2a5s8d1f4g6h0"
# Put together here, so that no scanner takes this file for a leak.
KEYS = {
    "a Neon API key": NEON_KEY,
    "a Neon password": "npg_" + "Ab3dEf6hIj9k",
    "an Anthropic key": "sk-ant-" + "api03-Ab3dEf6hIj9kLm2nOp5qRs8t",
    "an OpenAI key": "sk-proj-" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3dEf6h",
    "an AWS access key": "AKIA" + "Q3EGRV7K2PLMNW5T",
    "a GitHub token": "ghp_" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3d",
    "a GitLab token": "glpat-" + "Ab3dEf6hIj9kLm2nOp5q",
    "a Slack token": "xoxb-" + "2184093271-Ab3dEf6hIj9kLm2n",
    "a Stripe key": "sk_live_" + "Ab3dEf6hIj9kLm2nOp5qRs8t",
    "a Google key": "AIza" + "SyAb3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zA",
    "an npm token": "npm_" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3d",
    "a PyPI token": "pypi-" + "AgEIcHlwaS5vcmcCJAb3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3dEf6h",
    "a Hugging Face token": "hf_" + "Ab3dEfghIjKkLmAnOpBqRsCtUvDwXyEz",
    "a Supabase key": "sbp_" + "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c",
    "a private key": "-----BEGIN RSA PRIVATE KEY" + "-----\nMIIEpAIBAAKCAQEA3Tz2mr7SZiAMfQ",
}
SECRETS = [
    URL,
    URL.replace("postgresql", "postgresql+asyncpg"),
    f"postgres://neondb_owner:{PASSWORD}@ep-quiet-river-a1b2c3d4-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require",
    f"postgresql://app:p%40{PASSWORD}@203.0.113.7:5432/app",
    f'conn = connect("host=db.acme.io user=app password={PASSWORD}")',
    f"PGPASSWORD={PASSWORD} psql",
    *KEYS.values(),
]
HARMLESS = [
    "postgresql://user:password@localhost:5432/app",
    "postgresql://app:secret@db.example.com/app",
    f"postgresql://app:{PASSWORD}@localhost/app",
    f"postgresql://app:{PASSWORD}@db:5432/app",
    "postgresql://USER:PASSWORD@HOST/DB",
    "postgresql://<user>:<password>@<host>/<db>",
    "postgresql://${DB_USER}:${DB_PASSWORD}@${DB_HOST}/app",
    'f"postgresql://{user}:{password}@{host}/{name}"',
    "postgresql://app:%s@db.acme.io/app",
    "postgresql://app:your-password@ep-cool-name-123456.eu-central-1.aws.neon.tech/neondb",
    "postgresql://app:***@db.acme.io/app",
    "postgresql://app:xxxxxxxx@db.acme.io/app",
    "postgresql://db.acme.io/app",
    "postgresql://app@db.acme.io/app",
    "DATABASE_URL = os.environ['DATABASE_URL']",
    "NEON_API_KEY=napi_your_key_here_xxxxxxxxxxxxxxxxxxxx",
    "napi_...",
    "AKIAIOSFODNN7EXAMPLE",
    "sk-learn-is-a-package-that-everybody-knows-well",
    "-----BEGIN PRIVATE KEY-----\n...\n",
    "password: str = Field(max_length=255)",
    "https://user:pass@example.com/",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that ignores .env, with a file that already holds a secret."""
    folder = tmp_path_factory.mktemp("project")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / ".gitignore").write_text(".env\n.env.local\n/private/\n")
    (folder / "old.py").write_text(f'URL = "{URL}"\n')
    (folder / "half.py").write_text('URL = "postgresql://app:PASSWORD@db.acme.io/app"\n')
    return folder


def decision(event: object, **environ: str) -> tuple[str, str]:
    known = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environ}
    done = subprocess.run(
        [sys.executable, "-I", "-S", HOOK],
        input=json.dumps(event),
        capture_output=True,
        text=True,
        env=known,
        check=True,
    )
    assert done.stderr == ""
    if not done.stdout:
        return "", ""
    said = json.loads(done.stdout)["hookSpecificOutput"]
    return said["permissionDecision"], said["permissionDecisionReason"]


def write(folder: Path, name: str, content: str) -> tuple[str, str]:
    given = {"file_path": str(folder / name), "content": content}
    return decision({"tool_name": "Write", "tool_input": given, "cwd": str(folder)})


def edit(folder: Path, name: str, old: str, new: str) -> tuple[str, str]:
    given = {"file_path": str(folder / name), "old_string": old, "new_string": new}
    return decision({"tool_name": "Edit", "tool_input": given, "cwd": str(folder)})


@pytest.mark.parametrize("secret", SECRETS)
def test_a_credential_in_a_file_that_git_keeps_is_denied(secret: str, project: Path) -> None:
    verdict, reason = write(project, "app/db.py", f"import os\n\nVALUE = '''{secret}'''\n")
    assert verdict == "deny"
    assert "db.py:3" in reason
    assert ".env" in reason
    assert PASSWORD not in reason
    assert secret not in reason


@pytest.mark.parametrize("text", HARMLESS)
def test_a_placeholder_or_an_example_passes(text: str, project: Path) -> None:
    assert write(project, "docs/setup.md", f"Set it to {text} there.\n") == ("", "")


@pytest.mark.parametrize("name", [".env", ".env.local", "private/notes.md"])
def test_a_file_that_git_ignores_may_hold_it(name: str, project: Path) -> None:
    assert write(project, name, f"DATABASE_URL={URL}\n") == ("", "")


@pytest.mark.parametrize("name", [".env.production", ".env.example", "alembic.ini", "docker-compose.yml", "README.md"])
def test_any_other_file_may_not(name: str, project: Path) -> None:
    assert write(project, name, f"DATABASE_URL={URL}\n")[0] == "deny"


def test_an_env_file_that_is_tracked_although_ignored_may_not(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".env").write_text("A=1\n")
    subprocess.run(["git", "-C", str(tmp_path), "add", ".env"], check=True)
    (tmp_path / ".gitignore").write_text(".env\n")
    assert write(tmp_path, ".env", f"DATABASE_URL={URL}\n")[0] == "deny"


def test_without_a_repository_it_is_asked_except_for_an_env_file(tmp_path: Path) -> None:
    assert write(tmp_path, "db.py", URL)[0] == "ask"
    assert write(tmp_path, ".env", f"DATABASE_URL={URL}\n") == ("", "")


def test_what_a_file_already_holds_is_not_put_there_and_may_go(project: Path) -> None:
    assert edit(project, "old.py", "URL =", "ADDRESS =") == ("", "")
    assert edit(project, "old.py", f'"{URL}"', 'os.environ["DATABASE_URL"]') == ("", "")
    assert write(project, "old.py", f'# kept\nURL = "{URL}"\n') == ("", "")


def test_a_credential_that_an_edit_completes_is_seen(project: Path) -> None:
    assert edit(project, "half.py", "PASSWORD", PASSWORD)[0] == "deny"
    event = {"file_path": str(project / "half.py"), "edits": [{"old_string": "PASSWORD", "new_string": PASSWORD}]}
    assert decision({"tool_name": "MultiEdit", "tool_input": event, "cwd": str(project)})[0] == "deny"


def test_a_notebook_is_a_file_too(project: Path) -> None:
    given = {"notebook_path": str(project / "a.ipynb"), "new_source": f"connect('{URL}')"}
    assert decision({"tool_name": "NotebookEdit", "tool_input": given, "cwd": str(project)})[0] == "deny"


def test_without_git_nothing_but_an_env_file_passes_unasked(project: Path, tmp_path: Path) -> None:
    event = {"tool_name": "Write", "tool_input": {"file_path": str(project / "db.py"), "content": URL}}
    assert decision(event, PATH=str(tmp_path))[0] == "ask"


@pytest.mark.parametrize("kind", KEYS)
def test_what_is_denied_here_the_redactor_hides_too(kind: str, project: Path) -> None:
    verdict, reason = write(project, "x.py", KEYS[kind])
    assert (verdict, kind in reason) == ("deny", True)
    hidden = redactor.redact(KEYS[kind])
    assert hidden != KEYS[kind]
    assert re.search(r"\*\*\*", hidden)
