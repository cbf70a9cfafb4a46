# The project's commands; `make` alone lists them. Each creates .venv if there is none.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PEERS ?= .venv-peers
OLDEST ?= .venv-oldest
NEWEST ?= .venv-newest
COUNT ?= 10000
SEED ?= 1
# PICTURE is the former name of IMAGE and still works.
IMAGE ?= $(PICTURE)
.DEFAULT_GOAL := help

.PHONY: help demo train-demo test test-all test-oldest test-newest fuzz shape lint types format docs gif dist bench bench-bulk bench-peers bench-audit clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(VENV)/.finds: pyproject.toml constraints/small.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints/small.txt --editable '.[demo]'
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

demo: $(VENV)/.finds ## predict 68 points on a face; IMAGE=me.jpg adds your own image
	$(BIN)/python examples/demo.py $(if $(IMAGE),"$(IMAGE)")

train-demo: $(VENV)/.trains ## train a nose model on synthetic faces for about a minute, write a report, predict on a new image
	$(BIN)/python examples/train_demo.py

test: $(VENV)/.develops ## run all checks: lint, types, layers, doctests, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	@start=$$(date +%s); OMP_NUM_THREADS=1 $(BIN)/pytest -n auto -m "not slow" && echo $$(($$(date +%s) - start)) > .test-seconds

test-all: test ## run the slow tests too: browser flows, documentation, notebooks, and that nothing leaves the machine
	OMP_NUM_THREADS=1 $(BIN)/pytest -m slow

# The tests of prediction, which need no torch.
PREDICTION_TESTS := $(addprefix tests/,cli/test_cli.py cli/test_data.py cli/test_help.py cli/test_images.py cli/test_options.py cli/test_screen.py \
	datasets detect draw matching predict video) $(filter-out %/test_install.py %/test_structure.py,$(wildcard tests/test_*.py))

# Old versions use deprecated functions of others. Packages are not compiled: the oldest versions exist for Python 3.11 and 3.12.
test-oldest: ## run the tests of prediction with the oldest versions that pyproject.toml allows
	@test -x $(OLDEST)/bin/uv || { $(PYTHON) -m venv $(OLDEST) && $(OLDEST)/bin/python -m pip install --quiet uv; }
	$(OLDEST)/bin/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct --only-binary :all: --editable '.[test]'
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -W ignore::DeprecationWarning -m "not slow" $(PREDICTION_TESTS)

test-newest: ## run the tests of prediction with the newest versions of all packages
	@test -x $(NEWEST)/bin/python || $(PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable '.[test]'
	OMP_NUM_THREADS=1 $(NEWEST)/bin/python -m pytest -m "not slow" $(PREDICTION_TESTS)

fuzz: $(VENV)/.develops ## give nasion COUNT damaged and hostile inputs made from SEED; 10,000 take two minutes on two cores
	$(BIN)/python tests/fuzz --count $(COUNT) --seed $(SEED)

shape: $(VENV)/.develops ## print figures of the structure: modules, cycles, function lengths, docstrings; LIST=1 lists the places
	$(BIN)/python bench/shape.py $(if $(LIST),--list)

lint: $(VENV)/.develops ## run ruff and check the import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.develops ## run pyright
	$(BIN)/pyright

format: $(VENV)/.develops ## format the code and apply ruff's fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.develops ## write the documentation as a site that works offline: site/index.html
	$(BIN)/python tools/reference
	$(BIN)/zensical build --clean --strict

gif: $(VENV)/.develops ## record docs/studio.gif, the animation in README.md, with Chromium in about five minutes; CHROMIUM=PATH chooses another one
	OMP_NUM_THREADS=1 $(BIN)/python tools/gif

dist: $(VENV)/.develops ## build the wheel and the source package in dist/, and check them
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*

bench: $(VENV)/.develops ## measure data loading, training steps, imports and prediction
	$(BIN)/python bench/bench.py

$(VENV)/.bulk: $(VENV)/.develops
	$(BIN)/python -m pip install --quiet --editable '.[dev]' 'moto[server]'  # together, for a botocore that s3fs accepts
	@touch $@

bench-bulk: $(VENV)/.bulk ## kill drivers, workers and nodes of a bulk job, let its bucket fail, measure its rate; BULK="--images 5000 --kills 6" is shorter
	$(BIN)/python bench/bulk.py $(BULK)

$(PEERS)/.ready: bench/peers/requirements.txt pyproject.toml $(shell find src -name "*.py" -o -name "*.onnx")
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --requirement bench/peers/requirements.txt
	$(PEERS)/bin/python -m pip install --quiet --constraint bench/peers/requirements.txt .
	@touch $@

bench-peers: $(PEERS)/.ready ## compare nasion with dlib and MediaPipe; DATA=300W_DIR; QUICK=1 keeps dlib's default options, MORE=FORMAT:PATH trains another one with further faces; IMM=DIR GROUPS=DIR: whole images, too
	$(PEERS)/bin/python bench/peers/main.py "$(DATA)" $(if $(CACHE),--cache "$(CACHE)") $(if $(QUICK),--no-search) $(if $(MORE),--more "$(MORE)") $(foreach run,$(RUNS),--run $(run))
	$(if $(IMM),$(PEERS)/bin/python bench/peers/whole_image.py "$(IMM)" "$(GROUPS)" $(if $(YUNET),--detector-weights "$(YUNET)"))

bench-audit: $(PEERS)/.ready ## audit nasion, dlib and MediaPipe on the same corrupted images; DATA=300W_DIR; ON=FORMAT:PATH measures other faces, FACES=COUNT fewer; SHIPPED=1 takes dlib's own model
	$(PEERS)/bin/python bench/peers/audit.py "$(DATA)" $(if $(CACHE),--cache "$(CACHE)") $(if $(ON),--on "$(ON)") $(if $(FACES),--faces $(FACES)) $(if $(SHIPPED),--shipped)

clean: ## remove the virtual environments and the output of demo, docs, dist and test
	rm -rf $(VENV) $(PEERS) $(OLDEST) $(NEWEST) demo dist site .cache .pytest_cache .hypothesis .ruff_cache .import_linter_cache
