# Everything here makes its own .venv: a machine with Python 3.11, make and the package registries is enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo check slot test test-long raster screenshots bench bench-quick bench-overload bench-micro bench-inside bench-instructions bench-feeds bench-pictures bench-rasters bench-simulator bench-decisions bench-many lock needs clean

help:  ## What there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

install: $(STAMP)  ## Make .venv with the locked dependencies

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install  ## A shop, a news site and the ad server, on this machine
	$(BIN)/adserver demo

check: install  ## Format, lint, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.words

slot:  ## The publisher's tag made small again, after a change to slot.js; needs npx
	cd adserver/web/static && { printf '/* %.16s docs/slot.md */\n' "$$(sha256sum < slot.js)"; \
	  npx --yes terser@5.51.2 slot.js --compress ecma=2018,passes=3 --mangle; } > slot.min.js.new && mv slot.min.js.new slot.min.js

needs: install
	$(BIN)/python -m tests.needs

# Hundreds of Python processes are started: compiled modules are kept, whatever the surroundings say of it.
test test-long: export PYTHONDONTWRITEBYTECODE =

test: install needs  ## Every kind of test; ten minutes on two cores are what it is meant to take
	$(BIN)/pytest -m "not long" --numprocesses auto --dist loadfile --no-loadscope-reorder

test-long: install needs  ## What takes longer
	$(BIN)/pytest -m long

screenshots: install needs  ## Make the reference pictures of the designs anew, and those of the documentation
	$(BIN)/python -m tests.browser.design_references

raster: install needs  ## Measure the layouts of all designs in Chromium, for banners drawn as pictures
	$(BIN)/python -m tests.browser.raster_layouts

bench: install  ## Requests per second and latency by load, next to its peers, in one run of eight minutes
	$(BIN)/python -m benchmarks.compare

bench-quick: install  ## The same in a minute, to see that it works
	$(BIN)/python -m benchmarks.compare --quick --out artifacts/bench

bench-overload: install  ## A minute of 1.5 times the peak
	$(BIN)/python -m benchmarks.overload

bench-micro: install  ## What each step of a pixel and of an ad costs
	$(BIN)/python -m benchmarks.micro

bench-inside: install  ## Where the processor time of a pixel and of an ad goes inside a worker
	$(BIN)/python -m benchmarks.inside

bench-instructions: install  ## Processor instructions of a pixel and of an ad: the same on any day; two minutes, needs valgrind
	$(BIN)/python -m benchmarks.instructions

bench-feeds: install  ## Products per second of a feed's import, next to a bare loop over the same file; five minutes
	$(BIN)/python -m benchmarks.feeds --out benchmarks/results/feeds.md

bench-pictures: install  ## What making the picture of a tile costs
	$(BIN)/python -m benchmarks.pictures

bench-rasters: install  ## What drawing a banner as a picture costs, by step
	$(BIN)/python -m benchmarks.rasters

bench-decisions: install  ## What choosing line items and products costs, without network and Valkey; a minute
	$(BIN)/python -m benchmarks.decisions --out benchmarks/results/decisions.md

bench-many: install  ## What is left of the rate of ads with 200 line items; a minute
	$(BIN)/python -m benchmarks.many

bench-simulator: install  ## Twenty simulated days and a week, whose truth is known, with a real server; nine minutes
	$(BIN)/python -m benchmarks.simulator

lock:  ## Resolve the dependencies anew (needs an installed .venv)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --output-file requirements.lock pyproject.toml

clean:  ## Remove what was made here
	rm -rf $(VENV) artifacts .mypy_cache .ruff_cache .pytest_cache
