# Every target works on a fresh clone with Python 3.11+ and make: the virtual environment makes itself.

.DEFAULT_GOAL := help
.PHONY: help demo up down test fuzz lint format bench migrations openapi lock clean

VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
UV := $(shell uv --version >/dev/null 2>&1 && echo uv)

# A stamp is named after the content of its requirements, so only a change of content installs anew.
sum = $(shell cksum < requirements/$(1).txt | cut -d ' ' -f 1)
RUN := $(VENV)/installed-embedded-$(call sum,embedded)
DEV := $(VENV)/installed-dev-$(call sum,dev)

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | expand -t 14

demo: $(RUN) ## start a server, carry a biobank's data through it over HTTP, leave it running
	$(PY) manage.py demo

up: $(RUN) ## start a server on PORT (8080) with its data in DATA_DIR (./var)
	$(PY) manage.py up

down: $(RUN) ## stop the server of DATA_DIR
	$(PY) manage.py down

test: $(DEV) ## run the tests; ARGS="tests/api -k sites" for some of them
	$(PY) -m pytest -n 2 $(ARGS)

fuzz: $(DEV) ## call every operation with hundreds of odd requests; ARGS="-k specimens", FUZZ_SEED=1 for others
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-200} FUZZ_SEED=$${FUZZ_SEED:-0} $(PY) -m pytest -n 2 --show-capture=no tests/contract/test_schemathesis.py $(ARGS)

lint: $(DEV) ## formatting, rules, types, import layers, missing migrations, stale OpenAPI document
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(PY) manage.py openapi --check

format: $(DEV) ## format the code and fix what can be fixed
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(DEV) ## measure everything against its limit; NAME=import_specimens for one
	$(PY) -m bench $(NAME)

migrations: $(DEV) ## write migrations for changed models
	$(PY) -W ignore::RuntimeWarning manage.py makemigrations

openapi: $(DEV) ## write docs/openapi.json
	$(PY) manage.py openapi

lock: ## pin the requirements anew (needs uv)
	for set in runtime embedded dev; do \
		uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-annotate --no-header --quiet requirements/$$set.in -o requirements/$$set.txt || exit 1; done

clean: ## remove the virtual environment and all caches, never the data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	@rm -rf $(VENV)
ifdef UV
	@uv venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
else
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv module does not work here: install python3-venv, or uv." >&2; exit 1; }
endif

# The tests' requirements contain the server's.
$(DEV): | $(PY)
	$(call install,dev)
	@touch $(RUN) $@

$(RUN): | $(PY)
	$(call install,embedded)
	@touch $@

ifdef UV
install = uv pip install --quiet --python $(PY) --require-hashes --compile-bytecode -r requirements/$(1).txt
else
install = @$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip; \
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$(1).txt
endif
