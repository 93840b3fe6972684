# Needs Python 3.11 or newer with its venv module, and make. Everything else is installed, by hash, below $(VENVS).

PYTHON ?= python3
VENVS ?= .
ARGS ?=
IMAGE ?= redox-fhir-gateway

RUN := $(VENVS)/.venv-run
DEV := $(VENVS)/.venv-dev
BENCH := $(VENVS)/.venv-bench
LOCK := $(VENVS)/.venv-lock

NODE_PEERS := tests/interop/node_modules
JAVA_PEERS := tests/interop/hapi
COPY_JARS = rm -rf $(JAVA_PEERS)/jars && \
	mvn --quiet --batch-mode -Dstyle.color=never --file $(JAVA_PEERS)/pom.xml dependency:copy-dependencies
HASH_JARS = (export LC_ALL=C; cd $(JAVA_PEERS)/jars && sha256sum -- *.jar)

PIP_INSTALL = -m pip install --quiet --disable-pip-version-check --require-hashes
COMPILE = $(LOCK)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.SECONDARY:
.PHONY: help demo test fuzz dates peers node-peers java-peers lint format types check bench schemas lock jars clean image python

help: ## This list
	@echo "make <target>   (PYTHON=python3.12 to choose another interpreter, ARGS=... to pass more on)"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' Makefile

demo: $(RUN)/.ready ## A simulated EHR, the gateway and the sample query, until Ctrl-C (ONCE=1: end after the answer)
	@$(RUN)/bin/gateway demo $(if $(filter-out 0 no false,$(ONCE)),--once) $(ARGS)

test: $(DEV)/.ready peers ## The whole test suite (ARGS="-k window" for a part of it)
	@$(DEV)/bin/python -m pytest -q $(ARGS)

fuzz: $(DEV)/.ready ## The fuzz tests with many more inputs (FUZZ_TIMES=100, FUZZ_SEED=... for others)
	@FUZZ_TIMES=$${FUZZ_TIMES:-100} $(DEV)/bin/python -m pytest -q tests/fuzz $(ARGS)

# 29 February; the minute in which clocks change in Los Angeles, forth and back; New Year there and in UTC;
# a Saturday night.
DATES := 2028-02-29T12:00:00Z 2026-03-08T09:59:50Z 2026-11-01T08:59:50Z 2026-12-31T23:59:50Z \
	2027-01-01T07:59:50Z 2026-07-05T05:30:00Z
TIMED := tests/core/test_window.py tests/core/test_preferences.py tests/sandbox tests/web/test_bearer.py \
	tests/test_assemble.py tests/test_canary.py tests/test_tokens.py tests/upstream/test_against_sandbox.py \
	tests/cli/test_demo.py tests/cli/test_probe.py tests/cli/test_pull.py tests/cli/test_translate.py tests/explain tests/cases

dates: $(DEV)/.ready ## The tests that have to do with time, under a handful of dates (DATES="2028-02-29T12:00:00Z ...")
	@for at in $(DATES); do echo "At $$at"; \
	  GATEWAY_TESTS_AT=$$at $(DEV)/bin/python -m pytest -q $(TIMED) $(ARGS) || exit 1; done

# Servers, clients and validators that others wrote; without what runs them the tests with them are skipped.
peers: node-peers java-peers

node-peers:
	@if ! command -v npm >/dev/null || \
	    ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(+a * 100 + +b < 2019 ? 1 : 0)' 2>/dev/null; then \
	  echo "npm with Node 20.19 or newer is not installed: the tests with peers written for Node are skipped"; \
	elif [ ! $(NODE_PEERS)/.ready -nt tests/interop/package-lock.json ]; then \
	  echo "Installing tests/interop/package-lock.json, every package checked by its hash, into $(NODE_PEERS); this is done once ..."; \
	  (cd tests/interop && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) && touch $(NODE_PEERS)/.ready; \
	fi

