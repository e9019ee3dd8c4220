"""What Graves, Wayne & Danihelka 2014 (arXiv 1410.5401) report, to stand beside what is here."""

from agents.recipes.supervised import TrainConfig

PARAMETERS = {
    ("copy", "ntm", "feedforward"): 17_162,
    ("repeat_copy", "ntm", "feedforward"): 16_712,
    ("associative_recall", "ntm", "feedforward"): 146_845,
    ("dynamic_ngrams", "ntm", "feedforward"): 14_656,
    ("priority_sort", "ntm", "feedforward"): 508_305,
    ("copy", "ntm", "lstm"): 67_561,
    ("repeat_copy", "ntm", "lstm"): 66_111,
    ("associative_recall", "ntm", "lstm"): 70_330,
    ("dynamic_ngrams", "ntm", "lstm"): 61_749,
    ("priority_sort", "ntm", "lstm"): 269_038,
    ("copy", "lstm", "lstm"): 1_352_969,
    ("repeat_copy", "lstm", "lstm"): 5_312_007,
    ("associative_recall", "lstm", "lstm"): 1_344_518,
    ("dynamic_ngrams", "lstm", "lstm"): 331_905,
    ("priority_sort", "lstm", "lstm"): 384_424,
}
"""Trained parameters by task, cell and kind of controller (tables 1, 2 and 3)."""


def paper_parameters(config: TrainConfig) -> int | None:
    """Returns the parameters of the paper's network for this task and cell; None without one."""
    return PARAMETERS.get((config.name, config.cell.name, config.cell.controller))
