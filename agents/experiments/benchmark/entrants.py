"""Who takes part in a benchmark: what its command line names, found and checked.

An entrant is named by SOURCE, or by NAME=SOURCE, which is called NAME in the leaderboard. Several
runs of one name are the seeds and environments of one entrant:

    random, oracle              what bounds all others
    ppo, recurrent_ppo, ...     learners of `agents.experiments.benchmark.sb3_settings`
    ntm-rl, dnc-rl, lstm-rl     learners of `agents.training.reward`, by the cell that learns
    runs/copy-0                 the folder of a run of this project
    my_module:MyAgent           an agent of one's own, see `agents.policies.own`
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agents.experiments.benchmark.sb3_settings import SB3_LEARNERS
from agents.policies.own import find_own, own_learns
from agents.recipes.cells import CELL_CONFIGS

REWARD_CELLS = {f"{cell}-rl": cell for cell in CELL_CONFIGS}
"""The cell of each learner of `agents.training.reward.actor_critic`."""

BUILT_IN = ("random", "oracle", *SB3_LEARNERS, *REWARD_CELLS)
"""Sources that need no more than their name."""

Kind = Literal["random", "oracle", "sb3", "reward", "run", "own"]


@dataclass(frozen=True)
class Entrant:
    """Who takes part.

    Attributes:
        name: what it is called in the leaderboard.
        source: what it is, as on the command line.
        kind: how it is made.
    """

    name: str
    source: str
    kind: Kind

    @property
    def learns(self) -> bool:
        """Whether the benchmark trains it."""
        own_learner = self.kind == "own" and own_learns(self.source)
        return self.kind in ("sb3", "reward") or own_learner


def parse_entrants(texts: Sequence[str]) -> list[Entrant]:
    """Returns the entrants that a command line names.

    Raises:
        ValueError: there is none, or one of them does not exist or is named twice.
        RuntimeError: the packages of one of them are missing.
    """
    if not texts:
        raise ValueError("expected at least one agent, got none")
    entrants = [_parse(text) for text in texts]
    for number, entrant in enumerate(entrants):
        earlier = [other for other in entrants[:number] if other.name == entrant.name]
        # Runs of one name are told apart by their seeds and environments.
        if any(entrant.kind != "run" or entrant.kind != other.kind for other in earlier):
            raise ValueError(f"expected each name once, except of runs, got {entrant.name!r} again")
        if any(other.source == entrant.source for other in earlier):
            raise ValueError(f"expected each run once, got {entrant.source!r} again")
    return entrants


def _parse(text: str) -> Entrant:
    name, separator, source = text.partition("=")
    if not separator or (Path(text) / "config.json").exists():
        name = source = text
    if not name or not source:
        raise ValueError(f"expected agents as SOURCE or NAME=SOURCE, got {text!r}")
    return Entrant(name, source, _kind(source))


def _kind(source: str) -> Kind:
    if source == "random":
        return "random"
    if source == "oracle":
        return "oracle"
    if source in SB3_LEARNERS:
        if importlib.util.find_spec("sb3_contrib") is None:
            raise RuntimeError(
                f"expected Stable-Baselines3 and sb3-contrib for {source}, got none: "
                'pip install -e ".[sb3]" -c constraints.txt'
            )
        return "sb3"
    if source in REWARD_CELLS:
        return "reward"
    if (Path(source) / "config.json").exists():
        return "run"
    if ":" in source:
        find_own(source)
        return "own"
    raise ValueError(
        f"expected agents as some of {', '.join(BUILT_IN)}, MODULE:NAME or a run's folder with "
        f"config.json, got {source!r}"
    )
