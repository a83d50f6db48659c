"""The ablations: variants, their trainings, and the table."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from danet_jax.ablation import study
from danet_jax.ablation.report import (
    _mean_curve,
    markdown,
    rows_of,
    write_study,
)
from danet_jax.ablation.study import Outcome, outcomes_of, run_study
from danet_jax.ablation.variants import Variant, variants_of
from danet_jax.checks import CheckpointError, ConfigError
from danet_jax.config import (
    VARIANTS,
    DANetConfig,
    DataConfig,
    DistillationConfig,
    ExperimentConfig,
    TeacherConfig,
    TrainConfig,
    load_config,
    override,
)
from danet_jax.data.images import write_png
from danet_jax.data.sources import ImageFolder, open_folder
from danet_jax.evaluation.evaluate import evaluate
from danet_jax.evaluation.protocols import awgn
from danet_jax.restoration.inference import make_restorer
from danet_jax.training import load_experiment
from danet_jax.training.interrupt import Interrupt
from danet_jax.training.loop import TrainResult

ROOT = Path(__file__).parents[2]
TINY = DANetConfig(
    widths=(2, 2),
    encoder_blocks=(0, 0),
    decoder_blocks=(0,),
    offset_width=2,
    offset_groups=1,
)
TRAIN = TrainConfig(
    steps=2, batch_size=1, log_every=1, validate_every=1, save_every=2, ema_decay=0.5
)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images")
    rows, columns = np.mgrid[:16, :16]
    write_png(root / "a.png", (8 * rows + columns).astype(np.uint8)[..., None])
    return root


def setting(images: Path) -> tuple[ExperimentConfig, dict[str, ImageFolder]]:
    """A config of a tiny DANet, and what its variants are scored on."""
    data = DataConfig(root=str(images), crop=8, interval=8)
    config = ExperimentConfig(name="t", model=TINY, data=data, train=TRAIN)
    return config, {"Set": open_folder(images, 1, cache_gib=1.0)}


def test_table_8_is_the_paper_s_networks() -> None:
    base = ExperimentConfig(name="x")
    found = variants_of(base)
    names = ["unet", "unet_deform", "adeb", "adeb_arob", "danet"]
    assert [variant.name for variant in found] == names
    for variant in found:
        # Of these alone the order of patches and their noise are made.
        assert (variant.config.data, variant.config.train) == (base.data, base.train)
        assert variant.config.model == VARIANTS[variant.name]
        assert variant.config.name == f"x_{variant.name}"
    published = [float(variant.published.split()[0]) for variant in found]
    assert published == [30.15, 30.81, 30.91, 30.96, 31.01]


@pytest.mark.parametrize("name", ["unet", "unet_deform", "adeb", "adeb_arob", "danet"])
def test_the_config_of_a_row_has_its_published_figure(name: str) -> None:
    path = ROOT / "configs" / "ablation" / f"{name}.py"
    config = load_config(path)
    [variant] = variants_of(load_config(ROOT / "configs/awgn_gray_25.py"), (name,))
    changes = {"name": config.name}
    assert override(variant.config, changes) == config
    assert f"Set12  {variant.published}" in path.read_text()


def test_the_schemes_of_a_distillation() -> None:
    config = DistillationConfig(name="x", train=TrainConfig(steps=100))
    assert [v.name for v in variants_of(config)] == ["teacher", "plain", "transfer"]
    names = ("plain", "transfer", "frozen", "features", "outputs")
    students = [v.config.student for v in variants_of(config, names)]
    assert [one.transfer for one in students] == [False, True, True, True, True]
    assert {one.init_decoder_from for one in students} == {""}
    assert [one.frozen_steps for one in students] == [0, 0, 10, 0, 0]
    assert students[3].feature_weight > 0 and students[4].output_weight > 0
    # One teacher for all.
    firsts = [v.config.stage_one for v in variants_of(config, names[1:])]
    assert firsts == 4 * [variants_of(config, ("teacher",))[0].config]


def test_a_config_s_own_weights_are_those_of_its_rows() -> None:
    changes = {"student.feature_weight": 0.5, "student.output_weight": 3.0}
    config = override(DistillationConfig(name="x"), changes)
    config = override(config, {"student.frozen_steps": 7})
    found = variants_of(config, ("transfer", "frozen", "features", "outputs"))
    settings = [
        (s.frozen_steps, s.feature_weight, s.output_weight)
        for s in (variant.config.student for variant in found)
    ]
    assert settings == [(0, 0, 0), (7, 0, 0), (0, 0.5, 0), (0, 0, 3)]
    assert [v.label for v in found][1:] == [
        "+ at rest for 7 steps",
        "+ 0.5 x distance of features (as PISR)",
        "+ 3 x distance of outputs",
    ]


def test_a_named_teacher_is_no_row() -> None:
    given = override(DistillationConfig(), {"student.init_decoder_from": "runs/t"})
    plain, transfer = variants_of(given)
    assert (plain.name, transfer.name) == ("plain", "transfer")
    assert plain.config.student.init_decoder_from == ""
    assert transfer.config.student.init_decoder_from == "runs/t"


def test_bad_input() -> None:
    with pytest.raises(ConfigError, match=r"no variant unit of x\. Choose of unet, "):
        variants_of(ExperimentConfig(name="x"), ("unit",))
    ablated = override(ExperimentConfig(), {"model.wavelet": False})
    with pytest.raises(ConfigError, match=r"must be the full network.*True and False"):
        variants_of(ablated)


def test_a_study_of_networks(images: Path, tmp_path: Path) -> None:
    config, sets = setting(images)
    config = override(config, {"data.validation_root": str(images)})
    names = ("unet",)
    assert run_study(config, tmp_path, sets, seeds=(0, 1), names=names)
    outcomes = outcomes_of(config, tmp_path, sets)
    assert [(o.seed, o.variant.name) for o in outcomes] == [(0, "unet"), (1, "unet")]
    text = write_study(tmp_path, outcomes)
    assert text == (tmp_path / "ablation.md").read_text()
    values = json.loads((tmp_path / "ablation.json").read_text())
    assert [row["variant"] for row in values["rows"]] == list(names)
    assert len(values["curves"]) == 2 * 2
    assert (tmp_path / "curves.png").stat().st_size > 1000
    # The last network is scored, and the fastest interval counts.
    folder = tmp_path / "seed0" / "unet"
    model = load_experiment(folder / "checkpoints" / "2")[1]
    mean = evaluate(make_restorer(model), sets["Set"], awgn(1, 25.0)).mean
    assert outcomes[0].scores["Set"] == (mean.psnr_restored, mean.ssim_restored)
    records = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    speeds = [r["images_per_second"] for r in records if "images_per_second" in r]
    assert outcomes[0].step_seconds == pytest.approx(1 / max(speeds))


def test_a_second_call_trains_and_scores_nothing(
    images: Path, tmp_path: Path, monkeypatch
) -> None:
    config, sets = setting(images)
    monkeypatch.chdir(tmp_path)
    assert run_study(config, Path("study"), sets, seeds=(0,), names=("unet",))
    path = tmp_path / "study" / "seed0" / "unet" / "outcome.json"
    stored = json.loads(path.read_text())
    [key] = stored["scores"]
    assert re.fullmatch(r"Set \(1, [0-9a-f]{8}\), awgn_gray_25", key)
    stored["scores"] = {key: [11.0, 0.5]}
    path.write_text(json.dumps(stored))
    # Spelt in another way, as from another folder.
    assert run_study(config, tmp_path / "study", sets, seeds=(0,), names=("unet",))
    [outcome] = outcomes_of(config, tmp_path / "study", sets)
    assert outcome.scores == {"Set": (11.0, 0.5)}
    # The fastest interval between two records counts.
    with (path.parent / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "train", "step": 2, "images_per_second": 1e6}\n')
    assert run_study(config, tmp_path / "study", sets, seeds=(0,), names=("unet",))
    [outcome] = outcomes_of(config, tmp_path / "study", sets)
    assert outcome.step_seconds == pytest.approx(1e-6)
    # Of a network that was trained again, scores are made again.
    stored["saved"] = 0
    path.write_text(json.dumps(stored))
    assert run_study(config, tmp_path / "study", sets, seeds=(0,), names=("unet",))
    [outcome] = outcomes_of(config, tmp_path / "study", sets)
    assert outcome.scores["Set"] != (11.0, 0.5)
    assert outcomes_of(config, tmp_path / "study", {"Other": sets["Set"]}) == []
    # Another folder of that name and number of images is another set.
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(images / "a.png", other / "b.png")
    others = {"Set": open_folder(other, 1, cache_gib=1.0)}
    assert outcomes_of(config, tmp_path / "study", others) == []


def test_a_table_has_one_config(images: Path, tmp_path: Path) -> None:
    config, sets = setting(images)
    assert run_study(config, tmp_path, sets, seeds=(0,), names=("unet",))
    (tmp_path / "seed0").rename(tmp_path / "seed4")
    (tmp_path / "seed4.bak").mkdir()
    longer = override(config, {"train.steps": 3})
    match = r"seed4/unet: holds .* train\.seed was 0, now 4; train\.steps was 2, now 3"
    with pytest.raises(CheckpointError, match=match):
        run_study(longer, tmp_path, sets, seeds=(1,), names=("adeb",))
    with pytest.raises(CheckpointError, match=match):
        outcomes_of(longer, tmp_path, sets)
    assert not (tmp_path / "seed1").exists()


def test_only_the_first_process_writes(
    images: Path, tmp_path: Path, monkeypatch
) -> None:
    config, sets = setting(images)
    assert run_study(config, tmp_path, {}, seeds=(0,), names=("unet",))
    path = tmp_path / "seed0" / "unet" / "outcome.json"
    before = path.read_bytes()
    monkeypatch.setattr(study, "train", lambda *_, **__: TrainResult(2, 2, None))
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    assert run_study(config, tmp_path, sets, seeds=(0,), names=("unet",))
    assert path.read_bytes() == before


def test_a_stopped_study(images: Path, tmp_path: Path, monkeypatch) -> None:
    config, _ = setting(images)
    monkeypatch.setattr(Interrupt, "asked", lambda self: True)
    assert not run_study(config, tmp_path, {}, seeds=(0, 1), names=("unet",))
    assert [path.name for path in tmp_path.iterdir()] == ["seed0"]


def test_a_study_of_a_distillation(images: Path, tmp_path: Path) -> None:
    data = DataConfig(root=str(images), crop=8, interval=8)
    plain = dataclasses.replace(TINY, block="conv", recurrent_offsets=False)
    teacher = dataclasses.replace(plain, encoder_blocks=(1, 0))
    config = DistillationConfig(
        name="t",
        model=plain,
        data=data,
        train=TRAIN,
        teacher=TeacherConfig(model=teacher, train=TRAIN),
    )
    sets = {"S": open_folder(images, 1, cache_gib=1.0)}
    assert run_study(config, tmp_path, sets, seeds=(3,))
    outcomes = outcomes_of(config, tmp_path, sets)
    names = [outcome.variant.name for outcome in outcomes]
    assert names == ["teacher", "plain", "transfer"]
    assert not (tmp_path / "seed3" / "transfer" / "teacher").exists()
    stored = json.loads((tmp_path / "seed3" / "teacher" / "config.json").read_text())
    assert stored["train"]["seed"] == 3
    assert "published" not in markdown(rows_of(outcomes))


def test_means_and_spread() -> None:
    variant = Variant("unet", "U-Net", ExperimentConfig(model=TINY), "30.15 / 0.8556")
    outcomes = [
        Outcome(variant, 0, 9, 0.5, {"Set12": (29.0, 0.8)}, ()),
        Outcome(variant, 1, 9, 0.4, {"Set12": (29.5, 0.9)}, ()),
    ]
    [row] = rows_of(outcomes)
    assert row["scores"]["Set12"]["psnr_db"] == 29.25
    assert row["scores"]["Set12"]["psnr_spread_db"] == 0.5
    assert row["step_seconds"] == 0.4
    line = markdown([row]).splitlines()[2]
    assert line.startswith("| U-Net | ")
    assert "| 29.25 (0.50) / 0.8500 | 30.15 / 0.8556 |" in line


def test_published_figures_stand_beside_their_own_task() -> None:
    config = ExperimentConfig(name="x")
    assert all(variant.published for variant in variants_of(config))
    stronger = override(config, {"data.sigma_255": 50.0})
    assert not any(variant.published for variant in variants_of(stronger))


def test_curves_are_averaged_where_all_have_a_point() -> None:
    variant = Variant("unet", "U-Net", ExperimentConfig(model=TINY))
    whole = Outcome(variant, 0, 9, 0.5, {}, [(400, 28.0), (800, 29.0), (1200, 30.0)])
    later = Outcome(variant, 1, 9, 0.5, {}, [(800, 29.5), (1200, 30.5)])
    assert _mean_curve([whole, later]) == ([800, 1200], [29.25, 30.25])


def test_an_infinite_psnr_is_no_point_of_a_curve() -> None:
    scores = {1: None, 2: 30.0}  # as metrics.jsonl has them
    records = [
        {"kind": "validation", "step": step, "psnr_db": psnr_db}
        for step, psnr_db in scores.items()
    ]
    assert study._curve([{"kind": "train", "step": 2}, *records]) == {2: 30.0}
