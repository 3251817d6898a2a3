# Everything a person does with a checkout. `make` alone lists the targets.
# A fresh machine needs Python 3.11 or newer and make; a C compiler makes it several times faster.

PYTHON ?= python3
VENV := .venv
PURE := .venv-pure
PYTEST_FLAGS ?=
UP_FLAGS ?=
WITHOUT_CLIENTS := -m "not interop" -rs

# What the installed package depends on: the hot modules (setup.py lists them) are compiled at install time.
HOT_NAMES := $(shell sed -n 's/^ *"pocketmq\.\([a-z_.]*\)".*/\1/p' setup.py | tr . /)
HOT := $(wildcard $(HOT_NAMES:%=src/pocketmq/%.py) $(HOT_NAMES:%=src/pocketmq/%.pxd))
BUILD := pyproject.toml setup.py $(HOT)
SOURCES := $(shell find src/pocketmq -name '*.py')
PIP := -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test check interop bench bench-java torture docs test-uncompiled clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.installed ## start a broker and a name server in one process
	@$(VENV)/bin/python scripts/build_flavour.py
	@echo 'Starting. Then, in a second terminal:'
	@echo '    $(VENV)/bin/pocketmq send greetings "Hello, PocketMQ"'
	@echo '    $(VENV)/bin/pocketmq tail greetings --from first'
	@exec $(VENV)/bin/pocketmq up $(UP_FLAGS)

test: $(VENV)/.developing ## run the tests, the hot modules compiled where a compiler is at hand
	$(VENV)/bin/python -m pytest $(WITHOUT_CLIENTS) $(PYTEST_FLAGS)

test-uncompiled: $(PURE)/.installed ## run the same tests on the plain Python files
	POCKETMQ_EXPECT=uncompiled $(PURE)/bin/python -m pytest $(WITHOUT_CLIENTS) $(PYTEST_FLAGS)

check: $(VENV)/.developing ## formatting, lint, types, the shape of the house
	scripts/check format lint types tidy

interop: $(VENV)/.developing ## run stock clients against PocketMQ (Java 17 and Maven; Go; PyPI's client)
	$(VENV)/bin/python -m pytest tests/interop -m "interop or interop_python" -rs $(PYTEST_FLAGS)

bench: $(VENV)/.installed $(PURE)/.installed ## measure speed, memory and start time; appends to bench/RESULTS.md
	$(VENV)/bin/python bench/recovery.py
	$(VENV)/bin/python bench/run.py --pure-python $(PURE)/bin/python

bench-java: $(VENV)/.installed ## the same, beside Java RocketMQ 5.5.0 (needs Java 17 and Maven)
	$(VENV)/bin/python bench/run.py --java

torture: $(VENV)/.developing ## kills, power cuts, full and failing disks: is anything acknowledged lost?
	$(VENV)/bin/python tests/torture/kill_loop.py --rounds 50
	$(VENV)/bin/python tests/torture/crash_points.py --points 100000
	$(VENV)/bin/python tests/torture/consumption.py --seeds 20000
	$(VENV)/bin/python tests/torture/consumer_groups.py --messages 1000000
	$(VENV)/bin/python tests/torture/power_cut.py --rounds 5 || test $$? = 77
	$(VENV)/bin/python tests/torture/full_disk.py --rounds 5 || test $$? = 77
	$(VENV)/bin/python tests/torture/failing_disk.py --rounds 5 || test $$? = 77

docs: $(VENV)/.developing ## regenerate the generated pages and check every link and command in the documents
	$(VENV)/bin/python scripts/gen_compatibility.py
	$(VENV)/bin/python scripts/gen_config_docs.py
	$(VENV)/bin/python -m pytest tests/test_docs.py

clean: ## remove virtual environments, builds and caches (never your messages)
	rm -rf $(VENV) $(PURE) build dist site bench/bin .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	rm -rf src/pocketmq.egg-info
	find src \( -name '*.so' -o -name '__pycache__' \) -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python $(BUILD)
	$(VENV)/bin/python $(PIP) --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/bin/python $(BUILD)
	$(VENV)/bin/python $(PIP) --editable '.[dev]'
	@touch $(VENV)/.installed $@

# Not editable: beside the sources a compiled module would win over its .py file. No Cython either, so that
# what is tested is what a machine without a compiler runs.
$(PURE)/.installed: $(BUILD) $(SOURCES)
	test -x $(PURE)/bin/python || $(PYTHON) -m venv $(PURE)
	rm -rf build/lib
	POCKETMQ_COMPILE=0 $(PURE)/bin/python $(PIP) '.[test]'
	@touch $@
