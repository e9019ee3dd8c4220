"""What if: a network whose access to its memory is disturbed, to see what it needs.

    cell = RecurrentAgent.pretrained("copy").cell
    Tracer(cell).trace(tape.inputs[0], Interventions(content=False, heads="read", first_step=21))

The network's weights stay as they are. A smaller memory needs none of this: `with_slots` gives it.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import tensorflow as tf

from ntm_gym.cells import HeadOutputs, HeadParameters, Interface
from ntm_gym.cells.controllers import Dense, call_dense
from ntm_gym.cells.state import Step, flatten

HEADS = ("both", "read", "write")
LARGEST_NOISE = 10.0
LARGEST_START = 2**20
LARGEST_STEP = 2**20
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Interventions:
    """How the memory is disturbed; the defaults disturb nothing.

    Attributes:
        content: whether content can be looked up. Otherwise all slots look alike to the heads: the
            strength of every key is 0.
        content_share: the share of an address that is found by content, frozen to 0 to 1; None
            leaves it to the network. Of a Neural Turing Machine this is the interpolation gate
            (eq. 7). Of a Differentiable Neural Computer it is the rest of the allocation gate, and
            the read mode by content, where the other modes share what is left as they did.
        noise: standard deviation of Gaussian noise that is added to each number of the memory
            before each step, 0 to `LARGEST_NOISE`.
        start: how many slots the heads are moved by before the first step, either way. A
            Differentiable Neural Computer's heads begin nowhere, so that it changes nothing there.
        heads: the heads that `content`, `content_share` and `start` concern.
        first_step: the first step with `content`, `content_share` and `noise`.
        seed: seed of the noise.

    Raises:
        ValueError: a value is out of its range.
    """

    content: bool = True
    content_share: float | None = None
    noise: float = 0.0
    start: int = 0
    heads: Literal["both", "read", "write"] = "both"
    first_step: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        share = self.content_share
        checks = {
            "content as True or False": isinstance(self.content, bool),
            "content_share from 0 to 1, or None": share is None or 0 <= share <= 1,
            f"noise from 0 to {LARGEST_NOISE:g}": 0 <= self.noise <= LARGEST_NOISE,
            f"start of at most {LARGEST_START} either way": abs(self.start) <= LARGEST_START,
            f"heads of {', '.join(HEADS)}": self.heads in HEADS,
            f"first_step from 0 to {LARGEST_STEP}": 0 <= self.first_step <= LARGEST_STEP,
            f"seed from 0 to {LARGEST_SEED}": 0 <= self.seed <= LARGEST_SEED,
        }
        wrong = [expected for expected, holds in checks.items() if not holds]
        if wrong:
            raise ValueError(f"expected {', '.join(wrong)}, got {self}")

    def numbers(self) -> "Numbers":
        """The same as numbers, which a compiled function can take as arguments."""
        of_read, of_write = self.heads != "write", self.heads != "read"
        share = math.nan if self.content_share is None else float(self.content_share)
        return Numbers(
            off_read=float(of_read and not self.content),
            off_write=float(of_write and not self.content),
            share_read=share if of_read else math.nan,
            share_write=share if of_write else math.nan,
            noise=float(self.noise),
            start_read=self.start * of_read,
            start_write=self.start * of_write,
            first_step=float(self.first_step),
            seed=self.seed,
        )


class Numbers(NamedTuple):
    """`Interventions` as numbers or scalar tensors: all are floats but the starts and the seed.

    Attributes:
        off_read: 1 if content is nothing to the read heads, else 0.
        off_write: the same of the write heads.
        share_read: the read heads' frozen share; NaN if it is theirs to choose.
        share_write: the same of the write heads.
        noise: standard deviation.
        start_read: slots that the read heads are moved by.
        start_write: the same of the write heads.
        first_step: the first step that is disturbed.
        seed: seed of the noise.
    """

    off_read: Any
    off_write: Any
    share_read: Any
    share_write: Any
    noise: Any
    start_read: Any
    start_write: Any
    first_step: Any
    seed: Any


class Intervened:
    """A cell with a disturbed memory, in the place of the cell for ``unroll``; no gradients.

    Args:
        cell: a built cell with a memory, whose weights are shared.
        numbers: the interventions.
        step: the number of the first step that will be taken, float.
    """

    def __init__(self, cell: Any, numbers: Numbers, step: Any = 0.0) -> None:
        self._cell, self._numbers, self._step = cell, numbers, step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cell, name)

    def get_initial_state(self, batch_size: int) -> list[tf.Tensor]:
        """Returns the states before the first step, with the heads moved."""
        state = self._cell.unpack(self._cell.get_initial_state(batch_size))
        return flatten(
            state._replace(
                read_weights=tf.roll(state.read_weights, self._numbers.start_read, axis=-1),
                write_weights=tf.roll(state.write_weights, self._numbers.start_write, axis=-1),
            )
        )

    def project_inputs(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns [B, T, gates + 1]: the cell's own, and each step's number, for ``step``."""
        projected = self._cell.project_inputs(inputs)
        numbers = self._numbered(projected.shape[1], projected.dtype)
        return tf.concat(
            [projected, tf.broadcast_to(numbers[:, tf.newaxis], [*projected.shape[:2], 1])], axis=2
        )

    def step(self, projected: tf.Tensor, state: Any, dense: Dense = call_dense) -> Step:
        """Takes the cell's step with a disturbed memory and heads that are told something else."""
        number = projected[0, -1]
        disturbed = number >= tf.cast(self._numbers.first_step, number.dtype)
        noise = _normal(state.memory, tf.cast(self._numbers.seed, tf.int32), number)
        scale = tf.cast(disturbed, number.dtype) * tf.cast(self._numbers.noise, number.dtype)
        told = _Told(self._cell, lambda outputs: self._alter(outputs, disturbed))
        return type(self._cell).step(
            told, projected[:, :-1], state._replace(memory=state.memory + scale * noise), dense
        )

    def told(self, raw: tf.Tensor) -> HeadOutputs | Interface:
        """Returns what the heads are told over time, for the head layer's outputs float[T, n]."""
        number = self._numbered(raw.shape[0], raw.dtype)[:, tf.newaxis, tf.newaxis]
        disturbed = number >= tf.cast(self._numbers.first_step, raw.dtype)
        return self._alter(self._cell.head_outputs(raw), disturbed)

    def _numbered(self, count: int, dtype: tf.DType) -> tf.Tensor:
        return tf.range(count, dtype=dtype) + tf.cast(self._step, dtype)

    def _alter(
        self, told: HeadOutputs | Interface, disturbed: tf.Tensor
    ) -> HeadOutputs | Interface:
        numbers = self._numbers

        def strengths(values: tf.Tensor, off: Any) -> tf.Tensor:
            on = disturbed & (tf.cast(off, values.dtype) > 0)
            return tf.where(on, tf.zeros_like(values), values)

        def shared(values: tf.Tensor, share: Any, frozen: Any) -> tf.Tensor:
            share = tf.cast(share, values.dtype)
            return tf.where(disturbed & ~tf.math.is_nan(share), frozen(share), values)

        def parameters(heads: HeadParameters, off: Any, share: Any) -> HeadParameters:
            return heads._replace(
                strengths=strengths(heads.strengths, off),
                gates=shared(heads.gates, share, lambda share: share),
            )

        if isinstance(told, HeadOutputs):
            return told._replace(
                read=parameters(told.read, numbers.off_read, numbers.share_read),
                write=parameters(told.write, numbers.off_write, numbers.share_write),
            )
        return told._replace(
            read_strengths=strengths(told.read_strengths, numbers.off_read),
            write_strength=strengths(told.write_strength, numbers.off_write),
            read_modes=shared(
                told.read_modes,
                numbers.share_read,
                lambda share: _with_content_mode(told.read_modes, share),
            ),
            allocation_gate=shared(
                told.allocation_gate, numbers.share_write, lambda share: 1 - share
            ),
        )


class _Told:
    """A cell whose heads are told something else than its controller says."""

    def __init__(self, cell: Any, alter: Any) -> None:
        self._cell, self._alter = cell, alter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cell, name)

    def head_outputs(self, raw: tf.Tensor) -> HeadOutputs | Interface:
        return self._alter(self._cell.head_outputs(raw))


@tf.function(jit_compile=True, autograph=False)
def _normal(like: tf.Tensor, seed: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Returns noise for a memory; always compiled, since XLA's generator is another."""
    seeds = [seed, tf.cast(step, tf.int32)]
    return tf.random.stateless_normal(like.shape, seeds, dtype=like.dtype)


def _with_content_mode(modes: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Read modes float[..., 3] with this share by content; the others keep their proportion."""
    # A little more than they are, so that they have a proportion where the network chose content.
    others = (modes + 1e-9) * tf.constant([1.0, 0.0, 1.0], modes.dtype)
    others /= tf.reduce_sum(others, axis=-1, keepdims=True)
    return (1 - share) * others + share * tf.constant([0.0, 1.0, 0.0], modes.dtype)
