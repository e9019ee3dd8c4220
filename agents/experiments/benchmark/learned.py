"""What comes of training or loading an agent, whatever it learns with."""

from collections.abc import Callable
from typing import Any, NamedTuple

from agents.storage.metrics import Curve


class Learned(NamedTuple):
    """An agent that has been trained or loaded, and what that took.

    Attributes:
        agent_at: gives the agent that answers tapes of a length: an `agents.policies.agent.Agent`,
            or an object with its `act` alone.
        steps: environment steps of its training, of all rows; None if not known.
        seconds: of its training; None if that is not known.
        curve: returns during training.
    """

    agent_at: Callable[[int], Any]
    steps: int | None = None
    seconds: float | None = None
    curve: Curve | None = None
