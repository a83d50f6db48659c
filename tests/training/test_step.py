"""One step against the same arithmetic spelled out, without a mesh."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from jax.sharding import AbstractMesh, AxisType

from danet_jax.checks import ConfigError
from danet_jax.config import DataConfig, ExperimentConfig
from danet_jax.training import devices
from danet_jax.training.step import degrade, l2_loss, make_train_step, new_state

Tiny = Callable[..., ExperimentConfig]
PLAIN = {
    "model.block": "conv",
    "model.recurrent_offsets": False,
    "train.learning_rate": 1e-3,
}


@pytest.fixture
def batch() -> dict[str, np.ndarray]:
    random = np.random.RandomState(0)
    return {"clean": random.randint(0, 255, (8, 8, 8, 1)).astype(np.uint8)}


def copy(tree: object) -> object:
    return jax.tree.map(jnp.array, tree)


def test_l2_loss_by_hand() -> None:
    restored, clean = jnp.array([1.0, 2.0, 3.0, 4.0]), jnp.array([1.0, 0.0, 3.0, 2.0])
    assert float(l2_loss(restored, clean)) == (4 + 4) / 4


def test_noise_is_gaussian_and_decided_by_its_key() -> None:
    clean = np.full((4, 64, 64, 1), 51, np.uint8)
    noisy, target = degrade({"clean": clean}, jax.random.key(1), DataConfig())
    np.testing.assert_allclose(target, 0.2, rtol=1e-6)
    noise = 255 * (np.asarray(noisy) - 0.2)
    assert noise.mean() == pytest.approx(0, abs=0.5)
    assert noise.std() == pytest.approx(25, rel=0.02)
    assert (np.abs(noise) > 51).any()  # not clipped
    again, _ = degrade({"clean": clean}, jax.random.key(1), DataConfig())
    other, _ = degrade({"clean": clean}, jax.random.key(2), DataConfig())
    np.testing.assert_array_equal(noisy, again)
    assert not np.array_equal(noisy, other)


def test_blind_noise_has_a_strength_of_its_own_in_each_image() -> None:
    clean = np.full((64, 48, 48, 1), 128, np.uint8)
    data = DataConfig(sigma_range_255=(5.0, 45.0))
    noisy, target = degrade({"clean": clean}, jax.random.key(1), data)
    sigmas = 255 * np.asarray(noisy - target).std(axis=(1, 2, 3))
    assert sigmas.min() > 4.5 and sigmas.max() < 47
    assert sigmas.mean() == pytest.approx(25, abs=4)
    assert sigmas.std() == pytest.approx(40 / np.sqrt(12), rel=0.25)
    again, _ = degrade({"clean": clean}, jax.random.key(1), data)
    np.testing.assert_array_equal(noisy, again)


def test_a_range_of_one_strength_is_that_strength() -> None:
    clean = {"clean": np.full((2, 8, 8, 1), 128, np.uint8)}
    one = DataConfig(sigma_255=15.0)
    wide = DataConfig(sigma_255=50.0, sigma_range_255=(15.0, 15.0))
    key = jax.random.key(3)
    expected, actual = (degrade(clean, key, data)[0] for data in (one, wide))
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_noisy_input_as_a_file_would_hold_it() -> None:
    clean = {"clean": np.full((2, 32, 32, 1), 5, np.uint8)}
    key = jax.random.key(0)
    plain, clipped, rounded = (
        np.asarray(degrade(clean, key, DataConfig(clip=clip, round=whole))[0])
        for clip, whole in ((False, False), (True, False), (False, True))
    )
    np.testing.assert_array_equal(clipped, np.clip(plain, 0, 1))
    np.testing.assert_allclose(rounded, np.rint(clipped * 255) / 255, atol=1e-6)


def test_pairs_are_taken_as_they_are() -> None:
    pair = {"clean": np.uint8([[0, 255]]), "degraded": np.uint8([[51, 102]])}
    degraded, clean = degrade(pair, jax.random.key(0), DataConfig())
    np.testing.assert_allclose(degraded, [[0.2, 0.4]], rtol=1e-6)
    np.testing.assert_array_equal(clean, [[0, 1]])


def test_a_step_spelled_out(tiny: Tiny, batch: dict[str, np.ndarray]) -> None:
    config = tiny(**PLAIN)
    graphdef, state = new_state(config, 6)
    mesh = devices.make_mesh(8)
    noisy, clean = degrade(
        batch, jax.random.fold_in(jax.random.key(config.train.seed), 0), config.data
    )

    def loss(params: object) -> jax.Array:
        return jnp.mean((nnx.merge(graphdef, params)(noisy) - clean) ** 2)

    expected, grads = jax.value_and_grad(loss)(state.params)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))
    updates, _ = optimizer.update(grads, optimizer.init(state.params))
    params = copy(optax.apply_updates(state.params, updates))
    before = copy(state.params)

    train_step = make_train_step(graphdef, config, 6, mesh)
    new, metrics = train_step(devices.replicate(state, mesh), batch)
    assert int(new.step) == 1
    assert float(metrics["loss"]) == pytest.approx(float(expected), rel=1e-5)
    assert float(metrics["psnr_db"]) == pytest.approx(
        -10 * np.log10(expected), rel=1e-5
    )
    norm = float(optax.tree.norm(grads))
    assert float(metrics["gradient_norm"]) == pytest.approx(norm, rel=1e-4)
    assert float(metrics["learning_rate"]) == pytest.approx(1e-3, rel=1e-4)
    near = jax.tree.map(lambda a, b: np.allclose(a, b, atol=2e-6), new.params, params)
    assert all(jax.tree.leaves(near))
    average = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, before, new.params)
    near = jax.tree.map(lambda a, b: np.allclose(a, b, atol=1e-6), new.ema, average)
    assert all(jax.tree.leaves(near))


def test_noise_is_new_at_each_step(tiny: Tiny, batch: dict[str, np.ndarray]) -> None:
    config = tiny(**PLAIN)
    graphdef, state = new_state(config, 6)
    mesh = devices.make_mesh(8)
    train_step = make_train_step(graphdef, config, 6, mesh)
    losses = []
    for step in 0, 0, 1:
        one = devices.replicate(copy(state._replace(step=jnp.int32(step))), mesh)
        losses.append(float(train_step(one, batch)[1]["loss"]))
    assert losses[0] == losses[1] != losses[2]


def test_the_old_state_is_donated(tiny: Tiny, batch: dict[str, np.ndarray]) -> None:
    config = tiny(**PLAIN)
    graphdef, state = new_state(config, 6)
    mesh = devices.make_mesh(8)
    state = devices.replicate(state, mesh)
    kernel = state.params["head"]["kernel"]
    make_train_step(graphdef, config, 6, mesh)(state, batch)
    assert kernel.is_deleted()


@pytest.mark.parametrize(
    "option, value",
    [
        ("train.remat", True),
        ("train.scan", True),
        ("train.accumulate", 4),
        ("train.dtype", "bfloat16"),
    ],
)
def test_options_change_little(
    tiny: Tiny, batch: dict[str, np.ndarray], option: str, value: object
) -> None:
    changes = {"model.encoder_blocks": (2, 0), "train.ema_decay": 0.0}
    norms = []
    for config in tiny(**PLAIN, **changes), tiny(**PLAIN, **changes, **{option: value}):
        graphdef, state = new_state(config, 6)
        mesh = devices.make_mesh(8)
        train_step = make_train_step(graphdef, config, 6, mesh)
        state, metrics = train_step(devices.replicate(state, mesh), batch)
        assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {
            jnp.dtype("float32")
        }
        norms.append(float(metrics["gradient_norm"]))
    tolerance = 0.03 if option == "train.dtype" else 1e-4
    assert norms[1] == pytest.approx(norms[0], rel=tolerance)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_devices_exchange_one_message_a_step(tiny: Tiny, platform: str) -> None:
    config = tiny()
    graphdef, state = new_state(config, 6)
    mesh = AbstractMesh((8,), (devices.AXIS,), axis_types=(AxisType.Auto,))
    batch = {"clean": jax.ShapeDtypeStruct((8, 8, 8, 1), jnp.uint8)}
    traced = make_train_step(graphdef, config, 6, mesh).trace(state, batch)
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    assert text.count('"stablehlo.all_reduce"') == 1
    # Nothing loops over the rows of an image or of a table: all loops are over chunks.
    assert "stablehlo.while" not in text


def test_parts_must_divide_each_device_s_share() -> None:
    assert devices.make_mesh(8, 4).size == 1
    with pytest.raises(ConfigError, match=r"devices, times .*=3; got 8\. .*size=9"):
        devices.make_mesh(8, 3)
