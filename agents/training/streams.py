"""The random streams of a seed: whatever is drawn in one changes nothing in another."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream is for."""

    TRAINING = 1
    """Training sequences of supervised learning."""
    HELD_OUT = 2
    """The sequences that every report tests on, in both ways of learning."""
    EVALUATION = 3
    """The sequences that trained networks are scored on."""
    REWARD = 4
    """Tapes and actions of learning by reward."""
    RESTARTS = 6
    """First weights of trainings that begin anew."""

    def sequence(self, seed: int, *more: int) -> np.random.SeedSequence:
        """Returns where this stream of a seed begins; more numbers make more streams of it."""
        return np.random.SeedSequence([seed, int(self), *more])

    def generator(self, seed: int, *more: int) -> np.random.Generator:
        """Returns a generator of this stream; see `sequence`."""
        return np.random.default_rng(self.sequence(seed, *more))
