"""The data sets that the paper trains on, as configs to start from (Sec. 4.1, 4.2)."""

from danet_jax.config.experiment import DataConfig

# 800 photographs; the interval of the patches is stated for this set.
DIV2K = DataConfig(
    source=(
        "The paper trains on DIV2K: download DIV2K_train_HR.zip (800 PNG files, "
        "3.3 GB) from the web site of the DIV2K data set and unpack it; DIR is its "
        "folder of images. Any folder of images of at least 256x256 pixels will do, "
        "too. Then type the same command with --config.data.root=DIR."
    ),
)

# 320 pairs of whole sRGB photographs, 29 GiB once decoded.
SIDD_MEDIUM = DataConfig(
    clean="Data/*/*_GT_SRGB_*.PNG",
    degraded="Data/*/*_NOISY_SRGB_*.PNG",
    sigma_255=0.0,
    cache_gib=32.0,
    source=(
        "The paper trains on SIDD-Medium: download its sRGB images (SIDD_Medium_Srgb, "
        "12 GB) from the web site of the Smartphone Image Denoising Dataset and unpack "
        "them; DIR is the folder that holds Data, with pairs such as "
        "Data/0001_.../0001_NOISY_SRGB_010.PNG and 0001_GT_SRGB_010.PNG. Then type the "
        "same command with --config.data.root=DIR."
    ),
)
