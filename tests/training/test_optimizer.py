"""The learning rate from the first to the last step, and what Adam is given."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danet_jax.config import TrainConfig
from danet_jax.training.optimizer import learning_rate, make_optimizer

SCHEDULES = ("cosine", "exponential", "step")


@given(st.sampled_from(SCHEDULES), st.integers(8, 5000))
def test_from_the_first_rate_to_the_last(schedule: str, steps: int) -> None:
    config = TrainConfig(schedule=schedule)
    rate = learning_rate(config, steps)
    assert float(rate(0)) == pytest.approx(1e-4, rel=1e-4)
    assert float(rate(steps - 1)) == pytest.approx(1e-6, rel=1e-3)
    rates = [float(rate(step)) for step in range(0, steps, max(steps // 9, 1))]
    assert sorted(rates, reverse=True) == rates


def test_cosine_by_hand() -> None:
    rate = learning_rate(TrainConfig(), 101)
    assert float(rate(50)) == pytest.approx((1e-4 + 1e-6) / 2, rel=1e-5)
    assert float(rate(1000)) == pytest.approx(1e-6, rel=1e-3)  # no rise after the end


def test_exponential_by_hand() -> None:
    rate = learning_rate(TrainConfig(schedule="exponential"), 101)
    assert float(rate(50)) == pytest.approx(1e-5, rel=1e-4)


def test_steps_by_hand() -> None:
    config = TrainConfig(schedule="step", learning_rate=64.0, final_learning_rate=1.0)
    rate = learning_rate(config, 70)
    assert [round(float(rate(step)), 3) for step in range(5, 70, 10)] == [
        *(64, 32, 16, 8, 4, 2, 1)
    ]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_of_one_step(schedule: str) -> None:
    rate = learning_rate(TrainConfig(schedule=schedule), 1)
    assert float(rate(0)) == pytest.approx(1e-4, rel=1e-3)


def test_clipping_keeps_the_direction() -> None:
    grads = jnp.array([30.0, 40.0])  # of norm 50
    clipped = make_optimizer(TrainConfig(clip_norm=5.0), 10)
    state = clipped.init(grads)
    _, state = clipped.update(grads, state, grads)
    np.testing.assert_allclose(state[1][0].mu, 0.1 * grads / 10, rtol=1e-6)
    free = make_optimizer(TrainConfig(), 10)
    _, state = free.update(grads, free.init(grads), grads)
    np.testing.assert_allclose(state[0].mu, 0.1 * grads, rtol=1e-6)


def test_the_first_step_of_adam_by_hand() -> None:
    optimizer = make_optimizer(TrainConfig(learning_rate=1e-2), 10)
    params = jnp.array([1.0, -1.0])
    updates, _ = optimizer.update(
        jnp.array([3.0, -2.0]), optimizer.init(params), params
    )
    np.testing.assert_allclose(updates, [-1e-2, 1e-2], rtol=1e-5)  # minus the sign
