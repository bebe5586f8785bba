# Every target sets up what it needs: a machine with Python 3.11 to 3.13 is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BOOK_PROFILE ?= released
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install test test-all book serve lab bench train lint clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(STAMP)  ## Set up .venv with everything the other targets need

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v[:2] <= (3, 13) and f"Python {v[0]}.{v[1]}: needs 3.11 to 3.13 (make PYTHON=python3.12 ...)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[book,test,lint]'
	touch $@

test: $(STAMP)  ## Run the fast tests
	$(BIN)/python -m pytest -m 'not slow and not book and not weekly'

test-all: $(STAMP)  ## Run all tests; those of the book need `make book` and Chromium first
	$(BIN)/python -m pytest -m 'not weekly'

book: $(STAMP)  ## Run the chapters and render the book into _build/html (BOOK_PROFILE=smoke|released|train)
	$(BIN)/python book/build.py --profile $(BOOK_PROFILE)

serve: $(STAMP)  ## Serve the rendered book on http://localhost:8000
	$(BIN)/python -m http.server --directory _build/html 8000

lab: $(STAMP)  ## Open the chapters in JupyterLab
	$(BIN)/jupyter lab notebooks

bench: $(STAMP)  ## Time the simulator and the solvers; writes benchmarks/results.json
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/run.py

train: $(STAMP)  ## Train every model into _training/NAME, on from where it stopped (hours on two cores)
	@set -e; for model in $$($(BIN)/python -c 'from deepstruc_lib.models import EXPERIMENTS; print(*EXPERIMENTS)'); do \
		echo "training $$model"; $(BIN)/deepstruc train $$model --resume; done

lint: $(STAMP)  ## Check style, types, spelling and the one-way imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/codespell
	$(BIN)/lint-imports

clean:  ## Remove what was built, but not .venv
	rm -rf _build _executed .pytest_cache .ruff_cache
