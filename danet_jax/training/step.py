"""One training step: degrade, predict, compare, and move the parameters. No I/O."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from danet_jax.config import (
    DANetConfig,
    DataConfig,
    DistillationConfig,
    ExperimentConfig,
)
from danet_jax.models import DANet, abstract_danet
from danet_jax.training.devices import AXIS
from danet_jax.training.optimizer import learning_rate, make_optimizer

Batch = Mapping[str, jax.Array]
Metrics = dict[str, jax.Array]


class Loss(NamedTuple):
    """What a step minimises."""

    total: jax.Array  # whose gradient is taken
    restoration: jax.Array  # the l2 loss within it


# (params, given, degraded, clean) -> Loss; what is given, such as the parameters of a
# teacher, is an argument of the step, as a constant would be compiled into it.
Objective = Callable[[Any, Any, jax.Array, jax.Array], Loss]


class TrainState(NamedTuple):
    """All that a step changes; a pytree of plain arrays."""

    step: jax.Array  # steps done, int32
    params: Any
    opt_state: Any
    ema: Any  # average of params, or None


def new_state(config: ExperimentConfig, steps: int) -> tuple[nnx.GraphDef, TrainState]:
    """The untrained network's structure, and the state of a run of so many steps."""
    train = config.train
    model = DANet(
        config.model,
        rngs=nnx.Rngs(train.seed),
        dtype=jnp.dtype(train.dtype),
        remat=train.remat,
        scan=train.scan,
    )
    graphdef, params = nnx.split(model, nnx.Param)
    params = nnx.as_pure(params)
    opt_state = _optimizer(config, steps).init(params)
    # A copy: the step donates the parameters' buffers.
    ema = jax.tree.map(jnp.array, params) if train.ema_decay else None
    return graphdef, TrainState(jnp.zeros((), jnp.int32), params, opt_state, ema)


def network_of(config: DANetConfig, params: Any) -> DANet:
    """A float32 network with the given parameters, as evaluation uses it."""
    return nnx.merge(nnx.graphdef(abstract_danet(config)), params)


def l2_loss(restored: jax.Array, clean: jax.Array) -> jax.Array:
    """Mean squared difference over batch, pixels and channels (the paper's Eq. 1)."""
    return jnp.mean((restored - clean) ** 2)


def degrade(
    batch: Batch, key: jax.Array, data: DataConfig
) -> tuple[jax.Array, jax.Array]:
    """Degraded and clean images in [0, 1] from a batch of 8-bit ones.

    Pairs are taken as they are; clean images alone get Gaussian noise, of the config's
    ``sigma_255`` or of one drawn for each image from ``sigma_range_255``.
    """
    clean = batch["clean"].astype(jnp.float32) / 255
    if "degraded" in batch:
        return batch["degraded"].astype(jnp.float32) / 255, clean
    sigma_255: float | jax.Array = data.sigma_255
    if data.sigma_range_255:
        low, high = data.sigma_range_255
        shape = (len(clean), 1, 1, 1)
        draw = jax.random.fold_in(key, 1)  # the noise is that of the key itself
        sigma_255 = jax.random.uniform(draw, shape, minval=low, maxval=high)
    degraded = clean + sigma_255 / 255 * jax.random.normal(key, clean.shape)
    if data.clip or data.round:
        degraded = jnp.clip(degraded, 0, 1)
    return jnp.round(degraded * 255) / 255 if data.round else degraded, clean


def restoration(graphdef: nnx.GraphDef) -> Objective:
    """The paper's objective: the l2 loss alone."""

    def objective(params: Any, _: Any, degraded: jax.Array, clean: jax.Array) -> Loss:
        loss = l2_loss(nnx.merge(graphdef, params)(degraded), clean)
        return Loss(loss, loss)

    return objective


def make_train_step(
    graphdef: nnx.GraphDef,
    config: ExperimentConfig,
    steps: int,
    mesh: Mesh,
    *,
    objective: Objective | None = None,
) -> Callable[..., tuple[TrainState, Metrics]]:
    """Compiles the step of a run; it donates the state it is given.

    Args:
        graphdef: structure of the network.
        config: the experiment.
        steps: length of the whole run, which the learning rate follows.
        mesh: devices; the batch is split over its axis, and gradients are averaged.
        objective: what is minimised; by default the l2 loss.
    Returns:
        (state, batch of uint8 [B, h, w, C], given=()) -> (state, metrics): loss,
        psnr_db, gradient_norm and learning_rate of the step, as scalars on the devices.
        The objective gets what is given.
    """
    train = config.train
    optimizer, rate = _optimizer(config, steps), learning_rate(train, steps)
    root_key = jax.random.key(train.seed)
    gradient = _gradient(objective or restoration(graphdef), mesh, train.accumulate)

    def step(
        state: TrainState, batch: Batch, given: Any = ()
    ) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(root_key, state.step)
        degraded, clean = degrade(batch, key, config.data)
        loss, grads = gradient(state.params, given, degraded, clean)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        ema = state.ema
        if ema is not None:
            ema = optax.incremental_update(params, ema, 1 - train.ema_decay)
        metrics = {
            "loss": loss.total,
            "psnr_db": -10 * jnp.log10(loss.restoration),
            "gradient_norm": optax.tree.norm(grads),
            "learning_rate": jnp.asarray(rate(state.step)),
        }
        return TrainState(state.step + 1, params, opt_state, ema), metrics

    return jax.jit(step, donate_argnums=0)


def _optimizer(config: ExperimentConfig, steps: int) -> optax.GradientTransformation:
    rest = 0
    if isinstance(config, DistillationConfig):
        rest = config.student.frozen_steps
    return make_optimizer(config.train, steps, rest=rest)


def _gradient(
    objective: Objective, mesh: Mesh, parts: int
) -> Callable[[Any, Any, jax.Array, jax.Array], tuple[Loss, Any]]:
    """(parameters, given, degraded, clean) -> loss and gradient, over all images."""

    def total(*arguments: Any) -> tuple[jax.Array, Loss]:
        loss = objective(*arguments)
        return loss.total, loss

    def one(*arguments: Any) -> tuple[Loss, Any]:
        (_, loss), grads = jax.value_and_grad(total, has_aux=True)(*arguments)
        return loss, grads

    def accumulated(params: Any, given: Any, *images: jax.Array) -> tuple[Loss, Any]:
        """Of one device's images, a part of them at a time."""
        if parts == 1:
            return one(params, given, *images)

        def add(sums: Any, images: Any) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, sums, one(params, given, *images)), None

        zeros = Loss(jnp.zeros(()), jnp.zeros(())), jax.tree.map(jnp.zeros_like, params)
        split = [image.reshape(parts, -1, *image.shape[1:]) for image in images]
        sums, _ = jax.lax.scan(add, zeros, split)
        return jax.tree.map(lambda leaf: leaf / parts, sums)

    def averaged(*arrays: Any) -> tuple[Loss, Any]:
        result = accumulated(*arrays)
        if mesh.size == 1:
            return result
        # As one vector: one message between the devices, not one for each leaf.
        vector, unravel = ravel_pytree(result)
        return unravel(jax.lax.pmean(vector, AXIS))

    return jax.shard_map(
        averaged,
        mesh=mesh,
        in_specs=(P(), P(), P(AXIS), P(AXIS)),
        out_specs=P(),
        check_vma=False,  # the deformable convolution's loops start from plain zeros
    )
