"""Which devices a run uses: one mesh with the single axis ``data``."""

import os
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from danet_jax.checks import ConfigError
from danet_jax.config import ExperimentConfig

AXIS = "data"


def join_cluster(config: ExperimentConfig) -> None:
    """Joins the other hosts if the config asks for it; must precede any use of JAX.

    Slurm, TPU pods, Open MPI and Google Kubernetes Engine are recognised by JAX. A
    process that is alone on its host takes all devices there, one of several its own.

    Raises:
        ConfigError: no cluster was recognised, or its processes cannot be reached.
    """
    if config.distributed == "off" or jax.distributed.is_initialized():
        return
    try:
        # Where one process fails, the others shall not wait for it for long.
        jax.distributed.initialize(
            local_device_ids=_local_device_ids(), shutdown_timeout_seconds=60
        )
    except (ValueError, RuntimeError) as error:
        raise ConfigError(
            f"distributed: no cluster could be joined ({error}). Start one process a "
            "host by srun or mpirun, or train on this host alone: "
            "--config.distributed=off."
        ) from error


def _local_device_ids() -> list[int] | None:
    """Nothing to restrict for a process that is alone on its host; else JAX decides.

    Under Slurm and Open MPI it would take the one device of the process' number there.
    """
    if "JAX_LOCAL_DEVICE_IDS" in os.environ:
        return None
    mpi = os.environ.get("OMPI_COMM_WORLD_LOCAL_SIZE")
    tasks, hosts = map(os.environ.get, ("SLURM_NTASKS", "SLURM_STEP_NUM_NODES"))
    # In this order, as JAX asks: mpirun may have been started inside a job of Slurm.
    alone = mpi == "1" if mpi else tasks is not None and tasks == hosts
    return [] if alone else None


def make_mesh(batch_size: int, accumulate: int = 1, *, group: str = "train") -> Mesh:
    """All devices of all hosts in one row.

    Args:
        batch_size: patches of a step.
        accumulate: parts into which each device cuts its share of them.
        group: of the config's fields, as errors name it.
    Raises:
        ConfigError: the devices and their parts do not divide the batch.
    """
    count = jax.device_count()
    if batch_size % (count * accumulate):
        fitting = -(-batch_size // (count * accumulate)) * count * accumulate
        parts = f", times {group}.accumulate={accumulate}" if accumulate > 1 else ""
        raise ConfigError(
            f"{group}.batch_size must be a multiple of the {count} devices{parts}; got "
            f"{batch_size}. Set --config.{group}.batch_size={fitting}."
        )
    return jax.make_mesh((count,), (AXIS,), axis_types=(AxisType.Auto,))


def replicate(tree: Any, mesh: Mesh) -> Any:
    """The same values on every device."""
    return jax.device_put(tree, NamedSharding(mesh, P()))


def split_batch(batch: Mapping[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
    """This process' part of a batch, placed on its devices as part of the whole."""
    sharding = NamedSharding(mesh, P(AXIS))
    return {
        name: jax.make_array_from_process_local_data(sharding, array)
        for name, array in batch.items()
    }


def local(tree: Any) -> Any:
    """The values of a replicated tree on this process' first device."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)
