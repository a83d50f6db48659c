"""DANet on gray images, Gaussian noise of any sigma from 0 to 55.

No experiment of the paper, whose networks know their sigma: each training patch gets
one of its own. The range is that of DnCNN-B (Zhang et al., 2017). Validation uses 25.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --source DIV2K_train_HR --out DIR
    python train.py --config configs/awgn_gray_blind.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_GRAY, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(name="awgn_gray_blind", data=DIV2K_GRAY)
    return override(base, {"data.sigma_range_255": (0.0, 55.0)})
