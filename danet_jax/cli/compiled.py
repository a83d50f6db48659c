"""What was compiled once is kept for the next start of the same program."""

import hashlib
import os
import platform
from pathlib import Path

import jax

VARIABLE = "JAX_COMPILATION_CACHE_DIR"
_OPTION = "jax_compilation_cache_dir"
_FROM_SECONDS = "jax_persistent_cache_min_compile_time_secs"


def keep_compiled() -> None:
    """Turns JAX's persistent compilation cache on, unless the user has chosen one.

    It lies in $XDG_CACHE_HOME/danet_jax, else ~/.cache/danet_jax, in a folder for each
    kind of processor: homes are shared between machines, their programs cannot be. An
    empty JAX_COMPILATION_CACHE_DIR turns it off; a folder that cannot be made, too.
    """
    if VARIABLE in os.environ or getattr(jax.config, _OPTION):
        return
    try:
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(root) / "danet_jax" / _processor()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # a user without a name has no home
        return
    jax.config.update(_OPTION, str(folder))
    # The initial parameters take a hundred small programs: together, five seconds.
    if _FROM_SECONDS.upper() not in os.environ:
        jax.config.update(_FROM_SECONDS, 0)


def _processor() -> str:
    """A name for what the host's programs may use of its processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        features = next(
            line for line in lines if line.startswith(("flags", "Features"))
        )
    except (OSError, StopIteration):
        features = platform.processor()
    return f"{platform.machine()}-{hashlib.sha256(features.encode()).hexdigest()[:8]}"
