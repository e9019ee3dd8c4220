"""How fast things are, each beside a baseline that is measured in the same run."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from agents.lab.speed.environments import environment_speeds, sb3_speeds, task_speeds
from agents.lab.speed.evaluation import evaluation_times
from agents.lab.speed.measurement import MEMORY_PASSES, Speed, rate
from agents.recipes.cells import CELL_CONFIGS, NTMConfig
from agents.recipes.supervised import CopyConfig
from agents.storage.checkout import ROOT
from agents.storage.networks import make_cell
from agents.training.tapes import Tapes, in_groups
from agents.training.updates import build_optimizer, compile_test, compile_updates
from ntm_gym import Copy


def training_speeds(seconds: float) -> Iterator[Speed]:
    """Yields training sequences a second of `unroll` and of `keras.layers.RNN`, the same cell.

    Copy, lengths 1-20 as drawn, every cell by its defaults, the recipe's optimiser.
    """
    for name, cell in CELL_CONFIGS.items():
        for batch_size in (4, 32):
            config = CopyConfig(cell=cell(), batch_size=batch_size, blur_cost=0.0)
            yield from _training_speeds(f"training, {name}, batch {batch_size}", config, seconds)


def _training_speeds(what: str, config: CopyConfig, seconds: float) -> Iterator[Speed]:
    groups = 64
    rng = np.random.default_rng(0)
    lengths = rng.integers(config.min_length, config.max_length + 1, groups * config.batch_size)
    batch = config.task.sample(rng, lengths)
    data = in_groups(batch, config.batch_size, batch.inputs.shape[1])

    cell, optimizer = _network(config)
    mean, _ = _network(config)
    update = compile_updates(cell, mean, optimizer, config)
    unrolled = rate(lambda: len(update(data).norms.numpy()) * config.batch_size, seconds)
    for jit in (True, False):
        cell, optimizer = _network(config)
        step = _keras_update(cell, optimizer, jit)

        def updates(step: Callable[..., Any] = step) -> int:
            for group in zip(data.inputs, data.targets, data.mask, strict=True):
                loss = step(*group)
            loss.numpy()
            return groups * config.batch_size

        baseline = rate(updates, seconds)
        name = f"keras.layers.RNN, jit_compile={jit}"
        yield Speed(what, unrolled, "sequences/s", name, baseline_value=baseline)


def _network(config: CopyConfig) -> tuple[Any, keras.optimizers.Optimizer]:
    cell = make_cell(config)
    cell.build((None, config.task.input_width))
    return cell, build_optimizer(config, cell)


def _keras_update(
    cell: keras.layers.Layer, optimizer: keras.optimizers.Optimizer, jit: bool
) -> Callable[..., Any]:
    """An update on a padded batch, as a user of Keras would write it."""
    layer = keras.layers.RNN(cell, return_sequences=True)

    @tf.function(jit_compile=jit, autograph=False)
    def update(inputs: tf.Tensor, targets: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            losses = tf.nn.sigmoid_cross_entropy_with_logits(logits=layer(inputs), labels=targets)
            loss = tf.reduce_sum(losses * mask[:, :, tf.newaxis]) / inputs.shape[0]
        variables = [variable.value for variable in cell.trainable_variables]
        optimizer.apply(tape.gradient(loss, variables))
        return loss

    return update


def update_times(seconds: float) -> Iterator[Speed]:
    """Yields milliseconds of one update at length 20 beside the floor of its arithmetic."""
    for batch in (1, 4, 32):
        what = f"update, length 20, batch {batch}"
        baseline = f"floor: NumPy's products and {MEMORY_PASSES} passes over memory"
        floor = _floor_ms(batch, seconds)
        value = _update_ms(batch, 20, 128, seconds)
        yield Speed(what, value, "ms", baseline, baseline_value=floor)


def part_times(seconds: float) -> Iterator[Speed]:
    """Yields milliseconds of the answers alone at length 20, beside those of a whole update."""
    for batch in (4, 32):
        test = compile_test(_network(CopyConfig(cell=NTMConfig()))[0])
        value = per_batch_ms(test, _tapes(batch, 20), seconds)
        whole, what = _update_ms(batch, 20, 128, seconds), f"update, length 20, batch {batch}"
        yield Speed(f"answers alone, batch {batch}", value, "ms", what, baseline_value=whole)


def scaling_times(seconds: float) -> Iterator[Speed]:
    """Yields milliseconds of one update against length, slots and batch."""
    settings = [
        *((f"length {length}", 4, length, 128) for length in (5, 10, 20, 50, 100, 200)),
        *((f"slots {slots}", 4, 20, slots) for slots in (32, 128, 512, 1024, 4096)),
        *((f"batch {batch}", batch, 20, 128) for batch in (1, 4, 16, 64, 256)),
    ]
    for name, batch, length, slots in settings:
        yield Speed(f"update, {name}", _update_ms(batch, length, slots, seconds), "ms")


def _update_ms(batch: int, length: int, slots: int, seconds: float) -> float:
    """Milliseconds of one update of the recipe's network on Copy sequences of one length."""
    return per_batch_ms(*copy_update(batch, length, slots), seconds)


