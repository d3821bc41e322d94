# Rhoscope. `make run` starts it, `make test` checks everything; both set up what they need.
#
#   make run ARGS="--port 9000"        arguments for the rhoscope command
#   make PYTHON=python3.12 run         which Python makes the environment (3.11 to 3.14)
#
# Every version is pinned in constraints.txt. On Linux without an NVIDIA GPU torch comes as its CPU
# build, from wherever pip is configured to find one (PIP_FIND_LINKS and PIP_EXTRA_INDEX_URL count)
# or else from PyTorch's own index; scripts/install.py decides. Everything lands in .venv and
# node_modules, where stamp files make a second call instant.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.NOTPARALLEL: # the checks share two cores, and their output

PYTHON ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
# Tests are shared out among the processors.
SPREAD := -n auto --dist worksteal
PINS := pyproject.toml constraints.txt scripts/install.py hatch_build.py \
  $(wildcard rnncore/native/*.[ch])

.PHONY: help run test lint core js ui bench format types picture clean

help:
	@echo 'make run      start Rhoscope and open the page     (ARGS="--port 9000")'
	@echo 'make test     linters, type checkers and all tests'
	@echo 'make lint     only linters and type checkers'
	@echo 'make core     only the Python tests: mathematics, server, packaging'
	@echo 'make js       only the page'\''s modules, in Node'
	@echo 'make ui       only the browser tests               (ARGS="-k scrub")'
	@echo 'make bench    measures speed, as ratios            (ARGS="core --seconds 1")'
	@echo 'make format   rewrite the Python files in the house format'
	@echo 'make types    regenerate the page'\''s types from the server'\''s messages'
	@echo 'make picture  take the picture in the README anew'
	@echo 'make clean    remove the environment and all caches'

run: $(VENV)/.installed
	@$(BIN)/rhoscope $(ARGS)

test: lint core js ui

lint: $(VENV)/.installed-dev node_modules/.installed
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/python scripts/wire_types.py --check
	@node_modules/.bin/tsc --project tsconfig.json
	@echo "Linters and type checkers: no complaints."

core: $(VENV)/.installed-dev
	@$(BIN)/pytest -q $(SPREAD) rnncore tests/core tests/server tests/packaging tests/benchmarks $(ARGS)

# Node lists every test; the list is shown only where one failed.
js: node_modules/.installed
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	  node --test $$(find tests/js -name '*.test.js' | sort) >"$$log" || { cat "$$log"; exit 1; }; \
	  tail -n 8 "$$log"

ui: $(VENV)/.installed-dev node_modules/.installed
	@RHOSCOPE_CHROMIUM=$$(scripts/ensure_browser.sh) RHOSCOPE_NGINX=$$(scripts/ensure_nginx.sh) \
	  $(BIN)/pytest -q $(SPREAD) --maxfail 5 tests/ui $(ARGS)

bench: $(VENV)/.installed-dev
	@RHOSCOPE_CHROMIUM=$$(scripts/ensure_browser.sh) $(BIN)/python -m tests.benchmarks $(ARGS)

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

types: $(VENV)/.installed-dev node_modules/.installed
	@$(BIN)/python scripts/wire_types.py

picture: $(VENV)/.installed-dev
	@RHOSCOPE_CHROMIUM=$$(scripts/ensure_browser.sh) $(BIN)/python scripts/screenshot.py

clean:
	rm -rf $(VENV) node_modules dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find app rnncore scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@python=$$(PYTHON="$(PYTHON)" scripts/find_python.sh); \
	  echo "Making the environment in $(VENV) with $$python"; \
	  "$$python" -m venv --clear $(VENV)

$(VENV)/.installed: $(PINS) | $(BIN)/python
	@echo "Installing Rhoscope and what it needs; the first time takes a minute or two …"
	@$(BIN)/python scripts/install.py --editable .
	@touch $@

$(VENV)/.installed-dev: $(PINS) | $(BIN)/python
	@echo "Installing Rhoscope with its development tools; the first time takes a minute or two …"
	@$(BIN)/python scripts/install.py --editable '.[dev]'
	@touch $(VENV)/.installed $@

node_modules/.installed: package.json package-lock.json
	@scripts/ensure_node.sh
	@touch $@
