"""Pictures of a run: what it answered, how its heads moved through memory, how it learned."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from matplotlib.axes import Axes
from numpy.typing import NDArray

from agents.evaluation.pictures import RETURN, show_zero
from agents.evaluation.scores import enough_slots, file_suffix, held_out, score
from agents.policies.agent import OracleAgent
from agents.policies.recurrent import RecurrentAgent
from agents.recipes.tasks import with_fields
from agents.storage.runs import Run
from ntm_gym import Batch, Task
from ntm_gym.cells import Unrolled, unroll
from ntm_gym.checks import expect_at_least
from ntm_gym.metrics import cost_bits

BITS = {"cmap": "viridis", "vmin": 0.0, "vmax": 1.0, "aspect": "auto", "interpolation": "nearest"}
VECTORS = {**BITS, "cmap": "RdBu_r", "vmin": -1.0}
ADDRESSES = {**BITS, "cmap": "magma"}


class Heads(NamedTuple):
    """What the heads did over a tape; steps T, slots S, slot width N.

    Attributes:
        read_addresses: float[read_heads, T, S].
        write_addresses: float[write_heads, T, S].
        reads: float[read_heads, T, N], the vectors that were read.
        adds: float[write_heads, T, N], the vectors that were added to memory.
    """

    read_addresses: NDArray[np.floating]
    write_addresses: NDArray[np.floating]
    reads: NDArray[np.floating]
    adds: NDArray[np.floating]


class Insight(NamedTuple):
    """One tape as the network went through it; steps T, bits W.

    Attributes:
        tape: a batch of this tape alone.
        answers: float[T, W], the probability of a 1 for each bit.
        cost_bits: what the answers cost.
        heads: what the heads did; None of a cell without a memory.
    """

    tape: Batch
    answers: NDArray[np.floating]
    cost_bits: float
    heads: Heads | None


def look_inside(agent: RecurrentAgent, tape: Batch) -> Insight:
    """Runs a network over a batch of one tape and gathers what its heads did."""
    result = unroll(agent.cell, tf.convert_to_tensor(tape.inputs), tape.steps, trace=True)
    logits = result.outputs.numpy()
    return Insight(
        tape,
        1.0 / (1.0 + np.exp(-logits[0])),
        float(cost_bits(logits, tape.targets, tape.mask)[0]),
        None if agent.cell.slots is None else _heads(agent.cell, result),
    )


def _heads(cell: Any, result: Unrolled) -> Heads:
    state = cell.unpack(result.trace)
    told = cell.head_outputs(result.dense_outputs[-1][0])

    def by_head(values: Any) -> NDArray[np.floating]:
        return np.moveaxis(np.asarray(values), 1, 0)

    return Heads(
        by_head(state.read_weights[0]),
        by_head(state.write_weights[0]),
        by_head(state.reads[0]),
        by_head(told.add),
    )


def draw_run(
    run: Run,
    lengths: Sequence[int] = (),
    slots: int | None = None,
    seed: int = 0,
    fields: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> Iterator[Path]:
    """Draws a run and yields the files' paths.

    Args:
        run: the run. Of an environment that is no task, the learning curve alone is drawn.
        lengths: lengths of the tapes to draw; the longest of training and twice that if empty.
        slots: memory slots; if None, those of training up to its longest length, and beyond what
            `enough_slots` says.
        seed: seed of the tapes.
        fields: fields of the task to change; the files' names say which.
        folder: where the pictures are written; the run's figures/ if None.

    Raises:
        RunError: the run has no network or no reports.
        ValueError: a length, the slots or a field is impossible.
    """
    config, fields = run.config, fields or {}
    figures = folder or run.folder / "figures"
    if config.task is None:
        figures.mkdir(exist_ok=True)
        yield draw_returns(run.metrics.read(), config.name, figures / "learning.png")
        return
    task, suffix = with_fields(config.task, fields), file_suffix(fields)
    if slots is not None:
        expect_at_least("slots", slots, 1)
    lengths = lengths or (config.max_length, 2 * config.max_length)
    task.check_lengths(np.array(lengths))
    figures.mkdir(exist_ok=True)
    yield draw_learning(run.metrics.read(), config.name, figures / "learning.png")
    trained = RecurrentAgent.load(run.folder).cell
    for length in lengths:
        size = trained.slots
        if slots or length > config.max_length:
            size = slots or enough_slots(trained, task, length)
        cell = trained.with_slots(size)
        insight = look_inside(RecurrentAgent(cell), held_out(task, length, 1, seed))
        title = f"{config.name}, length {length}"
        if cell.slots is not None:
            title += f", {cell.slots} slots"
        yield draw_answers(insight, task, title, figures / f"answers-{length}{suffix}.png")
        if insight.heads is not None:
            yield draw_heads(insight, title, figures / f"heads-{length}{suffix}.png")


def draw_answers(insight: Insight, task: Task, title: str, path: Path) -> Path:
    """Draws input, target, answer and error of a tape over time, as in the paper's figure 4.

    If nobody can be sure of the answers, the oracle's are drawn too.
    """
    tape, due = insight.tape, insight.tape.mask[0]
    answers = np.where(due[:, None], insight.answers, np.nan)
    errors = np.where(due[:, None], (insight.answers > 0.5) != (tape.targets[0] > 0.5), np.nan)
    wrong = int(np.nansum(errors))
    count = int(due.sum()) * tape.targets.shape[2]
    summary = f"{wrong} of {count} bits wrong, cost {insight.cost_bits:.3g} bits"
    panels = {
        "input": tape.inputs[0],
        "target": np.where(due[:, None], tape.targets[0], np.nan),
        "answer\n(probability)": answers,
    }
    best = task.solve(tape.inputs)[0]
    if (best != tape.targets[0])[due].any():
        panels["oracle\n(probability)"] = np.where(due[:, None], best, np.nan)
        summary += f" (oracle {score('oracle', OracleAgent(task), tape).cost_bits:.3g})"
    panels["error"] = errors
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(_wide(len(due)), 1.4 * len(panels)),
        sharex=True,
        layout="constrained",
    )
    for axis, (name, values) in zip(axes, panels.items(), strict=True):
        picture = axis.imshow(values.T, **(_scale(values) if name == "input" else BITS))
        axis.set_facecolor("0.92")
        axis.set_ylabel(name if not (values < 0).any() else f"{name}\n(blue: below 0)")
        axis.set_yticks([])
    axes[-1].set_xlabel("step (grey: nothing is scored)")
    figure.colorbar(picture, ax=axes, shrink=0.6, ticks=[0, 1])
    figure.suptitle(f"{title}:\n{summary}")
    return _save(figure, path)


def draw_heads(insight: Insight, title: str, path: Path) -> Path:
    """Draws what was written and read, and where, over time, as in the paper's figure 6.

    Raises:
        ValueError: the network has no heads.
    """
    heads = insight.heads
    if heads is None:
        raise ValueError("expected a network with a memory, got one without")
    writes, reads = len(heads.write_addresses), len(heads.read_addresses)
    rows = 1 + 2 * max(writes, reads)
    figure, axes = plt.subplots(
        rows,
        2,
        figsize=(2 * _wide(len(insight.answers)) - 2, 2.0 + 3.2 * (rows - 1) / 2),
        height_ratios=[1, *[1.2, 2.4] * (rows // 2)],
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    due = insight.tape.mask[0][:, None]
    inputs = insight.tape.inputs[0]
    _panel(axes[0, 0], inputs, "input", _scale(inputs))
    _panel(axes[0, 1], np.where(due, insight.answers, np.nan), "answer", BITS)
    addresses = np.concatenate([heads.write_addresses, heads.read_addresses])
    used = np.flatnonzero((addresses > 0.1).any(axis=(0, 1)))
    first, last = 0, addresses.shape[2]
    if last > 32 and len(used):  # heads without a point to look at are shown on all slots
        first, last = used[0], used[-1] + 1
    for column, (verb, vectors, ways) in enumerate(
        [
            ("write", heads.adds, heads.write_addresses),
            ("read", heads.reads, heads.read_addresses),
        ]
    ):
        for head, (vector, way) in enumerate(zip(vectors, ways, strict=True)):
            number = f" {head + 1}" if len(ways) > 1 else ""
            noun = {"write": "added", "read": "read"}[verb]
            _panel(axes[1 + 2 * head, column], vector, f"{noun}{number}", VECTORS)
            axis = axes[2 + 2 * head, column]
            extent = (-0.5, len(way) - 0.5, last - 0.5, first - 0.5)
            _panel(
                axis,
                way[:, first:last],
                f"{verb} address{number}\n(slot)",
                ADDRESSES,
                extent=extent,
            )
            axis.set_yticks(np.unique(np.linspace(first, last - 1, 5).astype(int)))
    for axis in axes[-1]:
        axis.set_xlabel("step")
    for axis in axes.flat:
        axis.set_visible(axis.has_data())
    figure.suptitle(title)
    return _save(figure, path)


def draw_learning(rows: Sequence[dict[str, float]], title: str, path: Path) -> Path:
    """Draws cost and wrong bits per sequence against training sequences."""
    figure, axes = plt.subplots(2, 1, figsize=(7, 5.6), sharex=True, layout="constrained")
    sequences = [row["sequences"] for row in rows]
    for axis, quantity, names in (
        (axes[0], "cost per sequence (bits)", ("loss_bits", "held_out_loss_bits")),
        (axes[1], "wrong bits per sequence", ("bit_errors", "held_out_bit_errors")),
    ):
        for name, label in zip(names, ("training", "held out, longest length"), strict=True):
            if name in rows[0]:  # learning by reward has no cost in training
                axis.plot(sequences, [row[name] for row in rows], marker=".", label=label)
        axis.set_ylabel(quantity)
        show_zero(axis)
        axis.grid(alpha=0.3)
    axes[0].legend()
    axes[1].set_xlabel("training sequences")
    figure.suptitle(title)
    return _save(figure, path)


def draw_returns(rows: Sequence[dict[str, float]], title: str, path: Path) -> Path:
    """Draws the mean return of training episodes against environment steps."""
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    axis.plot([row["steps"] for row in rows], [row[RETURN.column] for row in rows], marker=".")
    axis.set_xlabel("environment steps")
    axis.set_ylabel(RETURN.label)
    axis.grid(alpha=0.3)
    figure.suptitle(title)
    return _save(figure, path)


def _panel(
    axis: Axes,
    values: NDArray[Any],
    name: str,
    style: dict[str, Any],
    extent: tuple[float, float, float, float] | None = None,
) -> None:
    axis.imshow(values.T, extent=extent, **style)
    axis.set_facecolor("0.92")
    axis.set_ylabel(name)
    axis.set_yticks([])


def _scale(inputs: NDArray[np.floating]) -> dict[str, Any]:
    """The colours of inputs: of bits, or where some are below 0, of both signs with 0 as white."""
    if inputs.min() >= 0:
        return BITS
    bound = np.abs(inputs).max()
    return {**VECTORS, "vmin": -bound, "vmax": bound}


def _wide(steps: int) -> float:
    """Inches for so many steps: bits stay legible on short tapes, pictures bounded on long ones."""
    return float(np.clip(steps * 0.09, 6, 14))


def _save(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path
