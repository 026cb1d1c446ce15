# Needs git, make and a Python; everything else is installed into .venv by itself, once, and again when the
# requirements change. Options for a target go into ARGS: make demo ARGS="--for 60".

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHONS := python3.13 python3.12 python3.11 python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
CORES := $(shell nproc)
PARALLEL := --dist loadgroup --no-loadscope-reorder
SEED ?= 1
ROUNDS ?= 10
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE  # every worker of the tests would compile all its modules anew: two of three seconds

.PHONY: help demo test test-fast check bench bench-api bench-batch bench-console bench-models bench-releases chaos canary docs format clean

help: ## What there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Broker, world, model, worker, traffic and dashboard on one screen; ARGS="--for 60"
	@exec $(BIN)/fraudstream demo $(ARGS)

test: $(VENV)/.dev ## The tests; ARGS="-k window" for some of them
	@$(BIN)/pytest -n $$((2 * $(CORES))) $(PARALLEL) $(ARGS)

test-fast: $(VENV)/.dev ## Quick tests: no broker, server, browser, Spark, other process, console, training, or search for counterexamples
	@$(BIN)/pytest -q -n $(CORES) $(PARALLEL) --fast $(ARGS)

check: $(VENV)/.dev ## What CI runs: ruff, mypy --strict, make test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict
	@$(MAKE) test ARGS="--durations=25 $(ARGS)"

bench: $(VENV)/.dev ## Throughput and latency beside others; ARGS=--json
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: $(VENV)/.dev ## Kill, cut off and damage; prove that nothing is lost or double; SEED=7 ROUNDS=10 ARGS=--json
	@$(BIN)/python -m tests.chaos --seed $(SEED) --rounds $(ROUNDS) $(ARGS)

canary: $(VENV)/.dev ## Look for a card number wherever there should be none; ARGS=--json
	@$(BIN)/python -m tests.canary $(ARGS)

bench-batch: $(VENV)/.dev ## Five months of history through every batch step; ARGS=--json
	@$(BIN)/python -m benchmarks.batch $(ARGS)

bench-releases: $(VENV)/.dev ## Releases switched under load and kills, a stopped canary, backtest and explanations; ARGS=--json
	@$(BIN)/python -m benchmarks.releases $(ARGS)

bench-api: $(VENV)/.dev ## Decisions over HTTP beside those on the topic; ARGS=--json
	@$(BIN)/python -m benchmarks.api $(ARGS)

bench-console: $(VENV)/.dev ## The console with 100,000 cases, its search, kills, and what it costs a worker; ARGS=--json
	@$(BIN)/python -m benchmarks.console $(ARGS)

bench-models: $(VENV)/.dev ## How good models are: creditcard.csv and our worlds; ARGS=--json
	@$(BIN)/python -m benchmarks.models $(ARGS)

docs: $(VENV)/.dev ## The documentation as a site, in build/docs; a link that leads nowhere is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet $(ARGS)
	@echo "$(CURDIR)/build/docs/index.html"

format: $(VENV)/.dev ## ruff format and the safe fixes
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## Remove .venv and caches; data (.fraudstream) stays
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The files below .venv say what is installed and since when.
$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(BIN)/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r $<
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r $<
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

# A Python counts if it has the right version and can make an environment with pip (Debian's needs python3-venv).
$(BIN)/uv:
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    echo "installing into $(VENV) with $$("$$python" --version), once"; \
	    test -x $(BIN)/python || "$$python" -m venv $(VENV); \
	    $(BIN)/python -m pip install --quiet uv; \
	    exit 0; \
	  fi; \
	done; \
	echo "fraudstream needs Python 3.11, 3.12 or 3.13 with its venv module; install one, e.g. apt-get install python3 python3-venv" >&2; \
	exit 2
