# Every target makes what it needs: a virtual environment of the standard library, filled from pinned, hashed requirements.
# The first of these that runs and is new enough.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# node and npm come with the requirements, for what is tested against programs from npm.
TOOLED := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: demo test lint types bench docs requirements clean

demo: $(READY)
	$(BIN)/dbarch demo

test: $(READY) lint types
	$(TOOLED) $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	$(TOOLED) $(BIN)/python -m benchmarks

docs: $(READY)
	$(BIN)/python -m scripts.docs

$(READY): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "dbarch needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $(READY)

# After a change of the dependencies in pyproject.toml.
requirements: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf $(VENV) .tools dist build *.egg-info