def copy_update(batch: int, length: int, slots: int) -> tuple[Any, Tapes]:
    """Returns updates of the recipe's network, to be compiled, and tapes of Copy for a call."""
    config = CopyConfig(cell=NTMConfig(slots=slots), blur_cost=0.0)
    cell, optimizer = _network(config)
    update = compile_updates(cell, _network(config)[0], optimizer, config)
    return update, _tapes(batch, length)


def per_batch_ms(compiled: Callable[..., Any], data: Tapes, seconds: float) -> float:
    """Milliseconds that a compiled update or test takes for one of its batches."""
    return 1000.0 / rate(lambda: len(compiled(data).losses.numpy()), seconds)


def _tapes(batch: int, length: int) -> Tapes:
    """Copy's tapes for one call of compiled updates, about 256 vectors of them."""
    updates = max(1, 256 // (batch * length))
    tapes = Copy().sample(np.random.default_rng(0), np.full(updates * batch, length))
    return in_groups(tapes, batch, tapes.inputs.shape[1])


def _floor_ms(batch: int, seconds: float) -> float:
    """Milliseconds that NumPy takes for an update's matrix products and passes over memory.

    Per step and dense layer these are the product itself and the two of its gradients.
    """
    config, steps = CopyConfig(cell=NTMConfig()), 41
    cell, _ = _network(config)
    read_size = cell.read_heads * cell.width
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    layers = []
    for inputs, outputs in (
        (config.task.input_width + read_size + cell.units, 4 * cell.units),
        (cell.units, cell.head_layer.units),
        (cell.units + read_size, cell.output_dim),
    ):
        layers.append((normal(batch, inputs), normal(inputs, outputs), normal(batch, outputs)))
    memory = normal(batch, cell.width, cell.slots)
    result = np.empty_like(memory)

    def floor() -> int:
        for _ in range(steps):
            for vectors, kernel, gradients in layers:
                vectors @ kernel
                gradients @ kernel.T
                vectors.T @ gradients
            for _ in range(MEMORY_PASSES):
                np.multiply(memory, memory, out=result)
        return 1

    return 1000.0 / rate(floor, seconds)


def import_times(seconds: float) -> Iterator[Speed]:  # noqa: ARG001
    """Yields the seconds that `import ntm_gym` takes in a new process, NumPy included."""

    def duration(code: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        return time.perf_counter() - began

    value, nothing, gymnasium = (
        min(duration(code) for _ in range(5))
        for code in ("import ntm_gym", "pass", "import gymnasium")
    )
    beside = gymnasium - nothing
    yield Speed("import ntm_gym", value - nothing, "s", "import gymnasium", baseline_value=beside)


MEASURES = (
    environment_speeds,
    task_speeds,
    sb3_speeds,
    training_speeds,
    update_times,
    part_times,
    scaling_times,
    evaluation_times,
    import_times,
)
"""All measurements; each takes the seconds for one and yields several."""
