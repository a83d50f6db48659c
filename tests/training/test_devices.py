"""Which devices a process takes, by what its launcher says of the host."""

from collections.abc import Callable
from typing import Any

import jax
import pytest

from danet_jax.config import ExperimentConfig
from danet_jax.training.devices import join_cluster

SLURM = {"SLURM_NTASKS": "2", "SLURM_STEP_NUM_NODES": "2"}
TWO_ON_A_HOST = {"SLURM_NTASKS": "4", "SLURM_STEP_NUM_NODES": "2"}


@pytest.mark.parametrize(
    ("environment", "local_device_ids"),
    [
        (SLURM, []),  # all; None would be the one of the process' number
        (TWO_ON_A_HOST, None),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "1"}, []),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "2"}, None),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "2", **SLURM}, None),  # mpirun inside a job
        ({"JAX_LOCAL_DEVICE_IDS": "1,2", **SLURM}, None),  # which JAX reads itself
        ({}, None),
    ],
)
def test_a_process_alone_on_its_host_takes_all_devices(
    tiny: Callable[..., ExperimentConfig],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    local_device_ids: list[int] | None,
) -> None:
    for name in (*SLURM, "OMPI_COMM_WORLD_LOCAL_SIZE", "JAX_LOCAL_DEVICE_IDS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(
        jax.distributed, "initialize", lambda **options: calls.append(options)
    )
    join_cluster(tiny(distributed="auto"))
    assert calls == [
        {"local_device_ids": local_device_ids, "shutdown_timeout_seconds": 60}
    ]
    join_cluster(tiny())
    assert len(calls) == 1
