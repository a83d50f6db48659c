"""Trains a network: python train.py --config configs/sidd.py --workdir runs/sidd."""

import sys

from danet_jax.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
