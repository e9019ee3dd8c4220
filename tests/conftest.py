import agents.tensorflow  # noqa: F401  (some tests load TensorFlow, others train with torch)

# isort: split
import os

import gymnasium as gym
import pytest
from hypothesis import settings

from ntm_gym import PROTOCOLS

# Before any test imports them: TensorFlow without its start-up messages, pictures without a screen.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
# Most of the time goes into compiling what then runs for a moment.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

# No deadline: a busy machine is no failure. Few examples, since the tables multiply them.
settings.register_profile("ntm_gym", max_examples=40, deadline=None)
settings.load_profile("ntm_gym")


@pytest.fixture
def own_registry():
    """What the test registers, in Gymnasium or in `PROTOCOLS`, is forgotten after it."""
    tables = [(table, dict(table)) for table in (gym.registry, PROTOCOLS)]
    yield
    for table, before in tables:
        table.clear()
        table.update(before)


@pytest.fixture
def one_thread():
    """Torch on one thread: tests' networks are slower on more, and other tests may run beside."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
