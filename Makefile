# Two commands: `make app` serves the dashboard, `make test` passes every check. Both set up
# everything they need in .venv, with the exact versions of requirements.txt.

PYTHON ?= python3
BIN := .venv/bin
APP := .venv/.app
TEST := .venv/.test
BENCH := .venv/.bench
# A worker per core, each with whole files, so that what a file sets up is set up once.
SHARED_OUT := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.txt

.PHONY: app test check fuzz bench certify-sim screenshots format clean
.DEFAULT_GOAL := app

app: $(APP)
	$(BIN)/streamlit run app.py

test: $(TEST) chromium
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(SHARED_OUT) --durations=10

check: $(TEST)  # the fast inner loop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q $(SHARED_OUT) -m "not browser and not slow"

fuzz: $(TEST)  # property tests with rows drawn anew each time
	$(BIN)/python -m pytest -q $(SHARED_OUT) -m hypothesis --hypothesis-profile=fuzz

bench: $(BENCH) chromium
	$(BIN)/python benchmarks/sweep_speed.py
	$(BIN)/python benchmarks/frontier_speed.py
	$(BIN)/python benchmarks/frontier_noise.py
	$(BIN)/python -m benchmarks.dashboard_speed 200 1000  # 5000 as well: a quarter of an hour
	$(BIN)/python benchmarks/adult_frontier.py
	$(BIN)/python benchmarks/networks_adult.py
	$(BIN)/python benchmarks/trees_frontier.py
	$(BIN)/python benchmarks/lagrangian_adult.py
	$(BIN)/python benchmarks/adversarial_adult.py
	$(BIN)/python benchmarks/penalty_cost.py
	$(BIN)/python benchmarks/around_trees.py
	$(BIN)/python benchmarks/thresholds_speed.py
	$(BIN)/python benchmarks/reductions_cost.py
	$(BIN)/python benchmarks/acs_thresholds.py $(ACS)
	$(BIN)/python benchmarks/certify_sim.py
	$(BIN)/python benchmarks/certify_size.py
	$(BIN)/python benchmarks/calibration_null.py
	$(BIN)/python benchmarks/calibrators_small_groups.py
	$(BIN)/python benchmarks/calibrators_speed.py
	$(BIN)/python benchmarks/hospital_calibration.py
	$(if $(DIABETES),$(BIN)/python benchmarks/hospital_calibration.py $(DIABETES))
	$(BIN)/python benchmarks/multicalibration_speed.py
	$(BIN)/python benchmarks/audit_speed.py
	$(BIN)/python benchmarks/big_file_speed.py

certify-sim: $(TEST)  # how often a certificate is false, and how often it comes: minutes
	$(BIN)/python benchmarks/certify_sim.py

screenshots: $(TEST) chromium
	$(BIN)/python -m tests.browser.screenshots build/album
	cp $(addprefix build/album/,$(notdir $(wildcard examples/screenshots/*.png))) examples/screenshots/

format: $(TEST)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "faircore needs Python 3.11 or newer; set PYTHON=/path/to/one"; exit 1; }
	$(PYTHON) -m venv .venv

$(APP): pyproject.toml requirements.txt | .venv/bin/python
	$(INSTALL) --editable .
	@touch $@

$(TEST): pyproject.toml requirements.txt | .venv/bin/python
	$(INSTALL) --editable ".[test]"
	@touch $@ $(APP)

$(BENCH): pyproject.toml requirements.txt | .venv/bin/python
	$(INSTALL) --editable ".[bench]"
	@touch $@ $(APP)

.PHONY: chromium
chromium: $(TEST)
	@$(BIN)/python -m tests.browser.install_chromium
