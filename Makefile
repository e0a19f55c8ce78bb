# make run    hebb-repetition on the built-in digits: table, recording, figure
# make test   the tests
# make check  lint, format, types, import direction
# make bench  the benchmark table, kept in benchmarks/results/

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= runs
SOURCES := $(shell find engram data protocols models sim analysis -name '*.py' -o -name '*.yaml') pyproject.toml README.md

.PHONY: run test check bench clean

# Dependencies once; the package itself again whenever a source changed.
$(VENV)/.dependencies: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt '.[features,test,dev]'
	touch $@

$(VENV)/.package: $(VENV)/.dependencies $(SOURCES)
	rm -rf build
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall .
	rm -rf build
	touch $@

run: $(VENV)/.package
	env -u ENGRAM_DATA $(BIN)/engram run hebb-repetition --models conventional,hybrid --subjects 10 --seed 1 \
	  --out $(OUT)/hebb-repetition.h5 --overwrite
	$(BIN)/engram plot $(OUT)/hebb-repetition.h5 --out $(OUT)/hebb-repetition.png

test: $(VENV)/.package
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

check: $(VENV)/.package
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd $(VENV) && bin/python -m mypy --config-file ../pyproject.toml -p engram
	$(BIN)/python -m pytest -q tests/test_imports.py

bench: $(VENV)/.package
	$(BIN)/python benchmarks/speed.py

clean:
	rm -rf $(VENV) build *.egg-info
