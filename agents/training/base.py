"""What both ways of learning share: from report to report, until the step size has fallen to 0.

What is tested and saved is a running mean of the weights (Polyak & Juditsky 1992): single updates
shake a solution that is already exact. Once the task is nearly solved, the step size falls to 0,
which ends training. It must not fall earlier: the networks first find out how to use their memory,
suddenly. An update that destroys what was learned, as one rare tape can, is rolled back; one that
cannot be made is left out, see `agents/training/guards.py`.

A training is its rows of `metrics.csv`, two random states, its arrays and how often it went back:
when it was solved, how far the step size has fallen, whether it begins anew or has ended follow
from the rows, see `agents/training/progress.py`.
"""

import abc
import logging
import time
from typing import Any

import keras
from numpy.typing import NDArray

from agents.recipes.reward import RewardConfig
from agents.recipes.supervised import TrainConfig
from agents.storage.checkpoints import Checkpoint
from agents.storage.files import RunError
from agents.storage.networks import cell_of
from agents.training.goals import HeldOut
from agents.training.guards import Guard, LeftOutError
from agents.training.progress import Progress
from agents.training.reports import check_row, lesson_columns
from agents.training.restarts import new_weights
from agents.training.streams import Stream
from agents.training.tapes import Tapes
from agents.training.updates import build_optimizer

logger = logging.getLogger(__name__)


