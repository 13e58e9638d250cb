# Every target is plain lines of `python -m cli …` in the venv: README.md lists them for machines without make.

PYTHON ?= python3
VENV := .venv
IN_VENV := $(VENV)/bin/python
PACKAGES := $(VENV)/.installed
# what is added to pytest's command line, as in: make scenario ARGS="--headed -k all_devices"
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup config signin doctor capture share scenario catalogue nightly trend test matrix noise false-alarms drill calibrate pollers load looking alarms reading report clean clean-reports

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(PACKAGES) ## install all that is needed; a second time it installs nothing
	@$(IN_VENV) -m cli setup

config: setup ## what is in force, and where it came from
	@$(IN_VENV) -m cli config $(ARGS)

signin: setup ## a person signs in, in a window, and it is kept: ARGS="primary secondary secondary"
	@$(IN_VENV) -m cli signin $(ARGS)

doctor: setup ## is all there that a run needs? in under two minutes, and no session is ended
	@$(IN_VENV) -m cli doctor $(ARGS)

capture: setup ## a person walks through the view, and what a maintainer needs of it is kept
	@$(IN_VENV) -m cli capture $(ARGS)

share: setup ## the evidence of the last run in one zip, searched for secrets
	@$(IN_VENV) -m cli share $(ARGS)

scenario: setup ## the main job against TARGET (the embedded replica by default), and its report
	@$(IN_VENV) -m cli scenario $(ARGS)

catalogue: setup ## every check of the sessions against TARGET, and their report
	@$(IN_VENV) -m cli catalogue $(ARGS)

nightly: setup ## a whole night, for whoever sleeps: doctor, main job, catalogue, report, trend, summary
	@$(IN_VENV) -m cli nightly $(ARGS)

trend: setup ## what all the nights tell together, in words and in reports/propagation.html
	@$(IN_VENV) -m cli trend $(ARGS)

test: setup ## lint, types, architecture, all tests, then the scenario (ARGS=--long: the long tests too)
	@$(IN_VENV) -m cli test $(ARGS)

matrix: setup ## the catalogue on a replica with each of its defects: an hour or more (ARGS="--only late,row_missing")
	@$(IN_VENV) -m cli matrix $(ARGS)

noise: setup ## the catalogue on a replica with each kind of trouble: no check may fail
	@$(IN_VENV) -m cli noise $(ARGS)

false-alarms: setup ## the main job 200 times on a healthy replica in trouble: no test may fail; half an hour or more
	@$(IN_VENV) -m benchmarks.noise $(ARGS)

drill: setup ## log-out of all on the replica in real time: up to half an hour
	@$(IN_VENV) -m cli drill $(ARGS)

calibrate: setup ## hold the intervals against the replica's truth: 320 revocations, 3 minutes
	@$(IN_VENV) -m benchmarks.calibration $(ARGS)

pollers: setup ## Afterglow beside what one would write by hand, 4 minutes
	@$(IN_VENV) -m benchmarks.pollers $(ARGS)

load: setup ## what watching costs, and what many probes do to each other, 6 minutes
	@$(IN_VENV) -m benchmarks.load $(ARGS)

looking: setup ## what it is worth to look where the nights before ended, 4 minutes
	@$(IN_VENV) -m benchmarks.looking $(ARGS)

alarms: setup ## how often a change is found where there is none, and where there is one, 5 minutes
	@$(IN_VENV) -m benchmarks.alarms $(ARGS)

reading: setup ## how long ten years of nights take to read, a minute
	@$(IN_VENV) -m benchmarks.reading $(ARGS)

report: setup ## build the report of the last run again
	@$(IN_VENV) -m cli report

clean: ## remove what was installed, caches, and the last run's results and report
	rm -rf $(VENV) node_modules *.egg-info build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf reports/allure-results reports/allure-report reports/playwright
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "kept: reports/runs, reports/nights, reports/history.jsonl and the summary (make clean-reports removes them), .env"

clean-reports: ## remove every measurement and the history; there is no way back
	find reports -mindepth 1 -maxdepth 1 ! -name README.md ! -name '*.mjs' ! -name known-issues.json \
		-exec rm -rf {} +

# The stamp is written last, so that an interrupted installation is not taken for a whole one.
$(PACKAGES): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Afterglow needs Python 3.11 or newer ($(PYTHON) is not): make PYTHON=python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv: install it (Debian: apt-get install python3-venv)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(IN_VENV) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
