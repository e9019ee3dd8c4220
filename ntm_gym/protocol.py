"""What each task is trained and scored on: the one table that ids and evaluation come from."""

from __future__ import annotations

from dataclasses import dataclass

from ntm_gym.task import Task
from ntm_gym.tasks import AssociativeRecall, Copy, DynamicNGrams, PrioritySort, RepeatCopy


@dataclass(frozen=True)
class Protocol:
    """How agents are trained and compared on one task.

    Attributes:
        env_id: the Gymnasium id.
        task: the task with the paper's sizes.
        min_length: the least length of training.
        max_length: the greatest length of training.
        evaluation_lengths: the lengths that agents are scored at, beyond training too.
        reward_threshold: the mean return that counts as solved.
        versions: what changed in each version of the id, from v0 on.
    """

    env_id: str
    task: Task
    min_length: int
    max_length: int
    evaluation_lengths: tuple[int, ...] = ()
    reward_threshold: float = 0.99
    versions: tuple[str, ...] = ("first release",)


PROTOCOLS: dict[str, Protocol] = {
    "copy": Protocol(
        env_id="NTMCopy-v0",
        task=Copy(),
        min_length=1,
        max_length=20,
        evaluation_lengths=(10, 20, 30, 40, 50, 80, 120, 1000),
    ),
    "repeat_copy": Protocol(
        env_id="NTMRepeatCopy-v0",
        task=RepeatCopy(),
        min_length=1,
        max_length=10,
        evaluation_lengths=(2, 5, 10, 20),
    ),
    "associative_recall": Protocol(
        env_id="NTMAssociativeRecall-v0",
        task=AssociativeRecall(),
        min_length=2,
        max_length=6,
        evaluation_lengths=(2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 100),
    ),
    "dynamic_ngrams": Protocol(
        env_id="NTMDynamicNGrams-v0",
        task=DynamicNGrams(),
        min_length=200,
        max_length=200,
        evaluation_lengths=(200,),
        # 0.99 of what Bayes' answers return on the mean, 0.538: nobody can know these bits.
        reward_threshold=0.533,
    ),
    "priority_sort": Protocol(
        env_id="NTMPrioritySort-v0",
        task=PrioritySort(),
        min_length=20,
        max_length=20,
        evaluation_lengths=(20,),
    ),
}
"""The protocol of each task, by the task's short name."""
