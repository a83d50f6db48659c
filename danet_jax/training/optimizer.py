"""Adam and its learning rate (the paper's Sec. 4.1)."""

from typing import Any

import jax
import optax

from danet_jax.config import TrainConfig
from danet_jax.models.transfer import passes

STEP_HALVINGS = 6  # of the "step" schedule: 2**-6 of 1e-4 is next to 1e-6


def learning_rate(config: TrainConfig, steps: int) -> optax.Schedule:
    """The learning rate as a function of the step, from the first to the final one.

    The paper says that it "gradually decreased"; the cosine is this project's choice.
    """
    first, final = config.learning_rate, config.final_learning_rate
    last = max(steps - 1, 1)
    if config.schedule == "exponential":
        return optax.exponential_decay(first, last, final / first, end_value=final)
    if config.schedule == "step":
        every = max(steps // (STEP_HALVINGS + 1), 1)
        factor = (final / first) ** (1 / STEP_HALVINGS)
        return optax.piecewise_constant_schedule(
            first, {every * (i + 1): factor for i in range(STEP_HALVINGS)}
        )
    return optax.cosine_decay_schedule(first, last, alpha=final / first)


def make_optimizer(
    config: TrainConfig, steps: int, *, rest: int = 0
) -> optax.GradientTransformation:
    """Adam (0.9, 0.999, eps 1e-8), after clipping to a global norm if that is set.

    Args:
        config: rates, schedule and clipping.
        steps: of the whole run.
        rest: first steps in which what a student has from its teacher stays as it is.
            Its gradient does not count then, and its Adam begins only afterwards: one
            whose moments are still zero, but whose step count is not, would leap.
    """
    rate = learning_rate(config, steps)
    clip = optax.identity()
    if config.clip_norm:
        clip = optax.clip_by_global_norm(config.clip_norm)
    if not rest:
        return optax.chain(clip, _adam(rate)) if config.clip_norm else _adam(rate)
    return optax.chain(
        _apart(optax.identity(), optax.identity(), rest),
        clip,
        _apart(_adam(rate), _adam(lambda count: rate(count + rest)), rest),
    )


def _adam(rate: optax.Schedule) -> optax.GradientTransformation:
    return optax.adam(rate, b1=0.9, b2=0.999, eps=1e-8)


def _apart(
    own: optax.GradientTransformation, passed: optax.GradientTransformation, rest: int
) -> optax.GradientTransformation:
    """Two transformations; the one of what was transferred gives zeros at first."""

    def label(path: tuple[Any, ...], _: Any) -> str:
        return "passed" if passes((path[0].key,)) else "own"

    later = optax.conditionally_mask(passed, lambda count: count >= rest)
    return optax.partition(
        {"own": own, "passed": later},
        lambda params: jax.tree.map_with_path(label, params),
    )
