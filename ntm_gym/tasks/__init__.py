"""The tasks of the paper, one module each."""

from ntm_gym.tasks.associative_recall import AssociativeRecall
from ntm_gym.tasks.copy import Copy

__all__ = ["AssociativeRecall", "Copy"]
