# `make` lists the targets. Needs Python 3.11 or newer and make, nothing else.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; exit; }; done; echo python3)
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
WORKERS ?= 2
ARGS ?=

.DEFAULT_GOAL := help
.SILENT:
.PHONY: help demo test faults faults-long soak bench coverage check lint format types layers docs lock changelog clean \
	venv venv-demo

help: ## List the targets
	awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv-demo ## See it work: a small desk, simulated platforms, one of which closes
	$(BIN)/omnichannel demo $(ARGS)

test: venv ## Run the tests (ARGS="-k name" for some; OMNICHANNEL_SEED=... for the same random draws)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not long and not soak and not faults" $(ARGS)

faults: venv ## Crashes and failures in the middle of the work, the short ones
	PYTHONHASHSEED=0 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "faults and not long" $(ARGS)

faults-long: venv ## All of them, for minutes
	PYTHONHASHSEED=0 HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m faults $(ARGS)

soak: venv ## Steady load for a long time; watches memory, open files and lag
	$(BIN)/python -m pytest -m soak -s $(ARGS)

bench: venv ## Measure against the floor, in the same process
	$(BIN)/python -m benchmarks $(ARGS)

coverage: venv ## Run the tests and show the lines and branches that none took
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n $(WORKERS) --dist loadfile -m "not long and not soak and not faults" $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: lint types layers test ## Everything that has to pass before a merge

lint: venv ## ruff, formatting, spelling
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/codespell

format: venv ## Put the code into shape
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

types: venv ## mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/pyright

layers: venv ## Who may import whom
	$(BIN)/lint-imports --no-cache --no-logo

docs: venv ## Generate and check the documentation
	if [ -f tools/docs.py ]; then $(BIN)/python tools/docs.py $(ARGS); else echo "There is no documentation to build yet"; fi

lock: venv ## Resolve the dependencies anew into requirements/ (UPGRADE=1 for newer releases)
	$(BIN)/python tools/lock.py $(if $(UPGRADE),--upgrade)

changelog: venv ## Show the next release notes from changes/
	$(BIN)/towncrier build --draft --version unreleased

clean: ## Remove everything that was made here, .venv too
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage .coverage.* htmlcov site dist
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	$(PYTHON) tools/venv.py dev

venv-demo:
	$(PYTHON) tools/venv.py demo
