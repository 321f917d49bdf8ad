# `make help` lists what there is. Needs make and Python 3.11 or newer; everything else is installed into
# .tools/ and .venv/ from locks with hashes.

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/bin/uv
UV_STAMP := .tools/uv-$(UV_VERSION).installed
S3_STAMP := .tools/s3/installed.lock
AWS_CLI_STAMP := .tools/aws_cli/installed.lock
JAVASCRIPT_STAMP := tests/conformance/javascript/node_modules/.installed.lock
AXE_STAMP := tests/browser/axe/node_modules/.installed.lock
# The Airflow versions that the operators are tested with besides the one in requirements.lock.
AIRFLOW_VERSIONS := 3.2.1 3.3.1
AIRFLOW_STAMPS := $(AIRFLOW_VERSIONS:%=.tools/airflow-%/installed.lock)
LOCK_STAMP := .venv/installed.lock
PROJECT_STAMP := .venv/installed.toml

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo up install test-clients test test-airflow $(AIRFLOW_VERSIONS:%=test-airflow-%) chaos lint docs bench bench-desk bench-portal bench-batch screenshots vendor lock clean clean-all check-python

help:  ## This list
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done
	@echo
	@echo 'Variables of demo and up, as in `make demo FORMS=24`:'
	@sed -n 's/^#: \([A-Z0-9_]*\) *= *\([^ ]*\) *\(.*\)/\1|\2|\3/p' Makefile | \
		while IFS='|' read -r name value text; do \
		printf '  %-20s %-12s %s\n' "$$name" "$$value" "$$text"; done

#: REVIEWERS = simulated    or: me (you review, in the browser)
#: FORMS = 12               how many forms are made
#: SEED = 7                 another seed makes other forms
#: THRESHOLD = 90           percent; a form with a field below it goes to people
#: REVIEWERS_PER_FORM = 1   1 to 3 people look at each form
#: ROUND = 1                another round has people look at the same forms once more
#: ERROR_RATE = 0.02        share of the fields that simulated reviewers mistype
#: THINK_SECONDS = 2        how long a simulated reviewer looks at a form
#: AIRFLOW_PORT = 8080      Airflow's API server and pages
#: REVIEW_DESK_PORT = 8700  Review Desk's API and portal
#: S3_PORT = 4566           the local S3
#: START_TIMEOUT = 180      seconds each part may take to start
#: BUILD = build            folder of databases, objects, logs and the report
#: PYTHON = python3         the Python that the environments are made with

demo: install  ## Forms, OCR, review, results: a whole batch on this machine, with a report at its end
	@.venv/bin/python -m include.demo demo

up: install  ## Start Airflow, Review Desk and the local S3, and keep them running until Ctrl-C
	@.venv/bin/python -m include.demo up

test-clients: install $(AWS_CLI_STAMP) $(JAVASCRIPT_STAMP) $(AXE_STAMP)  ## Install what the tests use besides: aws, the JavaScript SDK, axe-core

test: test-clients  ## Run every test (no network needed once installed)
	@.venv/bin/python -m pytest

# Their environments have what the operators need. Review Desk runs from .venv, where PATH leads.
test-airflow: $(AIRFLOW_VERSIONS:%=test-airflow-%)  ## The operators' tests on the other supported versions of Airflow; -j2 runs both at once

$(AIRFLOW_VERSIONS:%=test-airflow-%): test-airflow-%: install .tools/airflow-%/installed.lock
	@echo 'The operators on Airflow $*'
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .tools/airflow-$*/bin/python -m pytest -q -p no:cacheprovider tests/a2i

chaos: test-clients  ## The chaos tests at full size: 5,000 human loops on each database, batches of 2,000 items
	@CHAOS_LOOPS=5000 CHAOS_ITEMS=2000 CHAOS_DEADLINE=2400 .venv/bin/python -m pytest -s \
		tests/chaos/test_chaos.py tests/chaos/test_batch_faults.py tests/chaos/test_batch_kills.py

lint: install  ## Style and types
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

docs: install  ## Write the API reference in docs/api anew from the docstrings
	@.venv/bin/python docs/make_api.py

bench: install  ## Run the benchmarks and print their numbers
	@set -e; found=; for file in benchmarks/bench_*.py; do \
		if [ -f "$$file" ]; then found=yes; .venv/bin/python "$$file"; fi; done; \
		[ -n "$$found" ] || echo 'There is no benchmarks/bench_*.py.'

bench-desk: install  ## Review Desk: starts, claims and submissions on SQLite and PostgreSQL
	@.venv/bin/python benchmarks/bench_desk.py

bench-portal: install  ## The portal in Chromium: keys, time until the next form is painted, bytes loaded
	@.venv/bin/python benchmarks/bench_portal.py

bench-batch: install  ## Batches in Airflow: start, rate limit, wait, memory, and how soon the Dag goes on
	@.venv/bin/python benchmarks/bench_batch.py

screenshots: install  ## Take the pictures of the portal's screens in docs/images/screens anew
	@.venv/bin/python benchmarks/screenshots.py

