# Every way to start something. `make` alone lists them.

MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

# The newest Python the project takes; PYTHON=… names another.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	command -v $$name >/dev/null 2>&1 && \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && \
	{ echo $$name; exit; }; done; echo python3)

BIN := .venv/bin
FLASK := $(BIN)/flask --app app
# Two processes; tests of one file stay together, for they share a server or a browser, and files
# are handed out in the order that tests/conftest.py gives them.
PYTEST := $(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder

# What runs long: Ctrl-C and SIGTERM end it in peace, and make adds no complaint.
FOREGROUND := $(PYTHON) .ci/foreground.py

# What one process compiled the next need not, whatever the environment says: a third of its start.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup run serve test check bench faults migrate lint format

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install everything into .venv and node_modules, bundle the pages (again: only what changed)
	@$(PYTHON) .ci/setup.py

setup-browser:
	@$(PYTHON) .ci/setup.py --with browser
.PHONY: setup-browser

run: setup ## Run everything with the demo shop and the LINE simulator
	@$(FOREGROUND) $(BIN)/python -m handlers.operator.demo

serve: migrate ## Run the Procfile's processes with the environment as given
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(FOREGROUND) $(BIN)/honcho start web worker clock

test: setup-browser ## Run the tests; args=… goes to pytest
	@$(FOREGROUND) $(PYTEST) $(args)

check: setup-browser lint test ## Lint, types, import contracts and tests: what a change has to pass

lint: setup ## Only the first part of check: format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

faults: setup-browser ## Run the full fault matrices and kill tests
	@$(FOREGROUND) $(PYTEST) -m faults $(args)

bench: setup ## Measure: one line a figure; `make bench only=NAME` for one
	@$(FOREGROUND) $(BIN)/python -m benchmarks $(if $(only),--only $(only))

migrate: setup ## Bring the database's tables up to date
	@$(FLASK) db upgrade
