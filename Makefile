# `make demo` and `make test` are all that a fresh machine needs. `make` alone says what there is.

.DEFAULT_GOAL := help
.ONESHELL:
.SHELLFLAGS := -euc
SHELL := /bin/sh

VENV ?= .venv
VIDEOS ?=
DEMO ?= demo
PYTEST_ARGS ?=
BENCHMARKS ?= --all
MUTANTS ?=
UPGRADE ?=
# Two processes that each run many threads are slower on two cores than two that run one.
OPENBLAS_NUM_THREADS ?= 1
OMP_NUM_THREADS ?= 1
# Recipes read these from the environment, where spaces and quotes in a path do no harm.
export VENV VIDEOS DEMO PYTEST_ARGS BENCHMARKS MUTANTS UPGRADE OPENBLAS_NUM_THREADS OMP_NUM_THREADS

.PHONY: help setup demo test test-slow lint docs benchmarks bench-small mutants constraints

help: ## Show this.
	@echo "Rotoscope turns folders of ordinary video into datasets that robot policies train on."
	echo
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	echo
	echo "VENV=path moves the environment (.venv); PYTHON=path names the Python 3.12 to use."

setup: ## Make the environment and install everything into it, where that is not done yet.
	@.ci/setup "$$VENV"

demo: setup ## Label two real videos of hands, or VIDEOS=my/folder: dataset, checks, report.
	@rotoscope="$$VENV/bin/rotoscope"
	echo "Demo: videos of hands become a LeRobot dataset of robot-arm actions, on the CPU."
	echo "1/4 Model weights, robot and sample videos"
	"$$rotoscope" assets fetch hand_landmarker.task pose_landmarker.task panda
	videos=$$VIDEOS
	out=$$DEMO/dataset
	if [ -n "$$videos" ]; then
		out=$$DEMO/$$(basename "$$videos")-dataset
	else
		videos=$$DEMO/videos
		samples="cup.mp4 box.mp4"
		"$$rotoscope" assets fetch $$samples || {
			echo "The sample videos need Debian's apt-get; rendering a hand instead."
			samples=hand-sample.mp4
			"$$rotoscope" assets fetch $$samples
		}
		mkdir -p "$$videos"
		"$$rotoscope" assets path $$samples | while read -r sample; do cp "$$sample" "$$videos/"; done
	fi
	echo "2/4 Labels: $$videos -> $$out"
	failed=0
	"$$rotoscope" label "$$videos" --recipe hand-gripper --out "$$out" || failed=$$?
	[ $$failed -le 1 ] || exit $$failed
	echo "3/4 Checks of the dataset"
	"$$rotoscope" doctor "$$out" || failed=$$?
	echo "4/4 Report"
	"$$rotoscope" report "$$out"
	echo
	echo "Where to look:"
	echo "  $$out.report.html   what came out, to look at in a browser"
	echo "  $$out               the dataset: LeRobotDataset(\"rotoscope/demo\", root=\"$$out\")"
	echo "  make demo VIDEOS=my/folder   the same with your own videos"
	exit $$failed

test: setup ## Run the tests (those marked slow aside); PYTEST_ARGS="-k name" chooses.
	@"$$VENV/bin/rotoscope" assets fetch hand_landmarker.task pose_landmarker.task cup.mp4 box.mp4 \
		panda g1 talos allegro_hand shadow_hand inspire_hand leap_hand svh_hand ||
		echo "Tests that need what could not be fetched are skipped."
	"$$VENV/bin/python" -m pytest -n auto --maxprocesses 4 --dist loadfile -m "not slow" $$PYTEST_ARGS
	echo "All tests passed. Where to look: tests/ mirrors the code; skipped ones are named above;"
	echo "'make test-slow' runs the long ones, 'make benchmarks' measures, 'make demo' shows."

test-slow: setup ## Run the tests that take longer than a minute.
	@"$$VENV/bin/python" -m pytest -m slow $$PYTEST_ARGS

lint: setup ## Check style (ruff), types (mypy) and spelling (codespell).
	@"$$VENV/bin/ruff" check .
	"$$VENV/bin/ruff" format --check .
	"$$VENV/bin/mypy"
	"$$VENV/bin/codespell"

docs: setup ## Build the documentation: outputs/site/index.html, which needs no network.
	@NO_MKDOCS_2_WARNING=1 "$$VENV/bin/python" -m mkdocs build --strict --quiet
	echo "Where to look: outputs/site/index.html"

benchmarks: setup ## Measure quality and speed against their bars; BENCHMARKS=name chooses.
	@"$$VENV/bin/python" -m benchmarks $$BENCHMARKS

bench-small: setup ## Score labelers against true actions in simulators, one seed, under 10 minutes.
	@"$$VENV/bin/python" -m benchmarks.labelers.table --small && missed= || missed=yes
	echo "Where to look: outputs/labelers/labelers.md (table), .png, budget.png, lags.png, .parquet."
	echo "The full table: make benchmarks BENCHMARKS=labelers   (resumes where it stopped)"
	[ -z "$$missed" ]

mutants: setup ## Change light numeric modules a little: does a test notice? MUTANTS=part/of/path chooses.
	@ROTOSCOPE_MUTANTS="$$MUTANTS" "$$VENV/bin/python" -m benchmarks mutants

constraints: setup ## Write constraints.txt again; UPGRADE="-P name" lets one package move.
	@uv pip compile pyproject.toml --all-extras --python-version 3.12 --no-header --no-annotate \
		--quiet $$UPGRADE --output-file constraints.txt
