# One recipe for each thing a person does here. `make test` is the definition of "checked"; CI calls it and nothing else.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup test lint format demo long compiled compiled-test lock clean

setup: $(STAMP)

$(STAMP): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.x")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint
	$(BIN)/pytest -q

# Real processes in real time; by hand, for it takes minutes.
long: $(STAMP)
	$(BIN)/pytest -q -m long

# Tracker and simulator with compiled modules, in build/compiled; needs a C compiler. Where PYTHONPATH names that folder,
# they take the place of the plain ones.
compiled: $(STAMP)
	rm -rf build/compiled
	MESHCAST_COMPILED=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--target build/compiled .

# The same tests of tree, machines and simulator on what was compiled: all but those that replace a function while it runs.
compiled-test: compiled
	PYTHONPATH=$(CURDIR)/build/compiled $(BIN)/pytest -q -o pythonpath= -m "not long and not plain" tests/overlay tests/protocol tests/sim

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

demo: $(STAMP)
	$(BIN)/meshcast demo $(ARGS)

# Pins every dependency with hashes, for every platform and Python, without the address of any package index.
lock:
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/python -m pip install --quiet "uv>=0.9"
	.venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --custom-compile-command "make lock" --group dev pyproject.toml -o requirements/dev.txt
	.venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --custom-compile-command "make lock" --constraint requirements/dev.txt pyproject.toml -o requirements/run.txt

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
