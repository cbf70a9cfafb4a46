# The verbs of the project; `make` alone lists them. Each makes .venv by itself where there is none.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PEERS ?= .venv-peers
.DEFAULT_GOAL := help

.PHONY: help demo train-demo test lint types format bench bench-peers clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(VENV)/.finds: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.trains: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[train]'
	@touch $@

$(VENV)/.develops: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.trains $(VENV)/.finds

demo: $(VENV)/.finds ## find 68 points on a face; with PICTURE=me.jpg, in your picture too
	$(BIN)/python examples/demo.py $(if $(PICTURE),"$(PICTURE)")

train-demo: $(VENV)/.trains ## train a nose on drawn faces for about a minute, write a report, find the nose in a new picture
	$(BIN)/python examples/train_demo.py

test: $(VENV)/.develops ## all checks: lint, types, layers, doctests, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/pytest

lint: $(VENV)/.develops ## ruff and the layers of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.develops ## pyright
	$(BIN)/pyright

format: $(VENV)/.develops ## let ruff lay out and mend the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.develops ## measure loader, training step, import and prediction
	$(BIN)/python bench/bench.py

$(PEERS)/.ready: bench/peers/requirements.txt pyproject.toml $(shell find src -name "*.py" -o -name "*.onnx")
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --requirement bench/peers/requirements.txt
	$(PEERS)/bin/python -m pip install --quiet .
	@touch $@

bench-peers: $(PEERS)/.ready ## measure nasion beside dlib and MediaPipe; DATA=300W_DIR, QUICK=1 tries no options for dlib
	$(PEERS)/bin/python bench/peers/main.py "$(DATA)" $(if $(CACHE),--cache "$(CACHE)") $(if $(QUICK),--no-search) $(foreach run,$(RUNS),--run $(run))

clean: ## remove the virtual environment and what demo and test wrote
	rm -rf $(VENV) $(PEERS) demo .pytest_cache .hypothesis .ruff_cache .import_linter_cache
