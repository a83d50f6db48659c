"""DANet-S on the noise of smartphones' photographs: Table 4 of the paper.

PSNR [dB] / SSIM as published: DND by its server; which part of SIDD was scored is not
stated. This project has not trained it in full:

    SIDD 39.70 / 0.913
    DND  39.39 / 0.951

The paper starts DANet-S from the decoder of a larger network that was trained before
(knowledge distillation: configs/distill/sidd.py).
Here it starts like any other, which may cost some of that.

The settings are those of Sec. 4.1, which are the defaults; the interval of 130 pixels
between patches is stated for DIV2K only. On SIDD-Medium:

    python prepare.py sidd --source SIDD_Medium_Srgb --out DIR
    python train.py --config configs/danet_s/sidd.py --config.data.root=DIR

Straight from the unpacked folder it trains, too, but what does not fit into
data.cache_gib of memory (29 GiB in all) is then decoded anew for each patch.
"""

from danet_jax.config import SIDD_MEDIUM, VARIANTS, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(
        name="danet_s_sidd", model=VARIANTS["danet_s"], data=SIDD_MEDIUM
    )
    return override(base, {"model.channels": 3})
