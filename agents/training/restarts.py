"""Beginning again from other first weights, where training finds nothing.

A network can settle on a way that goes nowhere: one that keeps a few vectors of Copy in its
controller's state, say, while its heads stay spread over the whole memory. Hardly any update leads
away from that, but from most other first weights something better is found soon.
"""

import threading
from typing import Any

import keras
from numpy.typing import NDArray

from agents.training.streams import Stream

building = threading.Lock()
"""Held while a network is built from a seed: seeds are those of the whole process."""


def new_weights(cell: Any, seed: int, sequences: int) -> list[NDArray[Any]]:
    """Returns new first values for all variables of a built cell, in their order.

    Args:
        cell: the cell.
        seed: the training's seed.
        sequences: training sequences so far. Each number gives other values.
    """
    (drawn,) = Stream.RESTARTS.sequence(seed, sequences).generate_state(1)
    with building:
        keras.utils.set_random_seed(int(drawn))
        return [variable.numpy() for variable in cell.fresh().variables]
