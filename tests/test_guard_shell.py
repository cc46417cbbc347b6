"""The shell cannot change a database past apply_migration: what is denied, what is asked, what passes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HOOK = Path(__file__).resolve().parent.parent / "hooks" / "guard_shell.py"
OURS = "postgresql://postgres:secret@127.0.0.1:54999/app"
THEIRS = "postgresql://app:secret@db.example.com/app"

DENIED = [
    "alembic upgrade head",
    "alembic upgrade +1",
    "alembic downgrade -1",
    "alembic downgrade base",
    "alembic stamp head",
    "alembic -c backend/alembic.ini upgrade head",
    "alembic -n tenants -x tenant=a --raiseerr upgrade heads",
    "alembic upgrade head 2>&1 | tail -5",
    "alembic upgrade head > log.txt",
    "alembic history && alembic upgrade head",
    "alembic check; alembic upgrade head",
    "alembic check || alembic upgrade head",
    "cd backend && alembic upgrade head",
    "(cd backend; alembic upgrade head)",
    "cd backend\nalembic upgrade head\n",
    "alembic \\\n  upgrade \\\n  head",
    "# bring it up\nalembic upgrade head",
    "if ! alembic upgrade head; then echo no; fi",
    "for r in a b; do alembic upgrade $r; done",
    "time alembic upgrade head",
    ".venv/bin/alembic upgrade head",
    "/srv/app/.venv/bin/alembic upgrade head",
    "python -m alembic upgrade head",
    "python3.12 -m alembic -c x.ini downgrade base",
    ".venv/bin/python -X utf8 -m alembic stamp abc",
    "uv run alembic upgrade head",
    "uv run --with alembic --frozen alembic upgrade head",
    "uv run python -m alembic upgrade head",
    "uvx alembic upgrade head",
    "poetry run alembic upgrade head",
    "pdm run alembic upgrade head",
    "pipenv run alembic upgrade head",
    "hatch run alembic upgrade head",
    "conda run -n app alembic upgrade head",
    "docker compose exec web alembic upgrade head",
    "docker exec -it app-web-1 alembic upgrade head",
    "kubectl exec deploy/web -- alembic upgrade head",
    "sudo -u app alembic upgrade head",
    "nohup alembic upgrade head &",
    "timeout 60 alembic upgrade head",
    "env DEBUG=1 alembic upgrade head",
    "PYTHONPATH=. DEBUG=1 alembic upgrade head",
    f"DATABASE_URL={THEIRS} alembic upgrade head",
    f"export DATABASE_URL={THEIRS}; alembic upgrade head",
    "bash -c 'alembic upgrade head'",
    'bash -lc "cd backend && alembic upgrade head"',
    "sh -c 'bash -c \"alembic upgrade head\"'",
    "docker compose run --rm web sh -c 'alembic upgrade head'",
    "bash <<'EOF'\nalembic upgrade head\nEOF",
    "echo 'alembic upgrade head' | bash",
    "eval 'alembic upgrade head'",
    "ssh app@host 'cd app && alembic upgrade head'",
    'echo "$(alembic upgrade head)"',
    "echo `alembic upgrade head`",
    "doppler run -- alembic upgrade head",
    "flask db upgrade",
    "python -m flask db downgrade",
    "psql -c 'drop table task'",
    "psql app -c 'create index on task (due)'",
    "psql -h localhost -U app -d app -tAc 'ALTER TABLE task ADD due date'",
    f'psql {THEIRS} --command="truncate task"',
    'psql "$DATABASE_URL" -c "begin; alter table task drop column due; commit"',
    "psql -c 'select 1' -c '-- so\ndrop table task'",
    "psql -f drops.sql",
    "psql --file=drops.sql",
    "psql < drops.sql",
    "cat drops.sql | psql app",
    "psql app <<SQL\ncreate table a (b int);\nSQL",
    "psql app <<-'SQL'\n\tselect 1;\n\tdrop table a;\n\tSQL",
    "psql app <<< 'drop table a'",
    "echo 'drop table a' | psql app",
    "docker compose exec -T db psql -U postgres -c 'drop schema public cascade'",
    "sudo -u postgres psql -c 'alter role app superuser'",
    "su - postgres -c \"psql -c 'drop database app'\"",
    "pgcli -c 'drop table a'",
    "cd sql && psql -f inner.sql",
    "python -c 'from app.models import Base, engine; Base.metadata.drop_all(engine)'",
    'uv run python -c "from app.db import *; SQLModel.metadata.create_all(engine)"',
    "python - <<'EOF'\nfrom app import db\ndb.drop_all()\nEOF",
    'python -c \'from alembic import command, config; command.upgrade(config.Config("alembic.ini"), "head")\'',
    "python -c \"import alembic.config; alembic.config.main(argv=['upgrade', 'head'])\"",
    "python -c 'engine.execute(text(\"drop table task\"))'",
    "A=alembic; $A upgrade head",
    "M='alembic upgrade head'; $M",
    "a''lembic upgrade head",
    "al\\embic upgrade head",
    "$'\\x61lembic' upgrade head",
    "alembic upgrade head # --sql",
    "alembic -x --sql upgrade head",
    "alembic -cx.ini upgrade head",
    'bash -c "$(echo alembic upgrade head)"',
    "bash -euo pipefail -c 'alembic upgrade head'",
    "busybox sh -c 'alembic upgrade head'",
    "env -S 'alembic upgrade head'",
    "echo upgrade head | xargs alembic",
    "echo head | xargs -n1 alembic upgrade",
    "find . -name alembic.ini -exec alembic upgrade head ;",
    "git bisect run alembic upgrade head",
    "python -malembic upgrade head",
    "python -Im alembic upgrade head",
    "py -m alembic upgrade head",
    "pipx run alembic upgrade head",
    "hatch run db:alembic upgrade head",
    "time -p alembic upgrade head",
    "make migrate",
    "make",
    "make -C . reset",
    "make TARGET=head deploy",
    "npm run migrate",
    "yarn deploy",
    "poe migrate",
    "./bring_up.sh",
    "sh bring_up.sh",
    ". ./bring_up.sh",
    "chmod +x bring_up.sh && ./bring_up.sh",
    "psql --comm 'drop table a'",
    "psql --fil=drops.sql",
    "psql -c '/* /* */ */ drop table a'",
    "psql 'postgresql://localhost:54999/app?host=db.example.com' -c 'drop table a'",
    "PGSERVICE=prod PGHOST=localhost PGPORT=54999 psql -c 'drop table a'",
    "PGHOSTADDR=192.0.2.1 PGHOST=localhost PGPORT=54999 psql -c 'drop table a'",
    "psql 'host=localhost port=54999 hostaddr=192.0.2.1' -c 'drop table a'",
    "docker exec db psql -h localhost -p 54999 -c 'drop table a'",
    f"DATABASE_URL={OURS} docker compose exec web alembic upgrade head",
    "usql postgres://db.example.com/app -c 'drop table a'",
    "python -c 'import psycopg; q = \"drop table a\"; psycopg.connect().execute(q)'",
    "python -c \"import os; os.system('alembic upgrade head')\"",
    "python -c \"import subprocess; subprocess.run(['alembic', '-c', 'x.ini', 'upgrade', 'head'])\"",
    "python -c \"import asyncpg\nasync def main(c): await c.execute('''ALTER TABLE a ADD b int''')\"",
    "uv run - <<'EOF'\nBase.metadata.drop_all(engine)\nEOF",
    "neonctl branches delete main",
    "npx neonctl branch reset dev --parent",
]

ASKED = [
    'psql -c "$SQL"',
    "psql -f missing.sql",
    "pg_dump other | psql app",
    "alembic upgrade head --sql | psql app",
    "psql -c 'do $$ begin perform 1; end $$'",
    "psql app <<< '\\i drops.sql'",
    "psql -c 'select * into copy_of_task from task'",
    "alembic $VERB head",
    "alembic upgrade 'head",
    "dropdb app",
    "pg_restore -d app dump.bin",
    "python reset.py",
    "./run.sh alembic upgrade head",
    "dbarch apply --plan-hash 0123456789abcdef",
    "uv run dbarch apply-migration --plan-hash=0123456789abcdef",
    "python -m mcp_server apply_migration --plan_hash 0123456789abcdef",
    'psql -c "insert into task values (1)"',
    "psql -c 'delete from task'",
    "psql -c 'with gone as (delete from task returning 1) select 1'",
    "psql -c 'explain analyze update task set done = true'",
    "psql -c '\\copy task from tasks.csv'",
    "psql -v x='drop table a' -c ':x'",
    "psql app <<< '\\c postgresql://db.example.com/app'",
    "python -c \"import psycopg; psycopg.connect().execute('DELETE FROM task')\"",
    "uv run reset.py",
    "createdb app",
    "dropuser app",
    "vacuumdb --full app",
    "neonctl projects delete p",
    "curl -X DELETE https://console.neon.tech/api/v2/projects/p/branches/b",
    "$TOOL upgrade head",
    "$(which alembic) upgrade head",
    "`which alembic` upgrade head",
    "${ALEMBIC:-alembic} upgrade head",
    "alias a='alembic upgrade head'; a",
    "trap 'alembic upgrade head' EXIT",
    "tmux new -d 'alembic upgrade head'",
    "perl -e 'system(\"alembic upgrade head\")'",
    "awk 'BEGIN { system(\"alembic upgrade head\") }'",
    "node -e \"client.query('drop table a')\"",
    "find . -name '*.sql' -exec psql -f {} ;",
    "xargs psql -f < list",
    f"DATABASE_URL={OURS} alembic -x url={THEIRS} upgrade head",
]

PASSED = [
    "ls",
    "alembic",
    "alembic --help",
    "alembic upgrade --help",
    "alembic history --verbose",
    "alembic current",
    "alembic heads",
    "alembic check",
    "alembic branches",
    "alembic show abc",
    "alembic revision -m 'upgrade head'",
    "alembic revision --autogenerate -m 'tables'",
    "alembic merge -m 'merge heads' a b",
    "alembic upgrade head --sql",
    "alembic upgrade a:b --sql > out.sql",
    "uv run alembic history",
    "poetry run alembic current && uv run alembic heads",
    "python -m alembic check",
    "grep -rn 'alembic upgrade' .",
    "echo 'run alembic upgrade head yourself'",
    "echo alembic upgrade head >> README.md",
    "git commit -m 'alembic upgrade head now works'",
    "git commit -m \"$(cat <<'EOF'\nThe hook denies alembic upgrade head; it's safer\nEOF\n)\"",
    "cat > notes.md <<'EOF'\nalembic upgrade head\nEOF",
    "pip install alembic psycopg",
    "make lint",
    "make -n migrate",
    "make no-such-target",
    "npm run lint",
    "./tidy.sh",
    "psql -c 'select 1' # don't mind",
    "psql -c 'select * from task for update'",
    "pg_dump app > app.sql",
    "pg_restore -l app.dump",
    "pg_restore -f app.sql app.dump",
    "uv pip install --upgrade alembic psycopg",
    "docker build -t alembic .",
    "docker compose up -d db",
    "find . -name alembic -type d",
    "cat alembic/versions/*.py | grep upgrade",
    "sed -i 's/alembic upgrade head/make migrate/' README.md",
    "awk '/alembic/ {print $1}' notes.md",
    "git log --grep='drop table'",
    "git commit -m 'drop_all is gone'",
    "gh pr create --body 'runs alembic upgrade head'",
    "sqlite3 app.db 'drop table a'",
    "cat <<'EOF' > next.sql\ndrop table a;\nEOF",
    "python -c \"print('drop table a')\"",
    "neonctl branches list",
    "neonctl connection-string",
    "curl https://console.neon.tech/api/v2/projects",
    "cp bring_up.sh old.sh",
    "ls # it's fine",
    "psql -c 'select * from task'",
    "psql app -c \"select 'drop table task'\"",
    "psql -c 'explain select 1; -- drop table task'",
    "psql -c '\\d task'",
    "psql -l",
    "psql app <<< 'select 1'",
    "psql --version",
    "python -c 'print(1)'",
    "python -c 'create_engine(\"sqlite://\"); Base.metadata.create_all(engine)'",
    "python manage.py",
    "python -m pytest -k drop_all",
    "rg drop_all src",
    "dbarch apply-migration",
    "dbarch apply live",
    "git apply fix.patch",
    f"DATABASE_URL={OURS} alembic upgrade head",
    f"export DATABASE_URL='{OURS}' && uv run alembic upgrade head",
    f"env DATABASE_URL={OURS.replace('postgresql', 'postgresql+asyncpg')} alembic downgrade base",
    f"DATABASE_URL={OURS} python -c 'Base.metadata.drop_all(engine)'",
    f"psql {OURS} -c 'drop table task'",
    f"DATABASE_URL={OURS}; psql $DATABASE_URL -c 'drop table task'",
    "psql -h 127.0.0.1 -p 54999 app -c 'drop table task'",
    "PGHOST=localhost PGPORT=54999 psql app -c 'drop table task'",
]

MAKEFILE = """\
.PHONY: migrate lint
TOOL ?= alembic
migrate: lint
	@$(TOOL) upgrade \\
		head
