# SeedPilot: `make run` opens the dashboard, `make test` runs the tests. `make help` lists the rest.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TORCH  := 2.13.0

# torch: on Linux without an NVIDIA GPU the version asked for carries "+cpu", so that nothing can bring
# gigabytes of CUDA in its place: either the CPU build is found or the step fails. --no-deps because the
# extra index is for this one wheel; what torch needs comes with the project, from the usual index.
ifeq ($(shell uname -s)$(shell command -v nvidia-smi >/dev/null 2>&1 && echo -gpu),Linux)
TORCH_WHEEL := --no-deps --retries 2 --extra-index-url https://download.pytorch.org/whl/cpu 'torch==$(TORCH)+cpu'
else
TORCH_WHEEL := 'torch==$(TORCH)'
endif

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-gpu check format screenshots pictures figures clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/:.*  ## /\t/' | expand -t 14

run: $(VENV)/.installed  ## set up .venv where needed, then open the dashboard on 127.0.0.1
	$(BIN)/seedpilot app

# Three processes also on two cores: a third of the time a test waits for a browser, a server or a child.
test: $(VENV)/.installed-dev  ## set up .venv where needed, then run the tests (minutes; neither slow nor gpu)
	$(BIN)/pytest -n 3 --dist loadfile

test-slow: $(VENV)/.installed-dev  ## the tests that take longer than a minute each
	$(BIN)/pytest -m "slow and not gpu"

test-gpu: $(VENV)/.installed-dev  ## the tests that need a CUDA device
	$(BIN)/pytest -m gpu

check: $(VENV)/.installed-dev  ## ruff, mypy and import-linter, as CI does
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev  ## ruff's formatter and its safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshots: $(VENV)/.installed-dev  ## every page, light and dark, 1440 and 390 px wide, into screenshots/
	$(BIN)/python -m tests.browser.screenshots

pictures: $(VENV)/.installed-dev  ## the README's pictures anew, into docs/pictures/
	$(BIN)/python -m tests.browser.pictures

figures: $(VENV)/.installed-dev  ## the figures of docs/atlas.md anew from data/atlas, into docs/pictures/
	$(BIN)/python -m tests.browser.figures

clean:  ## forget .venv and all caches; runs/ stays
	rm -rf $(VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# --- set up; a stamp says which step is done, and a newer pyproject.toml makes it due again ---------------

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "SeedPilot needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q 'pip>=25.1'
	@touch $@

$(VENV)/.torch-$(TORCH): $(VENV)/.python
	$(BIN)/python -m pip install -q $(TORCH_WHEEL)
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.torch-$(TORCH)
	$(BIN)/python -m pip install -q -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install -q --group dev
	@touch $@
