"""Validation during training, by the evaluators of ``eval.py``."""

from danet_jax.config import ExperimentConfig
from danet_jax.data.sources import ImageFolder
from danet_jax.evaluation.evaluate import Panels, evaluate
from danet_jax.evaluation.protocols import protocol_of
from danet_jax.restoration.inference import make_restorer
from danet_jax.training import devices
from danet_jax.training.interrupt import Interrupt
from danet_jax.training.records import Records
from danet_jax.training.step import TrainState, network_of


class Validation:
    """Scores a state on the validation images, if there are any, and records it.

    Every process scores all images: they hold equal parameters, and so agree on which
    checkpoint is the best one without a word between them.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        images: ImageFolder | None,
        records: Records,
        interrupt: Interrupt,
    ):
        self._config = config
        self._images = images
        self._records = records
        self._interrupt = interrupt

    def __call__(self, step: int, state: TrainState) -> float | None:
        """Returns the mean PSNR in dB; None without images, or if interrupted."""
        if self._images is None:
            return None
        protocol = protocol_of(self._config)
        params = devices.local(state.params if state.ema is None else state.ema)
        try:
            evaluation = evaluate(
                make_restorer(network_of(self._config.model, params)),
                self._images,
                protocol,
                on_image=self._go_on,
            )
        except _Interrupted:
            return None
        mean = evaluation.mean
        psnr_db, ssim = mean.psnr_restored, mean.ssim_restored
        assert psnr_db is not None and ssim is not None  # as it has restored
        scores = {
            "psnr_db": psnr_db,
            "ssim": ssim,
            "psnr_degraded_db": mean.psnr_degraded,
            "ssim_degraded": mean.ssim_degraded,
        }
        self._records.write("validation", step, scores, protocol=protocol.name)
        self._records.say(
            f"step {step}: {psnr_db:.2f} dB, from "
            f"{mean.psnr_degraded:.2f} dB, on {len(self._images)} validation images "
            f"({protocol.name})."
        )
        self._records.restart_clock()
        return psnr_db

    def _go_on(self, _: Panels) -> None:
        # A scheduler's notice is short, a validation long: the state is worth more.
        if self._interrupt.asked():
            raise _Interrupted


class _Interrupted(Exception):  # noqa: N818
    """Leaves a validation that is not worth finishing."""