lock: $(UV_STAMP)  ## Resolve the dependencies anew and write every lock
	$(UV) pip compile pyproject.toml --all-extras --universal --generate-hashes --no-emit-index-url --no-header \
		-q -o requirements.lock
	$(UV) pip compile include/s3/requirements.in --python-version 3.11 --universal --generate-hashes \
		--no-emit-index-url --no-header -q -o include/s3/requirements.lock
	$(UV) pip compile tests/conformance/aws_cli/requirements.in --python-version 3.11 --universal --generate-hashes \
		--no-emit-index-url --no-header -q -o tests/conformance/aws_cli/requirements.lock
	@set -e; for version in $(AIRFLOW_VERSIONS); do \
		$(UV) pip compile tests/airflow_versions/$$version/requirements.in --python-version 3.11 --universal \
			--generate-hashes --no-emit-index-url --no-header -q \
			-o tests/airflow_versions/$$version/requirements.lock; done

vendor:  ## Write review_desk/elements/vendor/lit.js anew from the npm packages that its lock names (needs npm)
	@cd review_desk/elements/vendor && npm ci --silent --ignore-scripts && \
		{ echo '/* Lit, BSD-3-Clause, Copyright Google LLC: LICENSE-lit.txt */' && \
		node_modules/.bin/esbuild entry.js --bundle --minify --format=iife --global-name=Lit --legal-comments=none \
		--log-level=warning; } > lit.js && cp node_modules/lit/LICENSE LICENSE-lit.txt

install: $(PROJECT_STAMP) $(S3_STAMP)  ## Build the environments (the other targets do it when needed)

clean:  ## Remove build/ (databases, objects, logs, reports) and the tools' caches
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis

clean-all: clean  ## Remove the environments, too
	rm -rf .venv .tools tests/conformance/javascript/node_modules tests/browser/axe/node_modules

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null || { \
		echo "$(PYTHON) is not Python 3.11 to 3.14: $$($(PYTHON) --version 2>&1 || true)." \
		"Name another one: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }

$(UV_STAMP): | check-python
	@echo 'Installing uv $(UV_VERSION) into .tools'
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# The stamps hold what was installed, so a lock that was only touched installs nothing.
$(LOCK_STAMP): requirements.lock $(UV_STAMP)
	@if ! cmp -s requirements.lock $@; then \
		echo 'Installing the locked environment into .venv'; \
		{ [ -x .venv/bin/python ] || $(UV) venv --quiet --clear --python '$(PYTHON)' .venv; } && \
		$(UV) pip sync --quiet --python .venv/bin/python requirements.lock && \
		rm -f $(PROJECT_STAMP); fi
	@cp requirements.lock $@

$(PROJECT_STAMP): pyproject.toml $(LOCK_STAMP)
	@if ! cmp -s pyproject.toml $@; then \
		$(UV) pip install --quiet --python .venv/bin/python --no-deps -e .; fi
	@cp pyproject.toml $@

$(S3_STAMP): include/s3/requirements.lock $(UV_STAMP)
	@if ! cmp -s include/s3/requirements.lock $@; then \
		echo 'Installing the local S3 into .tools/s3'; \
		{ [ -x .tools/s3/bin/python ] || $(UV) venv --quiet --clear --python '$(PYTHON)' .tools/s3; } && \
		$(UV) pip sync --quiet --python .tools/s3/bin/python include/s3/requirements.lock; fi
	@cp include/s3/requirements.lock $@

# The aws command line pins its own dependencies, so it lives apart.
$(AWS_CLI_STAMP): tests/conformance/aws_cli/requirements.lock $(UV_STAMP)
	@if ! cmp -s tests/conformance/aws_cli/requirements.lock $@; then \
		echo 'Installing the aws command line into .tools/aws_cli'; \
		{ [ -x .tools/aws_cli/bin/python ] || $(UV) venv --quiet --clear --python '$(PYTHON)' .tools/aws_cli; } && \
		$(UV) pip sync --quiet --python .tools/aws_cli/bin/python tests/conformance/aws_cli/requirements.lock; fi
	@cp tests/conformance/aws_cli/requirements.lock $@

$(AIRFLOW_STAMPS): .tools/airflow-%/installed.lock: tests/airflow_versions/%/requirements.lock $(UV_STAMP)
	@if ! cmp -s $< $@; then \
		echo 'Installing Airflow $* into .tools/airflow-$*'; \
		{ [ -x .tools/airflow-$*/bin/python ] || \
		$(UV) venv --quiet --clear --python '$(PYTHON)' .tools/airflow-$*; } && \
		$(UV) pip sync --quiet --python .tools/airflow-$*/bin/python $<; fi
	@cp $< $@

# Without npm the tests of the JavaScript SDK are skipped; in CI they fail.
$(JAVASCRIPT_STAMP): tests/conformance/javascript/package-lock.json
	@if command -v npm >/dev/null; then \
		if ! cmp -s tests/conformance/javascript/package-lock.json $@; then \
			echo 'Installing the JavaScript SDK into tests/conformance/javascript'; \
			npm ci --silent --prefix tests/conformance/javascript && \
			cp tests/conformance/javascript/package-lock.json $@; \
		else touch $@; fi; \
	else echo 'npm is missing: the tests of the JavaScript SDK are skipped.'; fi

# Without npm the accessibility tests are skipped; in CI they fail.
$(AXE_STAMP): tests/browser/axe/package-lock.json
	@if command -v npm >/dev/null; then \
		if ! cmp -s tests/browser/axe/package-lock.json $@; then \
			echo 'Installing axe-core into tests/browser/axe'; \
			npm ci --silent --prefix tests/browser/axe && \
			cp tests/browser/axe/package-lock.json $@; \
		else touch $@; fi; \
	else echo 'npm is missing: the accessibility tests are skipped.'; fi
