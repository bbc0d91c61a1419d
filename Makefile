# Every target makes what it needs: a fresh clone, Python 3.11 or later and make are enough.
# `make` alone lists the targets.

PYTHON ?= python3
# The shell that the demo runs in: bash, zsh or fish.
SHELL_UNDER ?= bash

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := -m pytest -n auto --dist loadscope

# Where pip would put things somewhere else than into the virtual environment.
unexport PIP_TARGET PIP_PREFIX PIP_USER PYTHONHOME PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help venv format options fuzz soak lint lint-shell check test coverage bench interpreters demo demo-shell clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The newest pip: older ones write console scripts that import `re`, which costs every start.
$(STAMP): pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "awsassume needs Python 3.11 or later; choose one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "making $(VENV) (about half a minute)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dev]'
	@touch $@

venv: $(STAMP) ## Make .venv with awsassume and all that its tests need

format: $(STAMP) ## Lay out the code as `make lint` wants it
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .
	@files=$$(ls shell/*.bash 2>/dev/null); [ -z "$$files" ] || shfmt -w -i 4 -ci $$files .ci/run
	@files=$$(ls shell/*.fish 2>/dev/null); [ -z "$$files" ] || fish_indent --write $$files

options: $(STAMP) ## Make what Tab offers, the man page and the README's tables again, from Typer's command
	@$(BIN)/python -m tests.options_table
	@$(BIN)/python -m tests.documents

lint: $(STAMP) lint-shell ## Check style, layout and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# A linter that is missing is said at home, and is a failure under CI.
lint-shell:
	@need() { command -v "$$1" >/dev/null || { echo "lint: $$1 is missing" >&2; [ -z "$$CI" ] || exit 1; return 1; }; }; \
	if need shellcheck; then shellcheck .ci/run || exit 1; fi; \
	if need shfmt; then shfmt -d -i 4 -ci .ci/run || exit 1; fi; \
	for file in shell/*.bash; do [ -f "$$file" ] || continue; \
	  if need shellcheck; then shellcheck --shell=bash "$$file" || exit 1; fi; \
	  if need shfmt; then shfmt -d -ln bash -i 4 -ci "$$file" || exit 1; fi; \
	done; \
	for file in shell/*.zsh; do [ -f "$$file" ] || continue; \
	  if need zsh; then zsh -f -n "$$file" || exit 1; fi; \
	done; \
	for file in shell/*.fish; do [ -f "$$file" ] || continue; \
	  if need fish; then fish --no-config --no-execute "$$file" && fish_indent --check "$$file" || exit 1; fi; \
	done

check: lint ## Lint and the quick tests (under two minutes)
	@$(BIN)/python $(PYTEST) -q -m 'not slow'

test: $(STAMP) ## All tests
	@$(BIN)/python $(PYTEST)

# Apart from `make test`: measuring takes as long again as the tests.
coverage: $(STAMP) ## All tests, with branch coverage
	@$(BIN)/coverage erase
	@$(BIN)/coverage run $(PYTEST); status=$$?; \
	  $(BIN)/coverage combine --quiet; $(BIN)/coverage report; exit $$status

bench: $(STAMP) ## Measure the speed, beside awsume and the AWS CLI (some minutes; needs hyperfine and a package index)
	@$(BIN)/python -B -m tests.speed

fuzz: $(STAMP) ## Feed the readers of our own files by coverage, where atheris is to be had
	@$(BIN)/python -m pip install -qq --disable-pip-version-check atheris 2>/dev/null || \
	  echo "fuzz: no atheris for this Python; hypothesis does it" >&2
	@$(BIN)/python -m tests.readers

soak: $(STAMP) ## A thousand boto3 sessions on short-lived credentials (some minutes)
	@$(BIN)/python -m tests.soak

interpreters: $(STAMP) ## Install the wheel under every Python 3.11+ of this machine and try it
	@$(BIN)/python $(PYTEST) -q tests/test_interpreters.py

demo: $(STAMP) ## See the article come true on a loopback AWS (SHELL_UNDER=zsh for another shell)
	@$(BIN)/python -m tests.demo --shell $(SHELL_UNDER)

demo-shell: $(STAMP) ## Play in a shell on that loopback AWS
	@$(BIN)/python -m tests.demo --shell $(SHELL_UNDER) --interactive

clean: ## Remove what these targets made
	@rm -rf $(VENV) .venv-javascript build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
