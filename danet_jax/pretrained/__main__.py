"""Prints the cards of the networks that come with the package: docs/models.md."""

from danet_jax.pretrained import markdown, read_card, shipped

HEAD = """# Networks that come with the package

    python restore.py photo.jpg --task NAME

restores photographs with one of them ([restore.md](restore.md)). From Python:

```python
from danet_jax import load_pretrained
from flax import nnx

model = load_pretrained("gray25")
restored = nnx.jit(model)(degraded)  # [N, H, W, channels] in [0, 1]
```

They are small networks, each trained within a quarter of an hour to two hours on one or
two CPU cores by the command in its section. The terms are those of the images that each
was trained on. How the records were prepared:
[records.md](records.md#records-of-the-networks-that-are-shipped). Figures are PSNR in
dB / SSIM, means over the images of a set, by the rules of [protocols.md](protocols.md).
"""


def main() -> None:
    """Prints Markdown."""
    print(HEAD)
    print("\n".join(markdown(read_card(task)) for task in shipped()), end="")


if __name__ == "__main__":
    main()
