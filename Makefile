# Two commands do everything, set-up included: `make run` and `make test`.

BIN := .venv/bin
READY := .venv/ready
ARGS ?=
# Several test processes, each with whole files; tests/conftest.py says how many, and which files come first.
BESIDE := -n auto --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run test check-all drill chaos lint docs ready clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1@/p' Makefile | awk -F@ '{ printf "%-18s %s\n", $$1, $$2 }'

run: ready ## let the program in life/ improve itself; more options: make run ARGS="--minutes 1"
	@$(BIN)/selfproof run --at life $(ARGS)

test: lint ## every check that a change must pass, in minutes
	$(BIN)/python -m pytest -rs $(BESIDE)

check-all: lint ## the same with full counts: every slow test too
	$(BIN)/python -m pytest -rs $(BESIDE) -m ""

drill: ready ## fire every tripwire, every stop and the rollback, on scratch programs
	@at=$$(mktemp -d) && trap 'rm -rf "$$at"' EXIT && \
	 $(BIN)/selfproof init "$$at/drilled" --template apprentice >/dev/null && $(BIN)/selfproof drill --all --at "$$at/drilled"

chaos: ready ## half an hour of random kills of everything that can be killed: MINUTES=30
	$(BIN)/python benchmarks/chaos.py --minutes $(or $(MINUTES),30)

lint: ready ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: ready ## write docs/cli.md anew from the commands themselves
	$(BIN)/python scripts/cli_docs.py

clean: ## remove what was built; living programs stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

$(READY): pyproject.toml scripts/setup
	@sh scripts/setup

# Compiled ahead because a jail is read-only: there, every start would compile again.
ready: $(READY)
	@$(BIN)/python -m compileall -q src || true
