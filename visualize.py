"""Draws what networks look at: python visualize.py --task gray25 --image a.png ..."""

import sys

from danet_jax.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["visualize", *sys.argv[1:]]))
