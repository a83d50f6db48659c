# Everything runs in a virtual environment of its own: .venv, made from the requirements.
PYTHON ?= python3
BIN := .venv/bin
RUN ?= runs/quickstart

.PHONY: test check quickstart clean

OLD := $(PYTHON) is too old. Name Python 3.11 or newer: make PYTHON=python3.11 ...

.venv/ready: requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("$(OLD)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

# Two at a time, those of a file in one process: they share what was compiled. A
# process that crashes fails the run: replaced, pytest-xdist 3.8 would wait forever.
test: .venv/ready
	$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

quickstart: .venv/ready
	$(BIN)/python -m danet_jax.data.photographs $(RUN)/photographs
	$(BIN)/python train.py --config configs/quickstart.py --workdir $(RUN) \
	  --config.data.root=$(RUN)/photographs/train
	$(BIN)/python eval.py --checkpoint $(RUN) --data $(RUN)/photographs/test \
	  --baseline nlm --compare
	$(BIN)/python restore.py $(RUN)/photographs/noisy.png --checkpoint $(RUN) \
	  --out $(RUN)/restored.png --overwrite

clean:
	rm -rf .venv build *.egg-info
