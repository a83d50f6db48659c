"""Validation during training, by the evaluators of ``eval.py``."""

import statistics

from danet_jax.config import ExperimentConfig
from danet_jax.data.sources import ImageFolder
from danet_jax.evaluation.evaluate import Panels, Row, evaluate
from danet_jax.evaluation.protocols import protocol_of
from danet_jax.models.places import lost
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
        params = devices.local(state.params if state.ema is None else state.ema)
        shares: list[dict[str, float]] = []  # of each image
        model = network_of(self._config.model, params)
        try:
            evaluation = evaluate(
                make_restorer(model, on_shares=shares.append),
                self._images,
                protocol_of(self._config),
                on_image=self._go_on,
            )
        except _Interrupted:
            return None
        means = {
            name: statistics.fmean(share[name] for share in shares)
            for name in shares[0]
        }
        psnr_db = self._record(step, evaluation.mean, means)
        self._records.restart_clock()
        return psnr_db

    def _record(self, step: int, mean: Row, shares: dict[str, float]) -> float:
        psnr_db, ssim = mean.psnr_restored, mean.ssim_restored
        assert psnr_db is not None and ssim is not None  # as it has restored
        scores = {
            "psnr_db": psnr_db,
            "ssim": ssim,
            "psnr_degraded_db": mean.psnr_degraded,
            "ssim_degraded": mean.ssim_degraded,
        }
        if shares:
            scores["samples_outside"] = max(shares.values())
        protocol = protocol_of(self._config).name
        self._records.write("validation", step, scores, protocol=protocol)
        self._records.say(
            f"step {step}: {psnr_db:.2f} dB, from {mean.psnr_degraded:.2f} dB, on "
            f"{len(self._images or ())} validation images ({protocol})."
        )
        if warning := lost(shares):
            self._records.say(f"step {step}: {warning}")
        return psnr_db

    def _go_on(self, _: Panels) -> None:
        # A scheduler's notice is short, a validation long: the state is worth more.
        if self._interrupt.asked():
            raise _Interrupted


class _Interrupted(Exception):  # noqa: N818
    """Leaves a validation that is not worth finishing."""
