# Needs only Python >= 3.10 with its venv module; the rest is installed into .venv.
PYTHON ?= python3
TASK ?= copy
SEED ?= 0
RUN ?= runs/$(TASK)-$(SEED)

BIN := .venv/bin
PRETRAINED := copy-ntm copy-dnc copy-lstm associative_recall-ntm associative_recall-dnc associative_recall-lstm \
  repeat_copy-ntm repeat_copy-dnc dynamic_ngrams-ntm dynamic_ngrams-dnc \
  priority_sort-ntm priority_sort-dnc

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help train quick test check figures docs throughput page reports pretrained playground clean

help: ## show this
	@echo "make train [TASK=copy|repeat_copy|associative_recall|...] [SEED=0] [RUN=folder]"
	@sed -n 's/^\([a-z]*\):.*## /make \1: /p' Makefile

train: .venv/installed-agents ## train, evaluate and draw one run; replaces an earlier one in its folder
	$(BIN)/python scripts/train.py $(TASK) --seed $(SEED) --run $(RUN) --overwrite
	$(BIN)/python scripts/plot.py $(RUN)

quick: check ## check style and types, and run the tests that are not slow
	$(BIN)/python -m pytest -m "not slow" --numprocesses 2 --dist worksteal

test: check ## check style and types, and run all tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

figures: .venv/installed-agents ## rewrite the README's pictures in docs/images
	$(BIN)/python scripts/dev/pictures.py

docs: .venv/installed-agents ## rewrite docs/environments.md and its pictures
	$(BIN)/python scripts/dev/pages.py

throughput: .venv/installed-agents ## measure speed against the baselines
	$(BIN)/python scripts/dev/throughput.py

page: .venv/installed-dev ## test the pages of playground and report, which needs a Chromium
	$(BIN)/python -m pytest -m browser

playground: .venv/installed-demo ## serve a page to look at memories at work
	$(BIN)/python scripts/playground.py

reports: .venv/installed-report ## write a page of each of the results in docs/results
	for results in docs/results/*/; do \
	  $(BIN)/python scripts/report.py $$results || exit; \
	done

pretrained: .venv/installed-agents ## train the networks in pretrained/ anew, which takes hours
	for name in $(PRETRAINED); do \
	  $(BIN)/python scripts/train.py $${name%-*} --cell $${name#*-} --run pretrained/$$name --overwrite --episodes 0 || exit; \
	done

clean: ## remove what make test and tools leave behind; runs and .venv stay
	rm -rf build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find agents ntm_gym scripts tests -name __pycache__ -prune -exec rm -r {} +

.venv/bin/python:
	$(PYTHON) -m venv .venv

# pip runs again only after these files change: the empty .venv/installed-EXTRA is younger than they.
.venv/installed-%: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --editable ".[$*]" --constraint constraints.txt
	@touch $@
