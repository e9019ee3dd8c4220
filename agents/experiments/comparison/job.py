"""A run of a comparison as a job: to train, and to evaluate.

TensorFlow is loaded where it is needed only: plans are read without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.recipes.reward import RewardConfig
from agents.recipes.supervised import TrainConfig


@dataclass(frozen=True)
class TrainingJob:
    """A run to train and to evaluate; see `agents.experiments.sweeps.sweep.Job`.

    Attributes:
        folder: the run's folder.
        config: its settings.
        lengths: lengths of the evaluation.
        episodes: tapes for each of them.
    """

    folder: Path
    config: TrainConfig | RewardConfig
    lengths: tuple[int, ...]
    episodes: int

    @property
    def budget(self) -> int:
        """The training sequences at most."""
        return self.config.max_sequences

    def is_done(self) -> bool:
        """Whether the run is trained and evaluated; raises RunError if another one is there."""
        if not (self.folder / "config.json").exists():
            return False
        from agents.evaluation.scores import is_evaluated
        from agents.storage.runs import Run, RunError

        run = Run.open(self.folder)
        if run.config != self.config:
            raise RunError(
                f"{self.folder} holds a run of other settings; remove it or choose another folder"
            )
        return run.ended and is_evaluated(run, self.lengths, self.episodes)

    def prepare(self) -> None:
        """Does nothing: all that it reads is in its folder."""

    def work(self, tell: Callable[[int, str], None]) -> None:
        """Trains from the last checkpoint on if training has not ended, and evaluates."""
        from agents import tensorflow

        tensorflow.prepare()
        from agents.evaluation.scores import evaluate_run
        from agents.storage.runs import Run
        from agents.training import supervised
        from agents.training.reward import actor_critic

        run = Run(self.folder, self.config)
        if not run.ended:
            run = Run.resume(self.folder, self.config)
            by_reward = isinstance(self.config, RewardConfig)
            train: Any = actor_critic.train if by_reward else supervised.train
            train(
                self.config,
                run,
                lambda report: tell(
                    report.sequences, f"held out {report.held_out_bit_errors:.2f} wrong"
                ),
            )
        sequences = int(run.metrics.read()[-1]["sequences"])
        tell(sequences, "evaluation")
        for scores in evaluate_run(run, self.lengths, episodes=self.episodes):
            tell(sequences, f"{scores[0].bit_errors:,.2f} wrong at {scores[0].length:,}")
