import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danet_jax.checks import ConfigError
from danet_jax.config import (
    DIV2K_GRAY,
    DANetConfig,
    DataConfig,
    DistillationConfig,
    EvaluationConfig,
    ExperimentConfig,
    TrainConfig,
    from_dict,
    override,
    parse_overrides,
)

BASE = ExperimentConfig()


def test_override_replaces_what_is_named_and_nothing_else():
    config = override(BASE, {"train.batch_size": 4, "name": "x", "data.sigma_255": 50})
    train = dataclasses.replace(BASE.train, batch_size=4)
    data = dataclasses.replace(BASE.data, sigma_255=50.0)
    assert config == dataclasses.replace(BASE, name="x", train=train, data=data)
    assert ExperimentConfig() == BASE
    assert override(BASE, {}) == BASE


def test_fields_that_belong_together_change_together():
    pairs = override(BASE, {"data.degraded": "*_b.png", "data.sigma_255": 0})
    assert pairs.data.degraded == "*_b.png"
    small = {"model.widths": [8, 8], "model.encoder_blocks": [0, 0]}
    assert override(BASE, small | {"model.decoder_blocks": [0]}).model.scales == 2


@pytest.mark.parametrize("first", ["data", "data.crop"])
def test_a_group_is_replaced_before_its_fields(first):
    changes = {"data": DIV2K_GRAY, "data.crop": 64}
    config = override(BASE, {first: changes.pop(first), **changes})
    assert config.data == dataclasses.replace(DIV2K_GRAY, crop=64)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"train.leraning_rate": 1e-3},
            "^unknown field train.leraning_rate. Did you mean train.learning_rate?",
        ),
        ({"train.x": 1}, r"field train.x. Known: train.batch_size, train.accumulate, "),
        ({"batch_size": 1}, "Did you mean train.batch_size. Known: name, model, data"),
        ({"train.flips": 1}, "Did you mean data.flips"),
        ({"trian.steps": 1}, "Did you mean train.steps. Known: name, model"),
        ({"data.batchsize": 1}, "Did you mean train.batch_size. Known: data.root, "),
        ({"train.steps.x": 1}, "field train.steps.x. Known: train.batch_size, "),
        ({"": 1}, "unknown field . Known: name, "),
        ({"train": 3}, "^train is a group of fields; set one of train.batch_size, "),
        ({"model": DataConfig()}, "model is a group of fields; set one of model.chan"),
        ({"train.steps": "3"}, "^train: \"steps\" must be a whole number; got '3'"),
        ({"model.channels": 2}, '"channels" must be 1 or 3; got 2'),
        ({"evaluation.channel": "y"}, 'must be "all" for gray images'),
    ],
)
def test_override_refuses(changes, match):
    with pytest.raises(ConfigError, match=match):
        override(BASE, changes)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("train.learning_rat", "train.learning_rate"),
        ("teacher.train.learning_rat", "teacher.train.learning_rate"),
        ("learning_rat", "train.learning_rate"),
        ("model.width", "model.widths"),
        ("teacher.model.width", "teacher.model.widths"),
    ],
)
def test_a_teacher_s_field_is_meant_only_where_it_is_named(path, meant):
    with pytest.raises(ConfigError, match=rf"Did you mean {meant}\?"):
        override(DistillationConfig(), {path: 1})


def test_the_command_line_is_read_by_type():
    config = parse_overrides(
        BASE,
        [
            "--config.train.batch_size=4",
            "--config.train.learning_rate=1",
            "--config.train.remat=true",
            "--config.data.root=a = b",
            "--config.data.held_out=a*,b",
            "--config.model.widths=8,16,24,32",
            "--config.train.schedule=step",
            "--config.distributed=auto",
        ],
    )
    assert (config.train.batch_size, config.train.learning_rate) == (4, 1.0)
    assert (config.train.remat, config.train.schedule) == (True, "step")
    assert (config.data.root, config.data.held_out) == ("a = b", ("a*", "b"))
    assert config.model.widths == (8, 16, 24, 32)
    assert config.distributed == "auto"
    assert parse_overrides(BASE, []) == BASE


