# Everything from a fresh clone: `make book`, `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := 0.13.9# exactly: another version may write the same lock in other words
LOCK   := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
          --group book --group test --group dev --group bench \
          --generate-hashes --no-emit-index-url --no-header --quiet
export MPLCONFIGDIR ?= $(CURDIR)/build/matplotlib
# Dozens of processes import PyTorch: in less than half the time, where they find it compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup book test lint unit chapters site golden lab serve lock bench clean distclean

help:  ## list the commands
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready  ## create .venv with the locked dependencies

$(VENV)/.ready: requirements.lock pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "Python 3.11 or newer is needed, $(PYTHON) is %d.%d; say: make PYTHON=/path/to/python" % v[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/uv --version 2>/dev/null | grep -qF "uv $(UV) " || $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

book: setup  ## make footage, train, run the chapters, render site and PDF into _book/
	$(BIN)/seeing book

test: setup lint unit chapters site  ## verify everything: code, chapters, numbers, rendered book
	@echo "All checks passed."

CHECKS := style imports types locked
lint: setup
	@$(MAKE) --no-print-directory --jobs 4 --output-sync $(CHECKS)

.PHONY: $(CHECKS)
style:
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet

imports:
	@mkdir -p build && $(BIN)/lint-imports --no-cache > build/imports.txt || { cat build/imports.txt; exit 1; }

types:
	$(BIN)/mypy --no-error-summary

locked:
	@mkdir -p build && cp requirements.lock build/requirements.lock && $(LOCK) -o build/requirements.lock \
	  && cmp -s requirements.lock build/requirements.lock \
	  || { echo "requirements.lock is not what pyproject.toml asks for: run 'make lock'"; exit 1; }

# Two processes of one thread each: networks as small as the tests' are trained no faster on two
# threads, and four threads on two cores take six times as long, as they wait for each other. With
# one thread, the numbers do not depend on how many cores there are, either.
unit chapters site: export OMP_NUM_THREADS := 1
unit: setup
	$(BIN)/pytest --quiet --numprocesses 2 --dist worksteal --ignore tests/chapters

# Two chapters at a time, those that take longest first, so that neither core waits long for the
# other. Appendices come last: they take the chapters' footage, and may show their numbers.
LONGEST  := 04-vqvae-versions 03-scalor-motsynth 02-sideswipe-classification
NUMBERED := $(LONGEST) $(filter-out $(LONGEST),$(basename $(notdir $(wildcard chapters/[0-9]*.ipynb))))
APPENDED := $(filter-out $(NUMBERED),$(basename $(notdir $(wildcard chapters/*.ipynb))))
ABREAST  := @$(MAKE) --no-print-directory --jobs 2 --output-sync
chapters: setup  ## run every chapter and compare its kept outputs (nbval)
	@echo "Chapters, two at a time; each is told of when it is finished."
	$(ABREAST) $(NUMBERED:%=compare-%)
	$(ABREAST) $(APPENDED:%=compare-%)

site: setup  ## render the book, then check its numbers, links and pages in a browser
	$(ABREAST) $(NUMBERED:%=execute-%)
	$(BIN)/seeing book
	$(BIN)/pytest --quiet --durations 10 tests/chapters

COMPARED := $(NUMBERED:%=compare-%) $(APPENDED:%=compare-%)
EXECUTED := $(NUMBERED:%=execute-%)
.PHONY: $(COMPARED) $(EXECUTED)
$(COMPARED): compare-%:
	$(BIN)/pytest --quiet --nbval-lax --nbval-cell-timeout 1800 -p no:randomly -W default chapters/$*.ipynb

$(EXECUTED): execute-%:
	$(BIN)/seeing run $*

golden: setup  ## rewrite kept outputs and tests/golden/ from the last build; review the diff
	$(BIN)/python -m lib.book.kept
	$(BIN)/python -m tests.chapters.golden

lab: setup  ## open JupyterLab on the chapters
	$(BIN)/jupyter lab --notebook-dir=. chapters

serve: setup  ## serve the rendered book on http://localhost:8000
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _book

bench: setup  ## measure speeds side by side with peers
	@for b in benchmarks/[a-z]*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

lock: setup  ## write requirements.lock anew from pyproject.toml
	$(LOCK) --upgrade -o requirements.lock

clean:  ## remove built pages and finished runs, keep footage and .venv
	rm -rf _book build runs

distclean: clean  ## remove .venv and made footage, too
	rm -rf $(VENV) data/blocks data/doom data/garage data/plaza data/scalor data/sprites
