"""Cuts a data set's patches: python prepare.py sidd --source DIR --out OUT."""

import sys

from danet_jax.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["prepare", *sys.argv[1:]]))