def test_the_last_of_two_values_counts():
    arguments = ["--config.train.steps=3", "--config.name=a", "--config.train.steps=5"]
    assert parse_overrides(BASE, arguments).train.steps == 5


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ("--config.train.step=1", "unknown field train.step. Did you mean train.steps"),
        (
            "--config.train.batch_size 4",
            "--config.train.batch_size lacks a value; "
            "write --config.train.batch_size=VALUE.",
        ),
        (
            "--workdri x",
            "unknown argument '--workdri'. Fields are set as --config.train.batch_size",
        ),
        ("4", "unknown argument '4'"),
        ("--config.", "unknown field ."),
        ("--config.train", "train is a group of fields; set one of train.batch_size"),
        ("--config.train=3 --config.train.steps=4", "train is a group of fields"),
        ("--config.model=danet_s", "set one of model.channels, model.widths, "),
        ("--config.train.steps=1e3", "\"steps\" must be a whole number; got '1e3'"),
        ("--config.train.steps=True", "\"steps\" must be a whole number; got 'True'"),
        ("--config.train.steps=", "\"steps\" must be a whole number; got ''"),
        ("--config.train.steps=-3", '"steps" must be at least 0; got -3'),
        ("--config.train.remat=1", "\"remat\" must be True or False; got '1'"),
        ("--config.train.learning_rate=nan", '"learning_rate" must be a finite number'),
        ("--config.train.learning_rate=1e999", '"learning_rate" must be a finite numb'),
        ("--config.train.learning_rate=a", "must be a finite number; got 'a'"),
        ("--config.train.schedule=cos", "must be one of cosine, exponential, step"),
        ("--config.model.widths=", "widths and encoder_blocks must have one entry for"),
        ("--config.model.widths=8,,8,8", r"whole numbers .*; got \(8, '', 8, 8\)"),
        ("--config.model.offset_groups=7", "must divide every width of"),
    ],
)
def test_the_command_line_refuses(arguments, match):
    with pytest.raises(ConfigError, match=f"^command line: .*{match}"):
        parse_overrides(BASE, arguments.split())


@st.composite
def models(draw):
    scales, groups = draw(st.integers(2, 4)), draw(st.sampled_from((1, 4)))
    block = draw(st.sampled_from(("adeb", "deform", "conv")))
    counts = st.integers(0, 3)
    return DANetConfig(
        channels=draw(st.sampled_from((1, 3))),
        widths=[groups * (1 + draw(counts)) for _ in range(scales)],
        encoder_blocks=[draw(counts) for _ in range(scales)],
        decoder_blocks=[draw(counts) for _ in range(scales - 1)],
        offset_width=draw(st.integers(1, 9)),
        offset_groups=groups,
        block=block,
        recurrent_offsets=block == "adeb" and draw(st.booleans()),
        wavelet=draw(st.booleans()),
    )


TEXTS = st.text(st.characters(codec="utf-8"))
PATTERNS = st.text("abc*?[]/._-", min_size=1, max_size=5)


@st.composite
def experiments(draw):
    paired, model = draw(st.booleans()), draw(models())
    sigma_255 = 0.0 if paired else draw(st.floats(0.1, 255) | st.integers(1, 75))
    rates = sorted(draw(st.tuples(*[st.floats(1e-9, 1)] * 2)))
    return ExperimentConfig(
        name=draw(st.from_regex(r"[a-z0-9_][A-Z.-]?", fullmatch=True)),
        model=model,
        data=DataConfig(
            root=draw(TEXTS),
            degraded=draw(PATTERNS) if paired else "",
            held_out=draw(st.lists(PATTERNS, max_size=3)),
            sigma_255=sigma_255,
            crop=draw(st.integers(8, 512)),
            flips=draw(st.booleans()),
        ),
        train=TrainConfig(
            seed=draw(st.integers(0, 2**32 - 1)),
            final_learning_rate=rates[0],
            learning_rate=rates[1],
            schedule=draw(st.sampled_from(("cosine", "exponential", "step"))),
            clip_norm=draw(st.floats(0, 10)),
        ),
        evaluation=EvaluationConfig(
            channel=draw(st.sampled_from(("all", "y")))
            if model.channels == 3
            else "all"
        ),
        distributed=draw(st.sampled_from(("off", "auto"))),
    )


@given(experiments())
def test_json_and_back(config):
    stored = json.dumps(dataclasses.asdict(config))
    found = from_dict(ExperimentConfig, json.loads(stored))
    assert found == config
    assert repr(found) == repr(config)  # also of the types: 25.0, not 25


def _words(config, prefix="--config."):
    for name, value in vars(config).items():
        if dataclasses.is_dataclass(value):
            yield from _words(value, f"{prefix}{name}.")
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else value
            yield f"{prefix}{name}={text}"


@given(experiments())
def test_all_fields_by_the_command_line(config):
    found = parse_overrides(BASE, list(_words(config)))
    assert repr(found) == repr(config)


def test_fields_that_were_not_stored_keep_their_defaults():
    stored = {"train": {"steps": 7}, "model": {}}
    assert from_dict(ExperimentConfig, stored) == override(BASE, {"train.steps": 7})


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"train": {"old": 1}}, "unknown field train.old. Known: train.batch_size"),
        (
            {"trian": {"steps": 1}},
            "unknown field trian.steps. Did you mean train.steps",
        ),
        ({"name": {"a": 1}}, "unknown field name.a"),
        ({"train": 3}, "train is a group of fields"),
        ({"train": None}, "train is a group of fields"),
        ({"train": {"steps": 1.0}}, 'train: "steps" must be a whole number; got 1.0'),
        ({"model": {"widths": 8}}, '"widths" must hold whole numbers .*; got 8'),
        ({"model": {"widths": "88"}}, '"widths" must hold whole numbers'),
        ([1], "must hold fields by name; got list"),
        (None, "must hold fields by name; got NoneType"),
    ],
)
def test_stored_values_are_refused(values, match):
    with pytest.raises(ConfigError, match=f"^runs/x: .*{match}"):
        from_dict(ExperimentConfig, values, where="runs/x")
