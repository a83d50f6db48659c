"""Restores image files: python restore.py photo.png --checkpoint runs/x."""

import sys

from danet_jax.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["restore", *sys.argv[1:]]))
