"""Endless training batches: as an iterator, as a `tf.data.Dataset` and as a torch dataset."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from ntm_gym.checks import as_integer, is_integer
from ntm_gym.curriculum import Curriculum, make_curriculum
from ntm_gym.envs.episodes import make_task
from ntm_gym.protocol import PROTOCOLS
from ntm_gym.task import LARGEST_FIELD, Batch, Task


class Sampler:
    """Draws batches of a task's tapes, one after the other without end.

    Each `iter(sampler)` begins with the same tapes again, so take one iterator and keep it::

        sampler = Sampler("copy", batch_size=32, seed=0)
        for batch in sampler:
            ...  # train; a curriculum that learns from errors is told them, before the next batch:
            sampler.curriculum.record(batch.lengths, errors)

    Attributes:
        task: the task.
        curriculum: draws the lengths.
        batch_size: tapes in a batch, B.
        steps: the steps T of every batch, or None if each has those of its longest tape.
        seed: all tapes follow from it, given the lengths that the curriculum draws.

    Args:
        task: a task, or the name of one in `ntm_gym.PROTOCOLS`.
        min_length: the least length to draw; by default that of the task's protocol.
        max_length: the greatest length to draw; likewise.
        curriculum: a name in `ntm_gym.curriculum.CURRICULA`, or an object with `sample` and
            `record`, which draws lengths of its own.
        batch_size: tapes in a batch, at least 1.
        seed: an integer of at least 0, or a `SeedSequence`.
        fixed_steps: whether every batch is padded to the steps of a tape of `max_length`. What is
            compiled for one shape (XLA: Keras on a CPU or GPU does so by default) needs it, or is
            compiled again for every number of steps.
        **task_fields: fields of the task to change, such as `width`.

    Raises:
        ValueError: if an argument is unknown or impossible, or no length is given for a task that
            is no name.
    """

    def __init__(
        self,
        task: Task | str,
        *,
        min_length: int | None = None,
        max_length: int | None = None,
        curriculum: Curriculum | str = "uniform",
        batch_size: int = 32,
        seed: int | np.random.SeedSequence = 0,
        fixed_steps: bool = False,
        **task_fields: Any,
    ) -> None:
        self.task = make_task(task, task_fields, type(self))
        if isinstance(task, str):
            protocol = PROTOCOLS[task]
            min_length = protocol.min_length if min_length is None else min_length
            max_length = protocol.max_length if max_length is None else max_length
        if min_length is None or max_length is None:
            raise ValueError(
                "expected min_length and max_length, or a task's name, "
                f"got {min_length!r} and {max_length!r} for {task}"
            )
        self.curriculum = make_curriculum(curriculum, min_length, max_length, self.task)
        self.batch_size = as_integer("batch_size", batch_size)
        if not isinstance(seed, np.random.SeedSequence):
            if not is_integer(seed) or seed < 0:
                raise ValueError(
                    f"expected seed as an integer of at least 0 or a SeedSequence, got {seed!r}"
                )
            seed = np.random.SeedSequence(seed)
        # Lengths that the task cannot have, or memory not hold, are refused here and not later.
        self.task.check_lengths([min_length])
        longest = int(self.task.steps(self.task.check_lengths([max_length]))[0])
        self.task.check_size(self.batch_size, longest)
        self.steps = longest if fixed_steps else None
        self.seed = seed

    def __iter__(self) -> Iterator[Batch]:
        """The batches from the first on.

        Raises:
            ValueError: when a tape is drawn that is longer than `steps`.
        """
        rng = np.random.default_rng(self.seed)
        while True:
            batch = self.task.sample(rng, self.curriculum.sample(rng, self.batch_size))
            yield batch if self.steps is None else _padded(batch, self.steps)

    def spawn(self, n: int) -> list[Sampler]:
        """Some samplers that differ from this one and each other in their tapes alone.

        For workers or machines that train together. They follow from the seed and share the
        curriculum; in another process, each has a copy of it that hears of no errors but its own.

        Args:
            n: how many, 1 to `LARGEST_FIELD`; the first n of a larger number are the same.

        Raises:
            ValueError: if n is no such integer.
        """
        n = as_integer("n", n, 1, LARGEST_FIELD)
        # Not seed.spawn, which gives others at each call.
        spawned = [copy(self) for _ in range(n)]
        for i, sampler in enumerate(spawned):
            key = (*self.seed.spawn_key, i)
            sampler.seed = np.random.SeedSequence(self.seed.entropy, spawn_key=key)
        return spawned

    def tf_dataset(self) -> Any:
        """The batches as a `tf.data.Dataset` of what Keras's `model.fit` takes.

        Returns:
            A dataset without end of (inputs float32[B, T, D], targets float32[B, T, W], mask
            float32[B, T]); T is static with `fixed_steps`. Keras takes the mask as the weights of
            the steps.

        Raises:
            ImportError: without TensorFlow.
        """
        import tensorflow as tf

        def triples() -> Iterator[tuple[Any, ...]]:
            for batch in self:
                yield batch.inputs, batch.targets, batch.mask.astype(np.float32)

        shape = (self.batch_size, self.steps)
        return tf.data.Dataset.from_generator(
            triples,
            output_signature=(
                tf.TensorSpec((*shape, self.task.input_width), tf.float32),
                tf.TensorSpec((*shape, self.task.target_width), tf.float32),
                tf.TensorSpec(shape, tf.float32),
            ),
        )

    def torch_dataset(self) -> Any:
        """The batches as a torch `IterableDataset`, for `DataLoader(dataset, batch_size=None)`.

        Without workers it gives what `iter(sampler)` gives. With n workers, each gives what its own
        of `spawn(n)` gives, and the `DataLoader` takes from one after the other: no two draw the
        same tapes, and the whole follows from the seed and the number of workers.

        Returns:
            A dataset without end of (inputs float32[B, T, D], targets float32[B, T, W], mask
            bool[B, T]).

        Raises:
            ImportError: without torch.
        """
        import torch
        from torch.utils.data import IterableDataset, get_worker_info

        class TorchDataset(IterableDataset):
            def __init__(self, sampler: Sampler) -> None:
                self.sampler = sampler

            def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
                worker, sampler = get_worker_info(), self.sampler
                if worker is not None:
                    sampler = sampler.spawn(worker.num_workers)[worker.id]
                for batch in sampler:
                    arrays = batch.inputs, batch.targets, batch.mask
                    yield tuple(torch.from_numpy(array) for array in arrays)

            def __reduce__(self) -> Any:
                # Workers that are started afresh get it pickled, and a class made in a function
                # can only be pickled by how it was made.
                return Sampler.torch_dataset, (self.sampler,)

        return TorchDataset(self)


def _padded(batch: Batch, steps: int) -> Batch:
    """The batch with so many steps; raises ValueError if a tape has more."""
    missing = steps - batch.mask.shape[1]
    if missing < 0:
        raise ValueError(
            f"expected tapes of at most {steps} steps, those of max_length, got "
            f"{batch.mask.shape[1]} for a length of {batch.lengths[batch.steps.argmax()]}"
        )

    def longer(array: Any) -> Any:
        return np.pad(array, [(0, 0), (0, missing)] + [(0, 0)] * (array.ndim - 2))

    return replace(
        batch,
        inputs=longer(batch.inputs),
        targets=longer(batch.targets),
        mask=longer(batch.mask),
    )
