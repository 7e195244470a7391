# `make` lists the targets. Tests run in .venv, which holds every package; the demo needs only cookiecutter of its own.
.DEFAULT_GOAL := help
SHELL := /bin/sh

UV := $(shell command -v uv 2>/dev/null)
PYTHON ?= $(shell for one in python3 python3.13 python3.12 python3.11; do \
	$$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$one && break; done)
READY := .venv/.ready
DEMO := build/demo

# The tests of a file share what they need, so they stay together; tests/conftest.py puts the longest files first, so both
# processes end together.
PYTEST := .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

export DVC_NO_ANALYTICS := 1
export UV_COMPILE_BYTECODE := 1
# Without compiled modules every Python started here would take three times as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-all fast slow lint catalog gallery reference trees bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(DEMO)/Makefile ## Stamp a project from the default recipe into build/demo and run its pipeline
	@$(MAKE) --no-print-directory -C $(DEMO) run

test: lint ## Check the code, run the fast tests and each recipe once; ten minutes
	$(PYTEST) --durations=30 -m "not slow or e2e"

test-all: lint ## Run all tests; three quarters of an hour
	$(PYTEST) --durations=100

fast: $(READY) ## Run the tests that take seconds
	$(PYTEST) --durations=30 -m "not slow"

slow: $(READY) ## Run the tests that set up environments and run pipelines
	$(PYTEST) --durations=100 -m slow

lint: $(READY) ## Check style and types of the template's own code, and its workflows
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/zizmor --offline --quiet .github/workflows

catalog: $(READY) ## Write recipes/catalog.json anew from the installed packages
	.venv/bin/python scripts/catalog.py

reference: $(READY) ## Write docs/params.md anew from the declarations of the params
	.venv/bin/python scripts/reference.py

gallery: $(READY) ## Run the recipes that changed (or RECIPES="...") and write the gallery
	.venv/bin/python scripts/gallery.py $(RECIPES)

trees: $(READY) ## Write the expected file trees of tests/trees anew
	.venv/bin/python -m pytest -q -k file_tree --write-trees

bench: $(READY) ## Measure stamping and running against their peers
	.venv/bin/python benchmarks/run.py

clean: ## Remove the environments, the demo and the caches
	rm -rf .venv .venv-demo build .pytest_cache .ruff_cache .mypy_cache

$(DEMO)/Makefile: .venv-demo/.ready
	@.venv-demo/bin/cookiecutter . --no-input --output-dir build project_name=Demo

.venv-demo/.ready: pyproject.toml
	@echo "Installing cookiecutter ..."
	@$(call environment,.venv-demo,stamp)

$(READY): pyproject.toml
	@echo "Installing the packages of all recipes and tests; with pip this takes some minutes ..."
	@$(call environment,.venv,test)

# $(call environment,folder,group): a virtual environment with a dependency group of pyproject.toml.
define environment
	if [ -n "$(UV)" ]; then \
		"$(UV)" venv --quiet --allow-existing --python '>=3.11,<3.14' $(1) && \
		"$(UV)" pip install --quiet --python $(1)/bin/python --group $(2); \
	elif [ -n "$(PYTHON)" ]; then \
		"$(PYTHON)" -m venv $(1) && \
		$(1)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' && \
		$(1)/bin/python -m pip install --quiet --disable-pip-version-check --group $(2); \
	else \
		echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python" >&2; exit 1; \
	fi && touch $(1)/.ready
endef