class Training(Progress, abc.ABC):
    """Everything that changes in a training. A subclass says how it advances to its next report.

    Args:
        config: the recipe.
        stream: the random stream of the seed that training draws from.

    Attributes:
        rng: draws all that training draws.
        curriculum: chooses the training lengths.
        hard_tapes: what is to come again; None if nothing is.
        network: the network that is tested and saved.
        optimizer: changes the weights.
        guard: leaves out updates that cannot be made.
    """

    report: type[Any]
    """The class of this training's reports."""

    network: keras.Model
    optimizer: keras.optimizers.Optimizer
    guard: Guard

    def __init__(self, config: TrainConfig | RewardConfig, stream: Stream) -> None:
        super().__init__(config)
        self.began = time.perf_counter()
        self.hard_tapes: Tapes | None = None
        self._good: list[list[NDArray[Any]]] = []
        keras.utils.set_random_seed(config.seed)
        self.rng = stream.generator(config.seed)
        self.curriculum = self.goal.make_curriculum()

    def set_network(self, cell: Any, mean: Any, network: keras.Model) -> None:
        """Sets the trained cell, its running mean and the saved network.

        Args:
            cell: the built cell that is trained.
            mean: one like it, for the running mean of its weights.
            network: what is tested and saved, with the cell `mean` or one that `refresh` fills.
        """
        self.network = network
        self.guard = Guard(self.config, lambda: [variable.numpy() for variable in cell.variables])
        self.optimizer = build_optimizer(self.config, cell)
        self._cell = cell
        self._variables = [*cell.variables, *mean.variables, *self.optimizer.variables]
        self._sound = self._values()
        self._test = self.goal.make_test(cell_of(network))

    def advance(self) -> Any:
        """Trains up to the next report, notes it and returns it.

        Raises:
            LeftOutError: too many updates in a row were left out, also with smaller steps.
        """
        while True:
            self.guard.begin(self.sequences)
            step = self.config.learning_rate * self.step_left * self.guard.step_share
            self.optimizer.learning_rate = step
            try:
                report = self.learn()
            except LeftOutError as error:
                self.guard.go_back(error)
                logger.warning("Back to a report before, on with half the step: %s", error)
                self._assign(self._sound)
            else:
                self.note(report)
                if self.guard.sound:
                    self._sound = self._values()
                return report

    @abc.abstractmethod
    def learn(self) -> Any:
        """Trains up to the next report and returns it.

        Raises:
            LeftOutError: too many updates in a row were left out.
        """

    def refresh(self) -> None:
        """Gives the network the present mean of the weights, unless it holds the mean itself."""

    def close(self) -> None:
        """Frees what training needed, if there is anything to free."""

    @property
    def reports(self) -> list[Any]:
        """All reports so far."""
        return [self.as_report(row) for row in self.rows]

    def as_report(self, row: Any) -> Any:
        """Returns the report of a row, which may have more columns."""
        return self.report(**{name: row[name] for name in self.report._fields})

    def test(self) -> HeldOut:
        """Tests the network on the held-out sequences."""
        self.refresh()
        return self._test()

    def note(self, report: Any) -> None:
        """Adds a report to the rows.

        What one was made with that is good, or nearly, is kept. After one that is lost, that of the
        last such one but one comes back: the mean of the weights, which is tested, may still be
        good when the weights are already spoiled. Where there is none for long, training begins
        anew.
        """
        self.rows.append(report._asdict() | lesson_columns(self.curriculum))
        if self.goal.is_kept(self.rows[-1]):
            self._good = [*self._good[-1:], self._values()]
        elif self.goal.is_lost(self.rows[-1]) and self._good:
            del self._good[1:]
            self._assign(self._good[0])
        elif self.is_beginning:
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Takes other first weights, and forgets what the optimiser and the curriculum know."""
        logger.warning("Begins anew: nothing was found in %d sequences", self.sequences)
        weights = new_weights(self._cell, self.config.seed, self.sequences)
        optimizer = build_optimizer(self.config, self._cell)
        self._sound = [*weights, *weights, *(variable.numpy() for variable in optimizer.variables)]
        self._assign(self._sound)
        self._good = []
        self.guard.returns = 0
        self.curriculum = self.goal.make_curriculum()

    def checkpoint(self) -> Checkpoint:
        """Returns all that changes."""
        values = {
            "rows": self.rows,
            "arrays": len(self._variables),
            "good": len(self._good),
            "sound": self.guard.sound,
            "hard": self._settings_of_hard_tapes,
            "returns": self.guard.returns,
            "rng": self.rng.bit_generator.state,
            "curriculum": self.curriculum.get_state(),
        }
        good = [array for kept in self._good for array in kept]
        before = [] if self.guard.sound else self._sound
        return Checkpoint([*self._values(), *good, *before, *(self.hard_tapes or ())], values)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Takes over the state of a checkpoint.

        Raises:
            RunError: if it is that of another training.
        """
        arrays, values = list(checkpoint.arrays), checkpoint.values
        shapes = [tuple(variable.shape) for variable in self._variables]
        got = [array.shape for array in arrays[: len(shapes)]]
        if got != shapes or values["arrays"] != len(shapes):
            raise RunError(
                f"expected a checkpoint of weights and optimizer {shapes}, got "
                f"{values['arrays']} arrays that begin with {got}"
            )
        self.guard.sound = bool(values["sound"])
        count = 1 + int(values["good"]) + (not self.guard.sound)
        present, *kept = (arrays[k * len(shapes) : (k + 1) * len(shapes)] for k in range(count))
        del arrays[: count * len(shapes)]
        self._assign(present)
        self._sound = present if self.guard.sound else kept.pop()
        self._good = kept
        # By other settings there are others, of other numbers and sizes: they are found anew.
        fit = bool(arrays) and values["hard"] == self._settings_of_hard_tapes
        self.hard_tapes = Tapes(*arrays) if fit else None
        self.guard.returns = int(values["returns"])
        self.rng.bit_generator.state = values["rng"]
        self.curriculum.set_state(values["curriculum"])
        self.rows = [check_row(row, self.report._fields) for row in values["rows"]]
        self.began = time.perf_counter() - self.rows[-1]["seconds"]

    @property
    def _settings_of_hard_tapes(self) -> str:
        """All settings that the number and the sizes of `hard_tapes` depend on."""
        names = ("task", "training_fields", "max_length", "replay", "batch_size")
        others = ("report_sequences", "episodes", "report_updates")
        return repr([getattr(self.config, name, None) for name in (*names, *others)])

    def _values(self) -> list[NDArray[Any]]:
        return [variable.numpy() for variable in self._variables]

    def _assign(self, values: list[NDArray[Any]]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
