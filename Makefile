# make run    hebb-repetition on the built-in digits: table, recording, figure
# make test   the tests
# make check  lint, format, types, import direction
# make docs   the site with its gallery, in docs/_build/html
# make bench  the benchmark table, kept in benchmarks/results/

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= runs
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test check docs bench clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --constraint constraints.txt --editable '.[features,test,dev,docs]'
	touch $@

run: $(VENV)/.installed
	env -u ENGRAM_DATA $(BIN)/engram run hebb-repetition --models conventional,hybrid --subjects 10 --seed 1 \
	  --out $(OUT)/hebb-repetition.h5 --overwrite
	$(BIN)/engram plot $(OUT)/hebb-repetition.h5 --out $(OUT)/hebb-repetition.png --overwrite

test: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# Types are checked on the package as users get it, not as it lies here in folders.
check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build $(VENV)/typed
	$(PIP) --no-deps --target $(VENV)/typed .
	cd $(VENV)/typed && ../bin/python -m mypy --config-file ../../pyproject.toml -p engram
	rm -rf build
	$(BIN)/python -m pytest -q tests/test_imports.py

docs: $(VENV)/.installed
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/speed.py

clean:
	rm -rf $(VENV) build *.egg-info docs/_build docs/examples docs/project docs/api/*.rst
