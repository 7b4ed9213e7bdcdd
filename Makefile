# Every target sets up what it needs, and is quick about it the second time.
.DEFAULT_GOAL := help
# Three on two cores: tests wait for servers and clocks a fifth of their time. Each has its own servers, and a file's
# tests stay together: some share what takes long to make. In the order of the folders, so that what takes longest is
# not begun last.
THREE_AT_A_TIME = -n 3 --dist loadfile --no-loadscope-reorder
# Faults end with 1. It ends with 2 where a busy machine gave its second process no chance to begin within three seconds.
CHECK_TYPES = .venv/bin/mypy -n 2 || { [ $$? -eq 2 ] && .venv/bin/mypy; }
# Where it is set, every process that a test starts compiles the whole house anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help setup demo up test lint bench soak lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

setup: ## Make .venv from the lock
	@scripts/setup

demo: setup ## Play 120 days of the sample portfolio through the real thing, and check the invariants
	@.venv/bin/regua demo

up: setup ## Run Régua here, with embedded servers, until Ctrl-C
	@.venv/bin/regua up

lint: setup ## Style, types and the arrows of the house
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(CHECK_TYPES)
	.venv/bin/lint-imports

test: lint ## Lint, then every test
	.venv/bin/python -m pytest $(THREE_AT_A_TIME)

bench: setup ## Measure beside a bare workflow; prints a table and writes JSON
	.venv/bin/python -m tests.bench

soak: setup ## Crash tests and property tests in their long counts
	.venv/bin/python -m pytest -m soak --timeout=3600
	.venv/bin/python -m pytest tests/unit --hypothesis-profile=soak --timeout=3600 $(THREE_AT_A_TIME)

lock: setup ## Write requirements.lock anew from pyproject.toml
	@scripts/lock

clean: ## Remove what can be made again (not .regua, which holds data)
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
