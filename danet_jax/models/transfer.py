"""Moving a teacher's decoder into a student (the paper's Sec. 2.4 and 5.5)."""

from typing import Any

import jax.numpy as jnp
from flax import nnx

from danet_jax.checks import WeightsError, check_type
from danet_jax.models.danet import DANet

# The parts that pass on; head and encoder are the student's own.
PASSED = ("decoder", "tail")


def dotted(path: tuple[Any, ...]) -> str:
    """The path of a parameter in a network's state as text: "head.kernel"."""
    return ".".join(map(str, path))


def passes(path: tuple[Any, ...]) -> bool:
    """Whether the parameter at a path of a network's state is one that passes on."""
    return path[0] in PASSED


def transfer_decoder(source: DANet, target: DANet) -> DANet:
    """A student with its teacher's decoder and tail, and all else its own.

    Args:
        source: the teacher; it is never changed.
        target: the student; its encoder may differ from the teacher's. It is not
            changed either.
    Returns:
        The student; its parameters are copies.
    Raises:
        TypeError: one of the two is no DANet.
        WeightsError: parameters of the decoders that one of the two lacks, or that
            differ in shape or dtype: all of them in one message.
    Source: Huang et al. 2021, Sec. 2.4; what a decoder is: docs/deviations.md.
    Example:
        >>> import dataclasses
        >>> from danet_jax import DANetConfig
        >>> config = DANetConfig(
        ...     widths=(8, 16), encoder_blocks=(1, 0), decoder_blocks=(0,)
        ... )
        >>> deeper = dataclasses.replace(config, encoder_blocks=(3, 1))
        >>> teacher = DANet(deeper, rngs=nnx.Rngs(0))
        >>> student = transfer_decoder(teacher, DANet(config, rngs=nnx.Rngs(1)))
        >>> bool((student.tail.kernel[...] == teacher.tail.kernel[...]).all())
        True
    """
    check_type("transfer_decoder", "source", source, DANet)
    check_type("transfer_decoder", "target", target, DANet)
    graphdef, state = nnx.split(target, nnx.Param)
    own = dict(nnx.to_flat_state(state))
    given = dict(nnx.to_flat_state(nnx.state(source, nnx.Param)))
    problems = _problems(given, own)
    if problems:
        raise WeightsError(
            "transfer_decoder: source and target may differ in encoder_blocks only; "
            f"got {source.config.differences(target.config) or 'other dtypes'}. Their "
            f"decoders: {'; '.join(problems)}."
        )
    merged = [
        (path, leaf.replace(jnp.array((given if passes(path) else own)[path][...])))
        for path, leaf in own.items()
    ]
    return nnx.merge(graphdef, nnx.from_flat_state(merged))


def _problems(given: dict[Any, Any], own: dict[Any, Any]) -> list[str]:
    offered, wanted = ({p for p in flat if passes(p)} for flat in (given, own))
    unlike = [
        f"{dotted(path)} is {_words(given[path])}, not {_words(own[path])}"
        for path in own
        if path in offered & wanted and _words(given[path]) != _words(own[path])
    ]
    kinds = {
        "missing in the source": [dotted(p) for p in own if p in wanted - offered],
        "missing in the target": [dotted(p) for p in given if p in offered - wanted],
        "of another shape or dtype": unlike,
    }
    return [f"{len(n)} {kind} ({', '.join(n)})" for kind, n in kinds.items() if n]


def _words(leaf: Any) -> str:
    return f"{leaf.dtype} {tuple(leaf.shape)}"
