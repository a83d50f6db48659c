"""U-Net that deforms in its decoder, as SADNet does: a row of Table 8 of the paper.

Gray images, Gaussian noise of sigma 25. PSNR [dB] / SSIM as published; this project has
not trained it in full:

    Set12  30.81 / 0.8690

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --source DIV2K_train_HR --out DIR
    python train.py --config configs/ablation/unet_deform.py --config.data.root=DIR

All five rows, one after the other, and their table: danet ablation --help.
"""

from danet_jax.config import DIV2K_GRAY, VARIANTS, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(
        name="ablation_unet_deform", model=VARIANTS["unet_deform"], data=DIV2K_GRAY
    )
    return override(base, {"data.sigma_255": 25.0})
