"""Scores a trained network: python eval.py --checkpoint runs/x --data DIR."""

import sys

from danet_jax.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["eval", *sys.argv[1:]]))
