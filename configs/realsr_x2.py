"""DANet on real super-resolution, scale 2: Table 6 of the paper.

PSNR [dB] / SSIM of Y as published; this project has not trained it in full:

    RealSR  34.25 / 0.930

Input and target are photographs of one scene at two focal lengths, of equal size in
versions 1 and 2 of the files, not in 3. The paper counts 183 pairs for training at this
scale, and 30 for tests. Test is read only if data.validation_root names the folder.

The settings are those of Sec. 4.1, which are the defaults; the interval of 130 pixels
between patches is stated for DIV2K only. On RealSR, version 1:

    python prepare.py realsr --scale 2 --source RealSR --out DIR
    python train.py --config configs/realsr_x2.py --config.data.root=DIR
"""

from danet_jax.config import ExperimentConfig, override, realsr


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(name="realsr_x2", data=realsr(2))
    return override(base, {"model.channels": 3, "evaluation.channel": "y"})
