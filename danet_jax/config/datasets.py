"""The data sets that the paper trains on: their archives, and configs to start from."""

import dataclasses

from danet_jax.config.experiment import DataConfig

# What ``danet prepare`` calls folders of one's own.
IMAGE_FOLDER, PAIRED_FOLDERS = "image_folder", "paired_folders"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set as its archive is published, and which of its files are used."""

    name: str  # as ``danet prepare`` calls it
    clean: str  # pattern of the clean images below the folder
    degraded: str = ""  # pattern of their degraded partners; "": none
    counts: tuple[int, ...] = ()  # images, or pairs, of each archive; (): not stated
    scale: int = 0  # of super-resolution; 0: none
    download: str = ""  # what to download, and from where
    folder: str = ""  # how the unpacked folder DIR looks

    @property
    def where(self) -> str:
        """What to download, and how its folder looks; nothing for one's own."""
        return f"{self.download} DIR is {self.folder}." if self.folder else ""

    def advice(self, *options: str) -> str:
        """What to do without the data: download, prepare (with options), train."""
        scale = ["--scale", str(self.scale)] if self.scale else []
        words = ["danet prepare", self.name, *scale, *options]
        return (
            f"{self.download} Unpack it; DIR is {self.folder}. Cut its patches: "
            f"{' '.join(words)} --source DIR --out OUT. Then type the same command "
            "with --config.data.root=OUT."
        )


# 800 photographs; the interval of the patches is stated for this set.
DIV2K_TRAIN = Dataset(
    name="div2k",
    clean="*.png",
    counts=(800,),
    download=(
        "The paper trains on DIV2K: download DIV2K_train_HR.zip (800 PNG files, "
        "3.3 GB) from https://data.vision.ee.ethz.ch/cvl/DIV2K."
    ),
    folder="its folder of images, or any folder of images of at least 256x256 pixels",
)

# 320 pairs of whole sRGB photographs, 29 GiB once decoded. SIDD-Small has one pair of
# each of 160 scenes, which no number precedes: GT_SRGB_010.PNG.
SIDD_MEDIUM_TRAIN = Dataset(
    name="sidd",
    clean="Data/*/*GT_SRGB_*.PNG",
    degraded="Data/*/*NOISY_SRGB_*.PNG",
    counts=(320, 160),
    download=(
        "The paper trains on SIDD-Medium: download its sRGB images (SIDD_Medium_Srgb, "
        "12 GB) from https://abdokamel.github.io/sidd."
    ),
    folder=(
        "the folder that holds Data, with pairs such as "
        "Data/0001_.../0001_NOISY_SRGB_010.PNG and 0001_GT_SRGB_010.PNG"
    ),
)
SIDD_SMALL_TRAIN = dataclasses.replace(
    SIDD_MEDIUM_TRAIN,
    download=(
        "The paper trains on SIDD-Medium; for a small network, download the sRGB "
        "images of SIDD-Small (SIDD_Small_sRGB_Only, 6 GB) from "
        "https://abdokamel.github.io/sidd."
    ),
    folder=(
        "the folder that holds Data, with pairs such as "
        "Data/0001_.../NOISY_SRGB_010.PNG and GT_SRGB_010.PNG"
    ),
)

_REALSR_COUNTS = {2: 183, 3: 234, 4: 178}  # by scale, of version 1
_REALSR = (
    "RealSR (version 1; in version 3 the inputs are smaller than their "
    "targets) from https://github.com/csjcai/RealSR."
)


def realsr_train(scale: int) -> Dataset:
    """The training part of RealSR: pairs of equal size, taken at two focal lengths.

    By the paper's counts its version 1. Version 2 has more pairs in the same folders,
    version 3 pairs of unequal size.
    """
    return Dataset(
        name="realsr",
        clean=f"*/Train/{scale}/*_HR.png",
        degraded=f"*/Train/{scale}/*_LR{scale}.png",
        counts=(_REALSR_COUNTS[scale],),
        scale=scale,
        download=f"The paper trains on RealSR: download {_REALSR}",
        folder=(
            "the folder that holds Canon and Nikon, with pairs such as "
            f"Canon/Train/{scale}/Canon_001_HR.png and Canon_001_LR{scale}.png"
        ),
    )


def realsr_test(scale: int) -> Dataset:
    """The test part of RealSR, of 30 pairs at each scale."""
    files = realsr_train(scale)
    clean, degraded, folder = (
        text.replace("/Train/", "/Test/")
        for text in (files.clean, files.degraded, files.folder)
    )
    return dataclasses.replace(
        files,
        clean=clean,
        degraded=degraded,
        counts=(30,),
        download=f"Download {_REALSR}",
        folder=folder,
    )


# Any folder of images will do instead of DIV2K, so that the pattern is wider.
DIV2K_GRAY = DataConfig(source=DIV2K_TRAIN.advice("--channels", "1"))
DIV2K_RGB = DataConfig(source=DIV2K_TRAIN.advice())
SIDD_MEDIUM = DataConfig(
    clean=SIDD_MEDIUM_TRAIN.clean,
    degraded=SIDD_MEDIUM_TRAIN.degraded,
    sigma_255=0.0,
    source=SIDD_MEDIUM_TRAIN.advice(),
)


def div2k_jpeg(quality: int) -> DataConfig:
    """DIV2K as JPEG of a quality, on Y as in the literature on JPEG artifacts."""
    return DataConfig(
        gray="y",
        sigma_255=0.0,
        jpeg_quality=quality,
        source=DIV2K_TRAIN.advice("--channels", "1", "--gray", "y"),
    )


def realsr(scale: int) -> DataConfig:
    """The pairs of RealSR at a scale of 2, 3 or 4."""
    files, test = realsr_train(scale), realsr_test(scale)
    return DataConfig(
        clean=files.clean,
        degraded=files.degraded,
        validation_clean=test.clean,
        validation_degraded=test.degraded,
        sigma_255=0.0,
        source=files.advice(),
    )
