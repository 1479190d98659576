# Everything starts here: `make search` and `make test` set up .venv themselves; a second run reuses it.

# The newest Python that is installed, of those that requirements.txt has versions for.
IS_SUPPORTED := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p $(IS_SUPPORTED) >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready
WORKDIR ?= runs/mnist_small

# mypy has an environment of its own: TF-Agents pins a version of typing-extensions that is too old for it.
MYPY := .venv/mypy/bin/mypy

# The documentation's packages are no part of the program's environment.
MKDOCS := .venv/docs/bin/mkdocs

.PHONY: help search test test-fast test-slow test-faults test-browser lint format docs clean

search: $(READY)  ## the main job: search the table, train the best child, test it once, export it
	$(BIN)/python launch/search.py --workdir=$(WORKDIR) --reward=table --max_evaluations=40 --final_epochs=3 $(FLAGS)

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

test: $(READY)  ## all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-fast: $(READY)  ## the tests that need no TensorFlow, in under a minute; the others are skipped
	$(BIN)/python -m pytest -n 2 --dist loadfile --without-tensorflow

test-slow: $(READY)  ## what takes longer: real children, trained again
	$(BIN)/python -m pytest -m slow

test-faults: $(READY)  ## runs killed at every write and at random moments, full disks, signals, bytes flipped: at length
	$(BIN)/python -m pytest -m faults -s

test-browser: $(READY)  ## pages and TensorBoard in Chromium, which must be installed
	NAS_KERAS_TEST_BROWSER=required $(BIN)/python -m pytest -m browser

lint: $(READY) $(MYPY)  ## style, likely bugs, and types
	$(BIN)/ruff check . || { echo "To fix: make format"; exit 1; }
	$(BIN)/ruff format --check . || { echo "To fix: make format"; exit 1; }
	$(MYPY) --python-executable=$(BIN)/python

format: $(READY)  ## fix what lint finds, as far as it can be fixed by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Not --quiet: MkDocs would drop warnings before --strict counts them.
docs: $(MKDOCS)  ## the documentation as a site, site/index.html; any warning is an error
	NO_MKDOCS_2_WARNING=1 $(MKDOCS) build --strict

# The package itself is installed in place, so that an edit needs no new install.
$(READY): requirements.txt requirements-tf-agents.txt setup.py
	@test -n "$(PYTHON)" || { echo "nas_keras needs Python 3.11, 3.12 or 3.13; found:" \
		"$$(python3 --version 2>&1 || echo no python3). Install one, or name it: make PYTHON=/path/to/python3.13"; exit 1; }
	@$(PYTHON) $(IS_SUPPORTED) || { echo "nas_keras needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is" \
		"$$($(PYTHON) --version 2>&1). Name another: make PYTHON=/path/to/python3.13"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python $(IS_SUPPORTED) || { echo "nas_keras needs Python 3.11, 3.12 or 3.13, but .venv has" \
		"$$($(BIN)/python --version 2>&1). Make it anew: make clean, then the same command"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-tf-agents.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $(READY)

$(MYPY): .ci/mypy.txt | $(READY)
	test -x .venv/mypy/bin/python || $(BIN)/python -m venv .venv/mypy
	.venv/mypy/bin/python -m pip install --quiet --disable-pip-version-check -r .ci/mypy.txt
	touch $(MYPY)

$(MKDOCS): .ci/docs.txt | $(READY)
	test -x .venv/docs/bin/python || $(BIN)/python -m venv .venv/docs
	.venv/docs/bin/python -m pip install --quiet --disable-pip-version-check -r .ci/docs.txt
	touch $(MKDOCS)

clean:  ## remove the environment and what a build leaves
	rm -rf .venv build site *.egg-info
