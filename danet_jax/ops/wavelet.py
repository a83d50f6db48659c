"""The Haar wavelet transform that stands between the network's scales."""

import jax
import jax.numpy as jnp

from danet_jax.checks import check_nhwc, message


def dwt2(x: jax.Array) -> jax.Array:
    """One level of the orthonormal 2-D Haar transform.

    Convention:
        Row 0 is at the top. Channels of the result are all LL, all HL, all LH, all HH;
        HL is right minus left, LH is lower minus upper. sum(x**2) is kept, so that
        ``idwt2`` is both inverse and transpose.
    Args:
        x: [N, H, W, C], floating point; H and W even.
    Returns:
        [N, H/2, W/2, 4C] in the dtype of x.
    Raises:
        TypeError: x is not floating point.
        ValueError: x is empty or not of rank 4, or H or W is odd.
    Source: Haar filters; their place in the network: the paper's Fig. 2, as MWCNN.
    Example:
        >>> dwt2(jnp.arange(1.0, 5.0).reshape(1, 2, 2, 1)).ravel().tolist()
        [5.0, 1.0, 2.0, 0.0]
    """
    check_nhwc("dwt2", "x", x, multiple=2)
    a, b = x[:, 0::2, 0::2], x[:, 0::2, 1::2]
    c, d = x[:, 1::2, 0::2], x[:, 1::2, 1::2]
    bands = [a + b + c + d, b + d - a - c, c + d - a - b, a + d - b - c]
    return jnp.concatenate(bands, axis=-1) * 0.5


def idwt2(bands: jax.Array) -> jax.Array:
    """The inverse, and transpose, of ``dwt2``.

    Args:
        bands: [N, H, W, 4C], floating point: all LL, all HL, all LH, all HH.
    Returns:
        [N, 2H, 2W, C] in the dtype of bands.
    Raises:
        TypeError: bands is not floating point.
        ValueError: bands is empty or not of rank 4, or 4 does not divide its channels.
    Example:
        >>> idwt2(jnp.array([5.0, 1.0, 2.0, 0.0]).reshape(1, 1, 1, 4)).ravel().tolist()
        [1.0, 2.0, 3.0, 4.0]
    """
    check_nhwc("idwt2", "bands", bands, channels="4C")
    n, h, w, channels = bands.shape
    if channels % 4:
        rule = "have a channel count divisible by 4"
        repair = "Stack the four sub-bands on the channel axis."
        raise ValueError(message("idwt2", "bands", rule, bands.shape, repair))
    ll, hl, lh, hh = jnp.split(bands, 4, axis=-1)
    upper = jnp.stack([ll - hl - lh + hh, ll + hl - lh - hh], axis=3)
    lower = jnp.stack([ll - hl + lh - hh, ll + hl + lh + hh], axis=3)
    # Pixels in their places: (n, h, row parity, w, column parity, c).
    cells = jnp.stack([upper, lower], axis=2)
    return cells.reshape(n, 2 * h, 2 * w, channels // 4) * 0.5
