"""The training loop: data, model, resume; then, for each step, what is due."""

import dataclasses
from pathlib import Path

import jax
from flax import nnx

from danet_jax.checks import UserError
from danet_jax.config import ExperimentConfig
from danet_jax.data.pipeline import patch_count, training_batches
from danet_jax.data.sources import ImageFolder, open_training, open_validation
from danet_jax.evaluation.evaluate import evaluate
from danet_jax.evaluation.inference import make_restorer
from danet_jax.training import devices, workdir
from danet_jax.training.checkpoint import Checkpoints
from danet_jax.training.interrupt import Interrupt
from danet_jax.training.records import Records
from danet_jax.training.step import TrainState, make_train_step, new_state


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """Where a call of ``train`` ended."""

    step: int  # steps done
    steps: int  # of the whole run
    psnr_db: float | None  # of the last validation in this call


def train(config: ExperimentConfig, directory: str | Path) -> TrainResult:
    """Trains a network, or goes on with a run that was stopped.

    Args:
        config: the experiment.
        directory: the run's working directory. It receives config.json, metrics.jsonl
            and checkpoints/; if it holds a checkpoint of the same config, the run goes
            on from there, bit for bit as if it had never stopped (on CPUs).
    Returns:
        How far it came; fewer steps than the run's when SIGTERM or Ctrl-C stopped it.
    Raises:
        UserError: a config, data, working directory or disk that cannot be used, or a
            loss that is not finite; the message says which and what to do.
    """
    directory = Path(directory)
    devices.join_cluster(config)
    mesh = devices.make_mesh(config.train.batch_size)
    images = open_training(config.data, config.model.channels)
    validation = open_validation(config.data, config.model.channels)
    steps = total_steps(config, images)
    workdir.claim(directory, config)
    with Checkpoints(directory, config) as checkpoints, Interrupt() as interrupt:
        graphdef, state = new_state(config, steps)
        state = devices.replicate(state, mesh)
        if checkpoints.latest is not None:
            state = checkpoints.restore(state)
        start, psnr_db = int(state.step), None
        records = Records(
            directory if jax.process_index() == 0 else None,
            done=start,
            steps=steps,
            batch_size=config.train.batch_size,
            tensorboard=config.train.tensorboard,
        )
        train_step = make_train_step(graphdef, config, steps, mesh)
        batches = training_batches(
            images,
            config.data,
            batch_size=config.train.batch_size,
            seed=config.train.seed,
            start_step=start,
            steps=steps,
            process_index=jax.process_index(),
            process_count=jax.process_count(),
        )
        step = start
        with records:
            for step, batch in enumerate(batches, start + 1):
                state, metrics = train_step(state, devices.split_batch(batch, mesh))
                records.add(step, metrics)
                stop = interrupt.asked(step)
                validate = validation and due(step, config.train.validate_every, steps)
                save = validate or stop or due(step, config.train.save_every, steps)
                if save or due(step, config.train.log_every, steps):
                    records.flush()
                if validate:
                    psnr_db = _validate(graphdef, state, validation, config, records)
                if save:
                    checkpoints.save(state, psnr_db if validate else None)
                if stop:
                    records.say(f"Stopped after step {step}; the same command resumes.")
                    break
    return TrainResult(step, steps, psnr_db)
