# Everything a newcomer needs. Python 3.11 or 3.12, make and git are enough; the rest is installed into this folder.

UV := .tools/bin/uv
RUN := .venv/bin/python
LOCKED := uv.lock $(wildcard pyproject.toml packages/*/pyproject.toml services/*/pyproject.toml gateway/pyproject.toml deploy/local/pyproject.toml)
# The version is pinned so that the lock file reads the same everywhere.
UV_VERSION := 0.13.9
# uv takes a Python that is there; it must never fetch one. The environment is this folder's, whatever is active.
export UV_PYTHON_DOWNLOADS := never
# A dozen processes start at once, so their modules are compiled at installation and not by each of them.
export UV_COMPILE_BYTECODE := 1
unexport VIRTUAL_ENV UV_PROJECT_ENVIRONMENT PYTHONHOME

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.installed-all ## Install everything that running and developing need

.PHONY: up
up: .venv/.installed-run ## Start the whole suite on http://localhost:8000 (ATALAYA_PORT, ATALAYA_HOME, DEMO=0); Ctrl-C stops it
	@$(RUN) -m local_suite up

.PHONY: down
down: .venv/.installed-run ## Stop the suite from another terminal
	@$(RUN) -m local_suite down

.PHONY: status
status: .venv/.installed-run ## Show what runs where, and the memory it takes
	@$(RUN) -m local_suite status

.PHONY: demo
demo: .venv/.installed-run ## Load the demo data into the running suite
	@$(RUN) -m local_suite demo

$(UV): deploy/local/bootstrap.sh
	@sh deploy/local/bootstrap.sh $(UV_VERSION)

.venv/.installed-run: $(UV) $(LOCKED)
	@$(UV) sync --frozen --inexact --no-dev --package atalaya-local --python "$$(cat .tools/python)"
	@touch $@

.venv/.installed-all: $(UV) $(LOCKED)
	@$(UV) sync --frozen --python "$$(cat .tools/python)"
	@touch .venv/.installed-run $@

.PHONY: test
test: .venv/.installed-all ## Run all quick tests that need nothing but this folder (under 5 minutes)
	@$(RUN) -m pytest --numprocesses 2 -m "not slow"

.PHONY: test-slow
test-slow: .venv/.installed-all ## Run the slow ones: killed processes, full disks, raw attacks on the edge, files of size
	@$(RUN) -m pytest --numprocesses 2 -m slow

.PHONY: test-proofs
test-proofs: .venv/.installed-all ## Try every rpc by every kind of caller, and with another company's ids, on a whole suite
	@$(RUN) -m pytest tests/proofs

.PHONY: test-browser
test-browser: .venv/.installed-all ## Test the docs pages in Debian's chromium, installing it where apt-get can
	@sh tests/browser/install.sh
	@$(RUN) -m pytest tests/browser

.PHONY: test-install
test-install: .venv/.installed-all ## Install each service by itself and start it with its own dependencies alone
	@PATH="$$PWD/.tools/bin:$$PATH" $(RUN) -m pytest tests/install

.PHONY: test-sources
test-sources: .venv/.installed-all ## Test sources on real MariaDB, PostgreSQL and Cassandra servers, installing them where it may
	@sh tests/sources/install.sh
	@$(RUN) -m pytest tests/sources

.PHONY: test-athena
test-athena: .venv/.installed-all ## Run every report on a Trino server as Athena would, against DuckDB, fetching Trino where it may
	@sh tests/athena/install.sh
	@$(RUN) -m pytest tests/athena

.PHONY: test-faults
test-faults: .venv/.installed-all ## Break what runs while data come in (FAULT_SEEDS=10 for each fault ten times)
	@$(RUN) -m pytest --numprocesses 2 tests/faults

.PHONY: test-all
test-all: test test-slow test-proofs test-install test-sources test-browser test-athena test-faults ## Run every test there is

.PHONY: check
check: .venv/.installed-all ## Check style, types, contracts and generated files
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy packages services gateway deploy/local protos bench tests
	@cd protos && ../.venv/bin/buf lint && ../.venv/bin/buf format --diff --exit-code >/dev/null
	@sh protos/breaking.sh
	@$(RUN) -m atalaya_gateway.generate --check

.PHONY: protos
protos: .venv/.installed-all ## Make the stubs, the descriptor set, Envoy's configuration and the OpenAPI document anew
	@$(RUN) protos/generate.py
	@$(RUN) -m atalaya_gateway.generate
	@$(RUN) -m atalaya_gateway.access_page > docs/access.md

.PHONY: bench
bench: .venv/.installed-all ## Run every benchmark against its named alternative; takes minutes
	@sh bench/run.sh

.PHONY: image
image: ## Build the image of one service: make image SERVICE=auth (docker, podman or buildah)
	@sh deploy/image/build.sh "$(SERVICE)"