# The source launcher (Java 11 and newer) is part of the JDK's compiler.
java-peers:
	@if ! command -v mvn >/dev/null || ! java --list-modules 2>/dev/null | grep -Eq '^jdk\.compiler@(1[7-9]|[2-9][0-9])'; then \
	  echo "Maven with a JDK of Java 17 or newer is not installed: the tests with peers written for Java are skipped"; \
	elif [ ! $(JAVA_PEERS)/jars/.ready -nt $(JAVA_PEERS)/pom.xml ] || [ ! $(JAVA_PEERS)/jars/.ready -nt $(JAVA_PEERS)/jars.sha256 ]; then \
	  echo "Installing $(JAVA_PEERS)/pom.xml, every jar checked by its hash, into $(JAVA_PEERS)/jars; this is done once ..."; \
	  $(COPY_JARS) && $(HASH_JARS) | diff $(JAVA_PEERS)/jars.sha256 - && touch $(JAVA_PEERS)/jars/.ready; \
	fi

lint: $(DEV)/.ready ## Style: ruff check and ruff format, changing nothing
	@$(DEV)/bin/ruff check .
	@$(DEV)/bin/ruff format --check .

format: $(DEV)/.ready ## Style: let ruff mend what it can
	@$(DEV)/bin/ruff check --fix-only --quiet .
	@$(DEV)/bin/ruff format .

types: $(DEV)/.ready ## Types: mypy --strict
	@$(DEV)/bin/mypy --strict -p gateway -p tools

check: $(RUN)/.ready ## The demo configuration, and the shipped tables of every dialect, by `gateway check`
	@$(RUN)/bin/gateway check $(ARGS)
	@$(RUN)/bin/gateway check --config tests/samples/every-dialect/gateway.yaml $(ARGS)

bench: $(BENCH)/.ready ## The benchmarks, side by side; writes benchmarks/results.md
	@$(BENCH)/bin/python -m benchmarks $(ARGS)

schemas: $(DEV)/.ready ## Write schemas/redox and schemas/fhir anew from the packages redox and fhir.resources, schemas/editor from the tables
	@$(DEV)/bin/python -m tools.generate_schemas

lock: $(LOCK)/.ready ## Write requirements/*.txt anew from pyproject.toml (UPGRADE=1: to the newest versions)
	@$(COMPILE) --group pyproject.toml:build -o requirements/build.txt >/dev/null
	@$(COMPILE) pyproject.toml -o requirements/run.txt >/dev/null
	@for group in dev bench; do \
	  $(COMPILE) pyproject.toml --group pyproject.toml:$$group -o requirements/$$group.txt \
	    --constraints requirements/run.txt --constraints requirements/build.txt >/dev/null || exit 1; \
	done
	@$(COMPILE) --group pyproject.toml:lock -o requirements/lock.txt >/dev/null
	@echo "requirements/: build.txt run.txt dev.txt bench.txt lock.txt"

jars: ## Write tests/interop/hapi/jars.sha256 anew from its pom.xml
	@$(COPY_JARS)
	@$(HASH_JARS) >$(JAVA_PEERS)/jars.sha256
	@touch $(JAVA_PEERS)/jars/.ready

image: ## The container image, by docker (IMAGE=name:tag)
	docker build --tag $(IMAGE) .

clean: ## Remove the environments and what the tools left behind
	@rm -rf $(RUN) $(DEV) $(BENCH) $(LOCK) $(NODE_PEERS) $(JAVA_PEERS)/jars build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is made anew, never mended, when its lock changes. The package itself goes in editable, from here.
$(VENVS)/.venv-%/.ready: requirements/%.txt requirements/build.txt pyproject.toml | python
	@echo "Installing requirements/$*.txt, every file checked by its hash, into $(@D); this is done once ..."
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python $(PIP_INSTALL) -r requirements/$*.txt -r requirements/build.txt
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(LOCK)/.ready: requirements/lock.txt | python
	@echo "Installing requirements/lock.txt into $(@D) ..."
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python $(PIP_INSTALL) -r requirements/lock.txt
	@touch $@

python:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "$(PYTHON) is not installed: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$$($(PYTHON) --version) is too old: the gateway needs Python 3.11 or newer (make PYTHON=python3.12)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) has no venv module: install it (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
