"""Records without a network, for figures to draw."""

import numpy as np

from danet_jax.config import DANetConfig
from danet_jax.figures.record import Layer, Map, Record

TINY = DANetConfig(  # with four deformable convolutions, the last three at two scales
    widths=(2, 4),
    encoder_blocks=(0, 1),
    decoder_blocks=(0,),
    offset_width=3,
    offset_groups=2,
)
SIZE = (20, 25)  # of images: one program serves all tests


def layer(height: int, width: int, *, scale: int = 0, seed: int | None = None) -> Layer:
    """A layer that is plain, or with a seed one of random offsets and masks."""
    offsets, mask = np.zeros((height, width, 9, 2)), np.ones((height, width, 9))
    if seed is not None:
        random = np.random.default_rng(seed)
        offsets = random.normal(0, 2, offsets.shape)
        mask = random.uniform(0.1, 1, mask.shape)
    name = f"decoder 1/{2**scale}, block 1"
    return Layer(name, scale, np.float32(offsets), np.float32(mask))


def record(height: int = 32, width: int = 24, *, channels: int = 1) -> Record:
    """Of two random layers at two scales; height and width even."""
    random = np.random.default_rng(0)

    def part(name: str, scale: int, width_of: int) -> Map:
        size = height >> scale, width >> scale
        return Map(name, scale, random.uniform(size=(*size, width_of)))

    return Record(
        np.float32(random.uniform(size=(height, width, channels))),
        (layer(height // 2, width // 2, scale=1, seed=1), layer(height, width, seed=2)),
        part("decoder 1/1, block 1", 0, 5),
        (
            part("encoder 1/1", 0, 1),
            part("encoder 1/2", 1, 1),
            part("decoder 1/1", 0, 1),
        ),
        (part("encoder 1/1", 0, 4),),
        {"decoder 1/1, block 1": 0.1},
    )
