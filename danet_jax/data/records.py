"""Records of patches on disk: written and read by TensorFlow Datasets as ArrayRecord.

Importing this module takes a second, so that only who needs it does; TensorFlow itself
is not used.
"""

import contextlib
import errno
import io
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import (
    ArrayRecordReader,
    ArrayRecordWriter,
)

from danet_jax.checks import DataError
from danet_jax.data.manifest import MANIFEST, Preparation
from danet_jax.data.patches import Patch

SPLIT = "train"
_SHARD_BYTES = 2**28  # of pixels, about
_WRITER = "group_size:1"  # each record can be read without its neighbours


class Patches(tfds.core.GeneratorBasedBuilder):
    """Patches of images, single or in pairs, in the order in which they are given."""

    VERSION = tfds.core.Version("1.0.0")

    def __init__(
        self, *, preparation: Preparation, records: Iterable[Patch], data_dir: str
    ) -> None:
        """Prepares to write records below a folder; nothing is written yet."""
        self._preparation = preparation
        self._given = records
        super().__init__(data_dir=data_dir, file_format="array_record")

    def _info(self) -> tfds.core.DatasetInfo:
        preparation = self._preparation
        patch = tfds.features.Tensor(
            shape=(preparation.crop, preparation.crop, preparation.channels),
            dtype=np.uint8,
            encoding=tfds.features.Encoding.BYTES,
        )
        names = ("clean", "degraded") if preparation.degraded else ("clean",)
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(dict.fromkeys(names, patch)),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterable[Any]]:
        return {SPLIT: self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, Patch]]:
        yield from enumerate(self._given)

    def _generate_splits(
        self, dl_manager: Any, download_config: Any
    ) -> list[tfds.core.SplitInfo]:
        """Writes each record as it comes.

        TFDS would collect all of them first: a GiB in memory, and what is beyond it in
        files that need TensorFlow.
        """
        count = self._preparation.records
        features, template = self.info.features, self._get_filename_template(SPLIT)
        serialize = features.serialize_example
        examples = self._split_generators(dl_manager)[SPLIT]
        lengths = shard_lengths(count, self._preparation.record_bytes)
        written = 0

        def serialized(length: int) -> Iterator[bytes]:
            nonlocal written
            for _, example in itertools.islice(examples, length):
                data = serialize(example)
                written += len(data)
                yield data

        for index, length in enumerate(lengths):
            path = template.sharded_filepath(shard_index=index, num_shards=len(lengths))
            _write_file(Path(path), serialized(length))
        info = tfds.core.SplitInfo(
            name=SPLIT,
            shard_lengths=lengths,
            num_bytes=written,
            filename_template=template,
        )
        return [info]


def shard_lengths(records: int, record_bytes: int) -> list[int]:
    """How many records each file holds: as many as fit into 256 MiB of pixels."""
    most = max(1, _SHARD_BYTES // record_bytes)
    return [min(most, records - start) for start in range(0, records, most)]


def write_records(
    folder: Path, preparation: Preparation, records: Iterable[Patch]
) -> None:
    """Writes records into a folder, which ``tfds.builder_from_directory`` reads, too.

    Args:
        folder: it must exist.
        preparation: size, channels and number of the records.
        records: uint8 [crop, crop, C] by "clean" and, for pairs, "degraded".
    Raises:
        OSError: the disk is full, or refuses for another reason.
    """
    making = folder / "making"
    builder = Patches(preparation=preparation, records=records, data_dir=str(making))
    with contextlib.redirect_stdout(io.StringIO()):  # "Downloading ..."
        builder.download_and_prepare()
    for path in Path(builder.data_path).iterdir():
        path.rename(folder / path.name)
    shutil.rmtree(making)


def _write_file(path: Path, records: Iterable[bytes]) -> None:
    with _of_the_disk():
        writer = ArrayRecordWriter(str(path), _WRITER)
    for record in records:
        with _of_the_disk():
            writer.write(record)
    with _of_the_disk():
        writer.close()


@contextlib.contextmanager
def _of_the_disk() -> Iterator[None]:
    """Raises as OSError what the disk refuses: ArrayRecord raises RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        text = next(iter(str(error).splitlines()), "")
        numbers = (n for n in errno.errorcode if os.strerror(n) in text)
        raise OSError(next(numbers, errno.EIO), text) from error


def open_records(folder: Path, preparation: Preparation) -> Sequence[Patch]:
    """Opens the records of a folder, after a look at each of its files.

    Raises:
        DataError: a file is missing or incomplete, or they are too few; it is named.
    """
    try:
        builder = tfds.builder_from_directory(str(folder))
        split = builder.info.splits[SPLIT]
    except Exception as error:  # TFDS raises errors of many kinds
        raise DataError(
            f"{folder}: lacks its dataset_info.json or features.json, or they cannot "
            f"be read ({error}). Prepare the records anew."
        ) from error
    for path, length in zip(split.filepaths, split.shard_lengths, strict=True):
        found = count_records(Path(path))
        if found != length:
            raise DataError(
                f"{path}: missing or incomplete: must hold {length} records; got "
                f"{found}. Prepare the records anew."
            )
    if split.num_examples != preparation.records:
        raise DataError(
            f"{folder / MANIFEST}: states {preparation.records} records, but the files "
            f"beside it hold {split.num_examples}. Prepare the records anew."
        )
    return builder.as_data_source(SPLIT)


def count_records(path: Path) -> int:
    """The number of records in a file; 0 if it is missing or was cut off."""
    if not path.is_file():
        return 0
    reader = ArrayRecordReader(str(path))
    count = reader.num_records() if reader.ok() else 0
    with contextlib.suppress(RuntimeError):  # what is wrong is told only now
        reader.close()
    return count
