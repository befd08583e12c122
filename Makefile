# A fresh clone, Python 3.11 or newer and pip are enough: the first target makes .venv and installs everything into it.
#   make run                        use another Python with   make run PYTHON=python3.13
# On Linux PyPI's torch brings CUDA along. Without an NVIDIA GPU, save the gigabytes on the first call:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make run

# Run it rather than look for it: a version manager's shim may be there without a Python 3.11 behind it.
PYTHON ?= $(shell python3.11 -c 'print("python3.11")' 2>/dev/null || echo python3)
VENV   := .venv
COLAB  := .venv-colab
DIR    := course
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Two processes at a time, each on one core: a quarter quicker than one after the other on two.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile
BOTH   := runs/notebooks
TORCH  := $(shell grep '^torch==' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help run test quick test-colab lessons lab course executed site bench format clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: $(STAMP)  ## start here: train an assistant in 9 to 20 minutes, score it, question it
	$(BIN)/vlmcore run

test: $(STAMP)  ## lint, formatting, import contract, all tests and every notebook, without the network
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(PYTEST)
	$(BIN)/python tools/course.py both $(BOTH)
	$(PYTEST) --nbval-lax $(BOTH)

quick: $(STAMP)  ## what to run before each commit: lint, formatting, import contract and the tests that take no time
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(PYTEST) -m "not slow"

test-colab: $(COLAB)/.installed  ## the chat widget and all imports with the older versions that Colab brings
	$(COLAB)/bin/pytest tests/test_widget.py tests/test_colab.py

lessons: $(STAMP)  ## build lessons/ from solutions/
	$(BIN)/python tools/course.py lessons

lab: $(STAMP)  ## open the lessons in JupyterLab
	cd lessons && ../$(BIN)/jupyter lab

course: $(STAMP)  ## for teachers: a complete nbgrader course in course/, or elsewhere with DIR=...
	$(BIN)/python tools/course.py course "$(DIR)"

executed: $(STAMP)  ## run the lessons that have changed, answers filled in, and keep what they show (all: 20 minutes)
	$(BIN)/python -m tools.executed

site: $(VENV)/.site  ## the executed lessons as a site in site/; ANSWERS=no leaves the answers out
	$(BIN)/python -m tools.website $(if $(filter no,$(ANSWERS)),--no-answers)

bench: $(STAMP)  ## measure speed on this machine, and kill and resume a run twenty times
	$(BIN)/python -m tests.bench

format: $(STAMP)  ## put code and imports in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove caches and build products (both .venv and runs/ stay)
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o -path ./$(COLAB) -prune -o -path ./.git -prune -o -type d \
		\( -name __pycache__ -o -name .ipynb_checkpoints \) -exec rm -rf {} +

# Once, and again whenever what to install has changed. torch goes first and alone: its version is then settled, as the
# CPU build where pip has been shown one (2.13.0+cpu counts as newer than 2.13.0), before anything else asks for it.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'vlmcore needs Python 3.11 or newer; say where: make PYTHON=/path/to/python3.11'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -c constraints.txt $(TORCH)
	$(BIN)/pip install -c constraints.txt -e '.[test,lab]'
	@touch $@

# What builds the site is apart: neither lessons nor tests need it.
$(VENV)/.site: $(STAMP)
	$(BIN)/pip install -c constraints.txt -e '.[site]'
	@touch $@

# As Colab's set-up cell has it: what is there stays, constraints.txt has no say. Only torch is ours, because of its size.
$(COLAB)/.installed: pyproject.toml constraints.txt colab.txt
	$(PYTHON) -m venv $(COLAB)
	$(COLAB)/bin/pip install $(TORCH)
	$(COLAB)/bin/pip install -r colab.txt -e . pytest
	@touch $@
