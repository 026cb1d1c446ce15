# Bootstraps itself: needs git, make and Python 3.11 to 3.13. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PYTHON := $(VENV)/bin/python
FRAUDSTREAM := $(VENV)/bin/fraudstream
ARGS ?=

.PHONY: help demo test check bench format requirements clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(VENV)/.demo ## Everything at once; ARGS="--for 60" ends by itself with a verdict
	@$(FRAUDSTREAM) demo $(ARGS)

test: $(VENV)/.dev ## Run the tests; ARGS="-k window" for some of them
	@$(PYTHON) -m pytest $(ARGS)

check: $(VENV)/.dev ## What CI runs: style, types, tests
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(MAKE) --no-print-directory test

bench: $(VENV)/.dev ## Measure against Quix Streams, a bare Faust agent and aiokafka; ARGS=--json
	@$(PYTHON) -m benchmarks $(ARGS)

format: $(VENV)/.dev ## Format the code and mend what can be mended safely
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

requirements: $(VENV)/.uv ## Compile the pinned requirements anew from pyproject.toml
	@compile="$(VENV)/bin/uv pip compile --quiet --universal --no-emit-index-url --no-annotate --python-version 3.11 pyproject.toml"; \
	$$compile --extra dev --extra bench -o requirements/dev.txt; \
	$$compile --extra demo -c requirements/dev.txt -o requirements/demo.txt; \
	$$compile -c requirements/dev.txt -o requirements/worker.txt

clean: ## Remove the virtual environment and everything the tools left behind
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.uv:
	@found=""; for python in python3 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then found=$$python; break; fi; done; \
	if [ -z "$$found" ]; then echo "fraudstream needs Python 3.11, 3.12 or 3.13 on the PATH" >&2; exit 2; fi; \
	echo "making $(VENV) with $$($$found --version)"; \
	$$found -m venv $(VENV); $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(VENV)/.uv
	@echo "installing what the demo needs"
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --quiet -r requirements/demo.txt
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/.uv
	@echo "installing what tests and benchmarks need"
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --quiet -r requirements/dev.txt
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --quiet --no-deps -e .
	@touch $@
