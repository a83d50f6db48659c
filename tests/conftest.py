"""What all tests share: JAX without silent promotions, hypothesis without chance."""

import os
import tempfile
from collections.abc import Iterator

import jax
import pytest
from hypothesis import HealthCheck, settings

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_default_matmul_precision", "highest")

# Whether examples come fast is a matter of what else the machine does.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forbids the network's own arithmetic to mix dtypes; optax and dm_pix do so."""
    ours = item.path.parent.name in ("ops", "models", "interop")
    jax.config.update("jax_numpy_dtype_promotion", "strict" if ours else "standard")


@pytest.fixture(autouse=True, scope="session")
def compile_once() -> Iterator[None]:
    """What one test, or a process that it starts, compiled, others need not compile."""
    variables = {
        "JAX_COMPILATION_CACHE_DIR": "jax_compilation_cache_dir",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": (
            "jax_persistent_cache_min_compile_time_secs"
        ),
    }
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for (variable, option), value in zip(
            variables.items(), (folder, 0.1), strict=True
        ):
            patch.setitem(os.environ, variable, str(value))
            jax.config.update(option, value)
        yield
