# make demo    set everything up, and run the main job          make test    set everything up, and pass the tests
# make setup   only set up (.venv)                              make results the recipes on real data → docs/results.md
# make faults  every fault in its full dose → docs/reliability.md
# make bench   speed beside what people use → docs/speed.md; sets up .venv-bench (2 GB)
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup demo test check slow results faults bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || (echo "mapsto needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable .
	@touch $(READY)

demo: setup
	$(BIN)/mapsto train digits

# one thread a process: two OpenMP threads collapse beside a busy neighbour
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 -m "not slow"

slow: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m slow

check: setup
	$(BIN)/ruff check src tests benchmarks

# everything, or some: make results RECIPES="digits titanic"
results: setup
	$(BIN)/python -m benchmarks.results $(RECIPES)

# everything, or some: make faults ONLY=tests/faults/test_kills.py
faults: setup
	MAPSTO_FAULTS=full OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -s $(or $(ONLY),tests/faults)
	$(BIN)/python -m benchmarks.guard
	$(BIN)/python -m benchmarks.reliability

# everything, or some: make bench ONLY=digits; the machine must have nothing else to do
bench: .venv-bench/.ready
	.venv-bench/bin/python -m benchmarks.speed $(ONLY)
	$(if $(ONLY),,for each in parts shards generation; do .venv-bench/bin/python -m benchmarks.speed.$$each || exit 1; done)

.venv-bench/.ready: pyproject.toml benchmarks/speed/constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-bench/bin/python -m pip install --quiet --constraint benchmarks/speed/constraints.txt torch
	.venv-bench/bin/python -m pip install --quiet --constraint benchmarks/speed/constraints.txt --group bench --editable .
	.venv-bench/bin/python -m pip install --quiet --constraint benchmarks/speed/constraints.txt --no-deps fastai
	@touch .venv-bench/.ready

clean:
	rm -rf .venv .venv-bench .pytest_cache .ruff_cache
