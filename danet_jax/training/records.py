"""What a run says while it goes: a progress bar, metrics.jsonl, TensorBoard events."""

import contextlib
import json
import math
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
from tqdm import tqdm

from danet_jax.atomic import replace_text
from danet_jax.checks import CheckpointError, ConfigError, UserError
from danet_jax.config import TrainConfig

FILE = "metrics.jsonl"


class NonFiniteError(UserError):
    """Training diverged: the loss or the gradient is no number any more."""


class Records:
    """The records of one run; metrics stay on the devices until they are flushed.

    Only the first of several processes writes and speaks.

    Args:
        workdir: where metrics.jsonl lies.
        config: batch size, and whether TensorBoard events are written, too.
        done: steps that a resumed run has behind it; later records are dropped.
        steps: length of the run.
    Raises:
        CheckpointError: the records of the run so far cannot be read or written.
        ConfigError: TensorBoard events are asked for, but tensorboardX is missing.
    """

    def __init__(self, workdir: Path, config: TrainConfig, *, done: int, steps: int):
        self._speaks = jax.process_index() == 0
        self._path = workdir / FILE
        self._board = None
        if self._speaks:
            _drop_after(self._path, done)
            self._board = _board(workdir, done) if config.tensorboard else None
        self._batch_size = config.batch_size
        self._pending: list[tuple[int, dict[str, jax.Array]]] = []
        self._timed = 0  # steps since the clock started
        self._since = time.perf_counter()
        hidden = None if self._speaks else True  # None: hidden without a terminal
        self._bar = tqdm(
            total=steps,
            initial=done,
            unit="step",
            mininterval=0,  # it moves when records are flushed, which is seldom enough
            disable=hidden,
        )

    def __enter__(self) -> "Records":
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: Any, ___: TracebackType | None
    ) -> None:
        self._bar.close()
        if self._board is not None:
            self._board.close()

    def add(self, step: int, metrics: dict[str, jax.Array]) -> None:
        """Takes the metrics of a step without waiting for them."""
        self._pending.append((step, metrics))
        self._timed += 1

    def flush(self) -> None:
        """Waits for the pending steps, and records their means under the last step.

        Raises:
            NonFiniteError: a loss or a gradient of one of them is not finite.
        """
        if not self._pending:
            return
        fetched = [(step, jax.device_get(metrics)) for step, metrics in self._pending]
        self._pending = []
        for step, metrics in fetched:
            for name in ("loss", "gradient_norm"):
                if not math.isfinite(metrics[name]):
                    raise NonFiniteError(
                        f"training: {name} became {metrics[name]} at step {step}. No "
                        "checkpoint was written since. Lower train.learning_rate, or "
                        "set train.clip_norm (e.g. 1.0), for a distillation's teacher "
                        "those of teacher.train, and start again in a new workdir."
                    )
        step, last = fetched[-1]
        mean = {k: sum(float(m[k]) for _, m in fetched) / len(fetched) for k in last}
        mean["learning_rate"] = float(last["learning_rate"])
        shown = {"loss": f"{mean['loss']:.3g}", "psnr": f"{mean['psnr_db']:.2f} dB"}
        if self._timed:
            seconds = time.perf_counter() - self._since
            mean["images_per_second"] = self._timed * self._batch_size / seconds
            shown["images/s"] = f"{mean['images_per_second']:.3g}"
        self.write("train", step, mean)
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(self._timed)
        self._timed = 0
        self.restart_clock()

    def write(
        self, kind: str, step: int, values: dict[str, float], **words: str
    ) -> None:
        """Appends one line to metrics.jsonl: kind is "train" or "validation".

        What is said in words, such as a protocol, is not for TensorBoard.

        Raises:
            CheckpointError: the line could not be written.
        """
        if not self._speaks:
            return
        finite = {k: v if math.isfinite(v) else None for k, v in values.items()}
        line = json.dumps({"kind": kind, "step": step, **words, **finite})
        try:
            with self._path.open("a") as file:
                file.write(line + "\n")
        except OSError as error:
            raise CheckpointError(
                f"{self._path}: cannot be written: {error}."
            ) from error
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def restart_clock(self, metrics: Any = None) -> None:
        """Leaves all until now, and the step of these metrics, out of every speed.

        That is of images/s and of the bar's, from which it tells the time left.
        """
        jax.block_until_ready(metrics)
        self._bar.n += self._timed
        self._bar.last_print_n, self._bar.last_print_t = self._bar.n, time.time()
        self._timed, self._since = 0, time.perf_counter()

    def say(self, text: str) -> None:
        """Prints a line, above the progress bar where there is one.

        That nobody reads any more, as after a "tee" that was ended, stops no training.
        """
        if self._speaks:
            with contextlib.suppress(OSError):
                tqdm.write(text, file=sys.stderr)


def _drop_after(path: Path, done: int) -> None:
    """Keeps the records up to a step: the ones after it will be made again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            if json.loads(line)["step"] <= done:
                kept.append(line)
        except (ValueError, KeyError):
            continue  # a line that a killed run left half written
    try:
        replace_text(path, "".join(line + "\n" for line in kept))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error}.") from error


def _board(workdir: Path, done: int) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ConfigError(
            "train.tensorboard needs tensorboardX: pip install tensorboardX, or set "
            "--config.train.tensorboard=False."
        ) from error
    return SummaryWriter(str(workdir / "tensorboard"), purge_step=done + 1)
