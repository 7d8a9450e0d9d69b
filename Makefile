# Two commands: `make demo` and `make test`. Both make .venv from the lock files when that is needed.
# PYTHON=... names the interpreter to make it with (3.11 or newer).
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-long check unit bench bench-memory train weights-check lock clean setup setup-test setup-clients

export PYTHON
# pytest rewrites the asserts of all test modules: once, where it may keep the result.
unexport PYTHONDONTWRITEBYTECODE

help: ## what there is
	@echo "make demo    set up, start the whole stack on this machine, send real requests through it"
	@echo "make test    set up, run every check and every test"
	@echo "make test-long   the tests that take a minute each or measure, one after the other"
	@echo "make check   linters, types, layers, compose file, Dockerfile"
	@echo "make unit    the fast tests alone"
	@echo "make bench   measure Assay beside bare Temporal, the textbook design, LiteLLM and Portkey (20 minutes)"
	@echo "make bench-memory   measure how Assay's memory grows over 20,000 requests"
	@echo "make train DATA=FILE           train the classifier anew on labelled prompts: models/ngrams.md"
	@echo "make weights-check DATA=FILE   make the committed weights again from the same prompts, and compare"
	@echo "make lock    write the lock files anew from pyproject.toml (needs uv)"
	@echo "make clean   remove .venv and caches; data in .assay stays"

setup:
	@scripts/setup run

setup-test:
	@scripts/setup test

# Without the clients' environment their tests skip, and say so; ASSAY_REQUIRE_CLIENTS=1 makes that a failure.
setup-clients:
	-@scripts/setup clients

demo: setup
	@.venv/bin/assay demo

# Many tests wait for servers: two processes more than processors. Tests that share servers share a process
# (tests/groups.py); what is promised in seconds is tried at leisure by test-long.
processors := $(shell getconf _NPROCESSORS_ONLN)
pytest := .venv/bin/pytest --durations 30
test: check
	ASSAY_TEST_SLOWNESS=5 $(pytest) -m 'not long' -n $$(( $(processors) + 2 )) --maxprocesses 8

test-long: setup-test setup-clients
	$(pytest) -m 'long or timed'

check: setup-test
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/docker-compose --file docker-compose.yml --profile '*' config --quiet
	.venv/bin/hadolint deploy/Dockerfile

unit: setup-test
	$(pytest) -n $(processors) $(wildcard tests/unit tests/properties tests/house tests/sdk)

bench: setup
	.venv/bin/python -m benchmarks.gateway

bench-memory: setup
	.venv/bin/python -m benchmarks.gateway --memory

train: setup-test
	@test -n "$(DATA)" || { echo "train: say DATA=FILE, JSON lines with text, label and source" >&2; exit 2; }
	.venv/bin/python -m training make --data "$(DATA)"

weights-check: setup-test
	@test -n "$(DATA)" || { echo "weights-check: say DATA=FILE, the prompts that the weights were made from" >&2; exit 2; }
	.venv/bin/python -m training check --data "$(DATA)"

lock:
	scripts/lock.sh

clean:
	rm -rf .venv .venv-clients .node-clients .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
