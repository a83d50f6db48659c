"""Adam and its learning rate (the paper's Sec. 4.1)."""

import optax

from danet_jax.config import TrainConfig

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


def make_optimizer(config: TrainConfig, steps: int) -> optax.GradientTransformation:
    """Adam (0.9, 0.999, eps 1e-8), after clipping to a global norm if that is set."""
    adam = optax.adam(learning_rate(config, steps), b1=0.9, b2=0.999, eps=1e-8)
    if not config.clip_norm:
        return adam
    return optax.chain(optax.clip_by_global_norm(config.clip_norm), adam)
