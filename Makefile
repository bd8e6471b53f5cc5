# `make serve` and `make test` do everything, from an empty machine on; the rest is for people at work on Parlance.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
PORT ?= 8000
USERS ?= 50
SCENARIO ?= steady
TIME ?= 30s
FUZZ ?= 120
HOST ?= ws://127.0.0.1:$(PORT)
HOURS ?= 1
DATA ?= ../shared/data/nlu
VENV := .venv
TRAIN_VENV := .venv-train
BIN := $(VENV)/bin
# Most tests wait more than they work; those that load or kill servers come when the others are through.
ABREAST := tests/browser tests/integration tests/contract tests/unit
ALONE := tests/fuzz tests/chaos

# Without bytecode every start compiles thousands of files: 4 seconds instead of 2.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help serve setup test test-train chaos bench loadtest soak model format clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

serve: $(VENV)/.serve ## set up what is missing and run the server (PORT=8000)
	@exec $(BIN)/parlance serve --port $(PORT)

setup: $(VENV)/.serve ## set up .venv; afterwards the command is .venv/bin/parlance

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Parlance needs Python 3.11 or newer; name one with PYTHON=/path/to/python3"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once, less than a minute) …"
	$(BIN)/python install.py
	@touch $@

$(VENV)/.test: $(VENV)/.serve
	$(BIN)/python install.py test,loadtest
	@touch $@

# With pip itself: of the many builds of torch it takes the one that this machine's settings name.
$(TRAIN_VENV)/.train: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TRAIN_VENV)
	$(TRAIN_VENV)/bin/python -m pip --disable-pip-version-check -q install --prefer-binary -c constraints.txt -e '.[train]'
	@touch $@

test: $(VENV)/.test ## all checks and tests (installs Redis, PostgreSQL, Chromium and Node from Debian's packages if absent)
	@sh tests/support/install-services.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@echo "mypy, and beside it, on what tests that wait leave of the processors: pytest $(ABREAST)"
	@$(BIN)/mypy >$(VENV)/mypy.log 2>&1 & mypy=$$!; \
	$(BIN)/pytest -n 3 --durations 15 --dist loadfile --no-loadscope-reorder $(ABREAST); tests=$$?; \
	wait $$mypy; types=$$?; echo "mypy:"; cat $(VENV)/mypy.log; \
	exit $$(( tests || types ))
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ALONE)

test-train: $(TRAIN_VENV)/.train ## the training pipeline on a handful of rows, export and quantisation included
	$(TRAIN_VENV)/bin/python -m pytest tests/train

chaos: $(VENV)/.test ## every fault of tests/chaos at length (half an hour); make test runs them in a short form
	@sh tests/support/install-services.sh
	CHAOS=long $(BIN)/pytest tests/chaos --timeout 1800 -s --durations 0

fuzz: $(VENV)/.test ## fuzz frames, ten minutes in all (FUZZ=120 seconds for each of five fuzzers)
	FUZZ_S=$(FUZZ) $(BIN)/pytest tests/fuzz

bench: $(VENV)/.test ## benchmarks beside their peers; results in results/bench.json
	@mkdir -p results
	$(BIN)/python -m loadtest.bench --json results/bench.json

loadtest: $(VENV)/.test ## simulated customers against a running server (SCENARIO=steady USERS=50 TIME=30s HOST=ws://127.0.0.1:8000)
	@mkdir -p results
	$(BIN)/python -m loadtest.run --scenario $(SCENARIO) --users $(USERS) --time $(TIME) --host $(HOST) \
		--csv results/loadtest --html results/loadtest.html

soak: $(VENV)/.test ## nightly: hours of ordinary life, then whether memory or descriptors grew (HOURS=1)
	@mkdir -p results
	$(BIN)/python -m loadtest.soak --hours $(HOURS) --json results/soak.json

model: $(TRAIN_VENV)/.train ## train, export, quantise, evaluate and pack the model (DATA=folder; an hour or two)
	$(TRAIN_VENV)/bin/python -m models_onnx.build --data $(DATA) --work .cache/nlu --out models_onnx/nlu --resume

format: $(VENV)/.test ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what was set up and built (not the data folder)
	rm -rf $(VENV) $(TRAIN_VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