lint:
	ruff check .
reset: migrate
	echo done
deploy: ; $(TOOL) upgrade $(TARGET)
"""
PACKAGE_SCRIPTS = {
    "migrate": "alembic upgrade head",
    "lint": "eslint .",
    "predeploy": "npm run migrate",
    "deploy": "true",
}
NO_EVENTS = [
    "", "no json", "[]", "{}", "null", "7", '{"tool_name": "Read"}', '{"tool_name": "Bash", "tool_input": {}}',
    '{"tool_name": "Bash", "tool_input": {"command": ["alembic upgrade"]}}',
    '{"tool_name": "Bash", "tool_input": {"command": "ls"}, "cwd": 7}',
]  # fmt: skip


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project, and a cache in which a server of dbarch says where it listens."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "cache" / "dev-app-18").mkdir(parents=True)
    (folder / "cache" / "dev-app-18" / "server.json").write_text('{"host": "127.0.0.1", "port": 54999}')
    project = folder / "project"
    (project / "sql").mkdir(parents=True)
    (project / "sql" / "inner.sql").write_text("alter table a add b int;")
    (project / "drops.sql").write_text("-- gone\nselect 1;\ndrop table task;\n")
    (project / "bring_up.sh").write_text("set -e\nalembic upgrade head\n")
    (project / "tidy.sh").write_text("rm -rf build\n")
    (project / "Makefile").write_text(MAKEFILE)
    (project / "package.json").write_text(json.dumps({"scripts": PACKAGE_SCRIPTS}))
    (project / "pyproject.toml").write_text('[tool.poe.tasks]\nmigrate = "alembic upgrade head"\n')
    (project / "reset.py").write_text("from app import Base, engine\nBase.metadata.drop_all(engine)\n")
    return folder


def ask(machine: Path, command: str, **environment: str) -> str:
    """What the hook decides: deny, ask, or "" when it says nothing."""
    event = {"tool_name": "Bash", "tool_input": {"command": command}, "cwd": str(machine / "project")}
    return decision(json.dumps(event), machine, **environment)[0]


def decision(text: str, machine: Path, **environment: str) -> tuple[str, str]:
    known = {"PATH": os.environ["PATH"], "DBARCH_CACHE_DIR": str(machine / "cache"), **environment}
    done = subprocess.run(
        [sys.executable, "-I", "-S", HOOK], input=text, capture_output=True, text=True, env=known, check=True
    )
    assert done.stderr == ""
    if not done.stdout:
        return "", ""
    said = json.loads(done.stdout)["hookSpecificOutput"]
    assert said["hookEventName"] == "PreToolUse"
    return said["permissionDecision"], said["permissionDecisionReason"]


@pytest.mark.parametrize("command", DENIED)
def test_what_changes_a_database_unrehearsed_is_denied(command: str, machine: Path) -> None:
    assert ask(machine, command) == "deny"


@pytest.mark.parametrize("command", ASKED)
def test_what_cannot_be_told_is_asked(command: str, machine: Path) -> None:
    assert ask(machine, command) == "ask"


@pytest.mark.parametrize("command", PASSED)
def test_what_reads_or_stays_in_a_sandbox_passes(command: str, machine: Path) -> None:
    assert ask(machine, command) == ""


def test_the_reason_names_what_to_use_instead(machine: Path) -> None:
    event = {"tool_name": "Bash", "tool_input": {"command": "alembic upgrade head"}, "cwd": str(machine)}
    _, reason = decision(json.dumps(event), machine)
    assert "apply_migration" in reason
    assert "review_migration" in reason


def test_the_database_of_the_environment_and_of_dotenv_is_known(machine: Path) -> None:
    assert ask(machine, "alembic upgrade head", DATABASE_URL=OURS) == ""
    assert ask(machine, "alembic upgrade head", DATABASE_URL=THEIRS) == "deny"
    dotenv = machine / "project" / ".env"
    dotenv.write_text(f"DATABASE_URL={OURS}\n")
    try:
        assert ask(machine, "alembic upgrade head") == ""
        (machine / "project" / "alembic.ini").write_text(f"[alembic]\nsqlalchemy.url = {THEIRS}\n")
        assert ask(machine, "alembic upgrade head") == "ask"
    finally:
        dotenv.unlink()
        (machine / "project" / "alembic.ini").unlink()


@pytest.mark.parametrize("text", NO_EVENTS)
def test_the_hook_has_no_opinion_on_anything_else(text: str, machine: Path) -> None:
    assert decision(text, machine) == ("", "")
