# Every command of the project by one name. `make` lists them.

CARGO ?= cargo
PYTHON ?= python3
# An interpreter with Debian's GDAL bindings (python3-gdal); GDAL's own validator runs in it.
GDAL_PYTHON ?= /usr/bin/python3
# The committed Cargo.lock decides; `make test LOCKED=` lets cargo update it.
LOCKED ?= --locked
SHELL := bash
export PYTHON GDAL_PYTHON
# rustup puts cargo there, and a shell opened before it did does not know.
export PATH := $(HOME)/.cargo/bin:$(PATH)

# What is built and measured is the release build. CI has a profile of its own, `ci`, for everything: one build in place of two.
PROFILE ?= release
TEST_PROFILE ?= dev
TEST_BINARIES := target/$(if $(filter dev,$(TEST_PROFILE)),debug,$(TEST_PROFILE))
PARCELLE := target/$(PROFILE)/parcelle
TESTDATA := target/$(PROFILE)/parcelle-testdata
# With --workspace features are those of the whole, as in every other command here: nothing is compiled twice.
BENCHES := $(foreach bench,convert settings memory check,--bench $(bench))
# What `make build` builds. CI builds all at once: features that only tests and benches ask for would have it compiled twice.
BUILD_TARGETS ?= --bins
VENV := .venv
VENV_PEERS := .venv-peers

.DEFAULT_GOAL := help
.PHONY: help setup setup-interop build demo test lint lint-fuzz deny interop soak sanitize bench bench-smoke bench-peers bench-peers-check fuzz \
	fuzz-smoke testdata clean-demo

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | \
		while IFS=$$'\t' read -r name what; do printf '  %-17s %s\n' "$$name" "$$what"; done

setup: ## install what is missing to build: GDAL, SQLite, a C compiler (Debian, Ubuntu)
	@scripts/setup build

setup-interop:
	@scripts/setup interop

build: setup ## build the binaries, as they are shipped
	$(CARGO) build --profile $(PROFILE) $(LOCKED) --workspace $(BUILD_TARGETS)

demo: build ## make sample data, convert it, check good and broken rasters
	@scripts/demo $(PARCELLE) $(TESTDATA) demo

# The end-to-end tests call the binary: it is built first, with the features the tests are built with.
test: setup ## run all tests
	$(CARGO) build --profile $(TEST_PROFILE) $(LOCKED) --workspace --all-targets
	$(CARGO) test --profile $(TEST_PROFILE) $(LOCKED) --workspace

lint: setup ## formatting, clippy, documentation, licences, committed test data
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check
	$(CARGO) clippy --profile $(TEST_PROFILE) $(LOCKED) --workspace --all-targets -- -D warnings
	$(CARGO) clippy --profile $(TEST_PROFILE) $(LOCKED) -p parcelle --no-default-features --features sqlite-bundled -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --profile $(TEST_PROFILE) $(LOCKED) --workspace --no-deps --lib
	$(CARGO) build --profile $(TEST_PROFILE) $(LOCKED) --workspace --all-targets
	$(TEST_BINARIES)/parcelle-testdata small --check testdata
	@scripts/supply-chain

# Not part of `make lint`: the fuzz targets are a workspace of their own, which is looked through from arrow on, in 100 s of processor
# time.
lint-fuzz: setup ## clippy over the fuzz targets (not in CI)
	CARGO_TARGET_DIR=target/fuzz $(CARGO) clippy $(LOCKED) --manifest-path tests/fuzz/Cargo.toml --no-default-features --all-targets -- -D warnings

# `make lint` does the same where cargo-deny is installed; here it has to be.
deny: ## licences, sources and duplicates of the dependencies, by cargo-deny
	@$(CARGO) deny --version
	@scripts/supply-chain

interop: build setup-interop $(VENV)/stamp ## compare with GDAL, pyogrio, geopandas, DuckDB, rio-cogeo, geoparquet-validator, gpio
	$(VENV)/bin/python tests/interop/run.py --parcelle $(PARCELLE) --testdata $(TESTDATA) --gdal-python $(GDAL_PYTHON)

# SOAK_OPTIONS goes to the script: make soak SOAK_OPTIONS="--rows 2000000 --folder /data"; --help lists them.
soak: build setup-interop $(VENV)/stamp ## convert 50 million rows inside 1 GB, and measure (most of an hour, 30 GB of disk; not in CI)
	$(VENV)/bin/python tests/interop/soak.py --parcelle $(PARCELLE) --testdata $(TESTDATA) $(SOAK_OPTIONS)

sanitize: setup ## tests of the crates with foreign code under AddressSanitizer and valgrind (not in CI)
	@scripts/sanitize

$(VENV)/stamp: tests/interop/requirements.txt | setup-interop
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench: build ## run all benches (several minutes)
	$(CARGO) bench --profile $(PROFILE) $(LOCKED) --workspace $(BENCHES)

bench-smoke: build ## run each bench briefly: that they work, not what they measure
	PARCELLE_BENCH_ROWS=20000 $(CARGO) bench --profile $(PROFILE) $(LOCKED) --workspace $(BENCHES) -- --warm-up-time 0.2 --measurement-time 0.5 --sample-size 10

# PEERS_OPTIONS goes to the script: make bench-peers PEERS_OPTIONS="--formats gpkg --rounds 1"; --help lists them.
bench-peers: build $(VENV_PEERS)/stamp ## measure beside DuckDB, SedonaDB, pyogrio, geopandas, gpio, ogr2ogr (hours; PARCELLE_BENCH_ROWS)
	$(VENV_PEERS)/bin/python benches/peers/run.py --parcelle $(PARCELLE) --testdata $(TESTDATA) $(PEERS_OPTIONS)

# Needs 2.5 GB of disk, and crates.io for the peer crate. make bench-peers-check PEERS_OPTIONS="--rounds 3"; --help lists them.
bench-peers-check: build setup-interop ## measure check beside GDAL's validator, the crate cog_validator, gdalinfo (minutes)
	$(PYTHON) benches/peers/check/run.py --parcelle $(PARCELLE) --testdata $(TESTDATA) --gdal-python $(GDAL_PYTHON) $(PEERS_OPTIONS)

$(VENV_PEERS)/stamp: benches/peers/requirements.txt | setup-interop
	$(PYTHON) -m venv --clear $(VENV_PEERS)
	$(VENV_PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# FUZZ_OPTIONS goes to the script: make fuzz FUZZ_OPTIONS="--only tiff --seconds 3600"; --help lists them.
fuzz: setup ## run the fuzz targets on seeds, ten minutes each
	scripts/fuzz $(FUZZ_OPTIONS)

# Without sanitizer it is compiled in half the time. Seeds, and what once failed, stop a change; what a search by chance finds is told
# with its input, as it would be found in what the change did not touch as well.
fuzz-smoke: setup ## compile the fuzz targets, run each on its seeds, and search for seconds
	scripts/fuzz --seconds 12 --most-seeds 200 --sanitizer none --seed 1 --timeout 60 --advisory $(FUZZ_OPTIONS)

testdata: setup ## write the committed fixtures again
	$(CARGO) run -q $(LOCKED) -p parcelle-testdata -- small testdata

clean-demo: ## remove what the demo made
	rm -rf demo
