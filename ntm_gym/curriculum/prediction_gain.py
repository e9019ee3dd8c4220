"""The curriculum that draws the lessons from which most is learned just now: a bandit."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm_gym.checks import as_integer, check_number
from ntm_gym.curriculum.lessons import Lessons, check_as_many, check_numbers

LARGEST = 1e3
"""The bandit's settings go up to here, so that its weights stay numbers."""


@dataclass
class PredictionGain(Lessons):
    """Draws lessons by an Exp3.S bandit, whose reward is how much a tape has just taught.

    Graves, Bellemare, Menick, Munos & Kavukcuoglu 2017, "Automated Curriculum Learning for Neural
    Networks" (arXiv 1704.03003), sections 2 and 3. With K lessons, weights w of 0 at first, and t
    from 1, lesson i is drawn with probability::

        p(i) = (1 - epsilon) exp(w(i)) / sum_j exp(w(j)) + epsilon / K

    Of a tape of lesson a that was shown for so many steps, the gain is its loss before the update
    minus that after it, on this same tape, divided by the steps. Gains are rescaled to rewards r
    from -1 to 1: linearly between the 20 % and the 80 % quantile of a reservoir of earlier gains,
    and clipped. Then, where [i = a] is 1 for the lesson that was drawn and 0 for the others::

        v(i) = w(i) + eta (r [i = a] + beta) / p(i)
        t    = t + 1,  alpha = 1 / t
        w(i) = log((1 - alpha) exp(v(i)) + alpha / (K - 1) sum_{j != i} exp(v(j)))

    Tapes that are heard of together are a batch, and one step of the bandit: r [i = a] is the mean
    over them. They must have been drawn by about the present probabilities.

    An environment knows no loss. There, how far a tape's wrong bits lie below the mean error of
    its lesson's window, divided by its length, stands in for the gain: learning progress. The
    first tapes of a lesson then have no gain.

    Attributes:
        min_length, max_length, lessons, window: as in `Lessons`.
        eta: the weights' step size, at least 0.
        epsilon: the share of tapes that is drawn from all lessons alike, 1e-6 to 1: rewards are
            divided by probabilities, so none may be 0.
        beta: added to every lesson's reward, at least 0.
        quantile: the quantile of gains that becomes the reward -1, 0 to one half; its mirror
            becomes 1.
        reservoir: gains that are kept, at least 1: a uniform sample of all that there were.

    Raises:
        ValueError: if a setting is impossible.
    """

    eta: float = 1e-3
    epsilon: float = 0.05
    beta: float = 0.0
    quantile: float = 0.2
    reservoir: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("eta", self.eta, 0, LARGEST)
        check_number("epsilon", self.epsilon, 1e-6, 1)
        check_number("beta", self.beta, 0, LARGEST)
        check_number("quantile", self.quantile, 0, 0.5)
        self.reservoir = as_integer("reservoir", self.reservoir)
        self._weights = np.zeros(len(self.lessons))
        self._time = 1
        self._gains: list[float] = []  # the reservoir, ascending
        self._offered = 0  # gains that the reservoir was offered
        self._waiting: list[float] = []  # gains that it will be offered

    @property
    def weights(self) -> NDArray[np.float64]:
        """float64[K], the bandit's weights w."""
        return self._weights.copy()

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """float64[K], p of the class's text."""
        # The greatest weight is 0 here, so that no power overflows.
        powers = np.exp(self._weights - self._weights.max())
        return (1 - self.epsilon) * powers / powers.sum() + self.epsilon / len(powers)

    @property
    def lesson(self) -> int:
        """The number of the most probable lesson, from 0; the first of several."""
        return int(self._weights.argmax())

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        """int64[n], as `Lessons.sample` draws; and offers the reservoir the gains heard of."""
        # Here, and not where gains are heard of, since only here is there a source of randomness.
        for gain in self._waiting:
            self._offered += 1
            if len(self._gains) == self.reservoir:
                # Vitter's algorithm R: the m-th gain stays with probability reservoir / m, in the
                # place of any other.
                place = int(rng.integers(self._offered))
                if place >= self.reservoir:
                    continue
                del self._gains[place]
            insort(self._gains, gain)
        self._waiting = []
        return super().sample(rng, n)

    def record(
        self,
        lengths: NDArray[np.int64],
        errors: NDArray[np.int64],
        gains: NDArray[np.floating] | None = None,
    ) -> None:
        """Hears of n finished tapes, and makes a step of the bandit.

        Args:
            lengths: int64[n]; tapes outside the range teach nothing.
            errors: int64[n], the wrong bits of each tape.
            gains: float[n], each tape's loss before minus after the update, divided by its steps,
                in any unit; None lets errors stand in, as the class's text says. What is not
                finite counts nothing.

        Raises:
            ValueError: if they are not as many.
        """
        check_as_many("errors", errors, lengths)
        lesson = self._lesson_of(lengths)
        if gains is None:
            gains = (self.mean_errors[lesson] - errors) / lengths
        check_as_many("gains", gains, lengths)
        super().record(lengths, errors)
        heard = (lesson >= 0) & np.isfinite(gains)
        if heard.any():
            rewards = self._rescaled(gains[heard])
            shares = np.bincount(lesson[heard], rewards, len(self.lessons)) / len(rewards)
            self._weights = self._stepped(shares)
            self._waiting += np.asarray(gains[heard], np.float64).tolist()

    def get_state(self) -> dict[str, Any]:
        """Weights, t, and gains, beside what `Lessons.get_state` gives."""
        return {
            "weights": self._weights.tolist(),
            "time": self._time,
            "gains": list(self._gains),
            "offered": self._offered,
            "waiting": list(self._waiting),
            **super().get_state(),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `get_state` gave; see `LengthRange.set_state`."""
        super().set_state(state)
        self._weights = np.array(state["weights"], np.float64)
        self._time, self._offered = int(state["time"]), int(state["offered"])
        self._gains, self._waiting = sorted(state["gains"]), list(state["waiting"])

    def _check_state(self, state: Mapping[str, Any]) -> None:
        super()._check_state(state)
        for name in ("weights", "gains", "waiting"):
            check_numbers(name, state[name])
        if len(state["weights"]) != len(self.lessons):
            raise ValueError(
                f"expected weights of {len(self.lessons)} lessons, got {state['weights']!r}"
            )
        as_integer("time", state["time"])
        as_integer("offered", state["offered"], 0)

    def _rescaled(self, gains: NDArray[np.floating]) -> NDArray[np.float64]:
        """The rewards of gains, float64[n] from -1 to 1; 0 while the reservoir is empty."""
        if not self._gains:
            return np.zeros(len(gains))
        low, high = self._quantile(self.quantile), self._quantile(1 - self.quantile)
        if high == low:
            return np.sign(gains - low).astype(np.float64)
        return np.clip(2 * (gains - low) / (high - low) - 1, -1, 1)

    def _quantile(self, quantile: float) -> float:
        """What `np.quantile` gives of the reservoir; many times faster, since it is sorted."""
        place = quantile * (len(self._gains) - 1)
        below = int(place)
        above = min(below + 1, len(self._gains) - 1)
        return self._gains[below] + (place - below) * (self._gains[above] - self._gains[below])

    def _stepped(self, rewards: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weights after a step, from the mean rewards r [i = a], float64[K]."""
        lessons = len(self.lessons)
        if lessons == 1:
            return self._weights
        raised = self._weights + self.eta * (rewards + self.beta) / self.probabilities
        self._time += 1
        alpha = 1 / self._time
        greatest = raised.max()
        powers = np.exp(raised - greatest)
        others = (powers.sum() - powers) / (lessons - 1)
        return greatest + np.log((1 - alpha) * powers + alpha * others)
