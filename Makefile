# Everything below sets itself up in .venv; it needs Python 3.11 to 3.13, make and a package registry.
PORT ?= 5000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Three workers, and each process that a test starts, would compile everything again where the environment says so.
export PYTHONDONTWRITEBYTECODE :=
# The newest Python that really runs; `make PYTHON=/path/to/python3.12 test` picks another.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	$$name -c 'import sys, venv, ensurepip, sqlite3; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1 && { echo $$name; break; }; done)

.PHONY: demo test test-servers types without-programs programs databases lint style soak lowest bench docs images clean

demo: $(READY)
	@$(BIN)/python -m example_app --port $(PORT)

# Tests that start Chromium, Apache, Node or rsyslog and wait for them.
PROGRAMS := tests/browser tests/oidc_clients tests/federation tests/siem

# Two jobs at once, so that Ctrl-C ends both and neither hides what the other says. mypy has one core for itself.
TOGETHER := $(MAKE) --no-print-directory --jobs 2 --keep-going

test: style
	@$(TOGETHER) types without-programs

# What needs other programs, and what `make test` runs on one database each, on SQLite, PostgreSQL and MariaDB. After
# `make test` the two others are enough, which MFA_GATE_TEST_DATABASES=others says.
test-servers: $(READY)
	@$(TOGETHER) --output-sync programs databases

types: $(READY)
	$(BIN)/mypy

# One worker more than CI has cores: the others wait for databases and mail servers a fifth of their time.
without-programs: $(READY)
	$(BIN)/pytest -n 3 --dist worksteal $(PROGRAMS:%=--ignore=%)

# In one process, or they wait for each other, Chromium above all.
programs: $(READY)
	$(BIN)/pytest $(PROGRAMS)

databases: export MFA_GATE_TEST_DATABASES ?= all
databases: $(READY)
	$(BIN)/pytest -n 2 --dist worksteal tests/race tests/services tests/store tests/web

lint: style types

style: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

soak: $(READY)
	MFA_GATE_SOAK=1 MFA_GATE_TEST_DATABASES=all $(BIN)/pytest -m soak -n 2 --durations=0

# The lowest versions that pyproject.toml allows, instead of the newest.
lowest:
	$(PYTHON) -m venv --clear $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct --editable '.[dev]'
	$(VENV)-lowest/bin/pytest -n 2 --dist worksteal

bench: $(READY)
	$(BIN)/python -m benchmarks.bulk
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.user_list
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m benchmarks.policies
	$(BIN)/python -m benchmarks.request
	$(BIN)/python -m benchmarks.start
	$(BIN)/python -m benchmarks.provider

docs: $(READY)
	$(BIN)/python -m docs.generate

# The pictures of the console; they need Chromium and chromedriver.
images: $(READY)
	$(BIN)/python -m docs.screenshots

clean:
	rm -rf $(VENV) $(VENV)-lowest .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 to 3.13 found. Install one, or say: make PYTHON=/path/to/python3.13"; exit 1; }
	@# One Python laid over another's venv would leave the old one in charge.
	@test "$$($(BIN)/python -V 2>&1)" = "$$($(PYTHON) -V 2>&1)" && $(BIN)/python -m pip -V >/dev/null 2>&1 \
		|| { echo "$(PYTHON) -m venv --clear $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@
