# Everything runs in a virtual environment of its own: .venv, made from the requirements.
PYTHON ?= python3
BIN := .venv/bin
RUN ?= runs/quickstart

.PHONY: test check quickstart clean

.venv/ready: requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

test: .venv/ready
	$(BIN)/python -m pytest

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

clean:
	rm -rf .venv build *.egg-info
