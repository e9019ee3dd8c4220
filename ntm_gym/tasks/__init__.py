"""The tasks of the paper, one module each."""

from ntm_gym.tasks.associative_recall import AssociativeRecall
from ntm_gym.tasks.copy import Copy
from ntm_gym.tasks.dynamic_ngrams import DynamicNGrams
from ntm_gym.tasks.priority_sort import PrioritySort
from ntm_gym.tasks.repeat_copy import RepeatCopy

__all__ = ["AssociativeRecall", "Copy", "DynamicNGrams", "PrioritySort", "RepeatCopy"]
