# Every target works on a fresh machine with CPython 3.11 or newer, git and make.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo picture check check-slow bench bench-quick docs dist format lint types architecture test clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 16

.venv/pip:
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	touch $@

.venv/installed: pyproject.toml .venv/pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

demo: .venv/installed  ## train on the bundled images, print the scores, write the report
	$(BIN)/counterpoint fit sample:fashion --out runs/demo --minutes 3 --overwrite
	$(BIN)/counterpoint evaluate runs/demo --train sample:fashion --test sample:fashion-test
	$(BIN)/counterpoint report runs/demo

picture:  ## draw the picture of the report in the README anew, after make demo; needs chromium
	chromium --headless --no-sandbox --hide-scrollbars --window-size=1180,1320 --screenshot=docs/pictures/report.png \
		file://$(CURDIR)/runs/demo/report.html

check: .venv/installed-dev  ## what CI runs; the tests beside all other checks, which take one core
	@$(MAKE) --no-print-directory --jobs 2 test format lint types architecture

format lint types architecture test: .venv/installed-dev

format:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

architecture:
	$(BIN)/lint-imports

test:
	$(BIN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder -m "not slow"

check-slow: .venv/installed-bench  ## the tests that take minutes, and those against other libraries
	$(BIN)/python -m pytest -q -m slow

.venv/installed-bench: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --editable . --group bench
	touch $@

bench: .venv/installed-bench  ## speed and memory beside other libraries; writes docs/benchmarks.md
	$(BIN)/python benchmarks/run.py

bench-quick: .venv/installed-bench  ## the same, smaller, in two minutes; writes nothing
	$(BIN)/python benchmarks/run.py --quick

# The site needs the text of the package only, not torch: the package itself is not installed for it.
.venv/installed-docs: pyproject.toml .venv/pip
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

docs: .venv/installed-docs  ## build the documentation as a site, in site/; a broken link or anything foreign fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	$(BIN)/python docs/hooks/offline.py site

.venv/installed-release: pyproject.toml .venv/pip
	$(BIN)/python -m pip install --quiet --group release
	touch $@

dist: .venv/installed-release  ## build the source distribution and the wheel, in dist/, and check what they say of themselves
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

clean:
	rm -rf .venv runs build dist site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
