"""Recurrent cells with an external memory, and one without, as Keras 3 layers on TensorFlow.

They keep the contract of Keras's recurrent cells, so they work inside ``keras.layers.RNN``;
``unroll`` runs the same cells several times faster, and ``unroll_packed`` trains them on batches of
several lengths. This subpackage needs the extra ``cells``.
"""

try:
    import keras
    import tensorflow  # noqa: F401  (imported for its absence)
except ImportError as error:
    raise ImportError(
        "ntm_gym.cells needs TensorFlow and Keras 3, which are not installed. "
        'Install them with: pip install "ntm-gym[cells]"'
    ) from error

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "ntm_gym.cells expected Keras on the backend 'tensorflow', got "
        f"{keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow before the first import."
    )

from ntm_gym.cells.dnc import DNCCell
from ntm_gym.cells.dnc_heads import Interface
from ntm_gym.cells.heads import HeadOutputs, HeadParameters
from ntm_gym.cells.lstm import LSTMCell
from ntm_gym.cells.ntm import NTMCell
from ntm_gym.cells.packing import unroll_packed
from ntm_gym.cells.state import DNCState, LSTMState, NTMState
from ntm_gym.cells.unroll import Unrolled, unroll

CELLS: dict[str, type[keras.layers.Layer]] = {"ntm": NTMCell, "dnc": DNCCell, "lstm": LSTMCell}
"""The cells, by their short names. All take the output's size first, and options by name."""

__all__ = [
    "CELLS",
    "DNCCell",
    "DNCState",
    "HeadOutputs",
    "HeadParameters",
    "Interface",
    "LSTMCell",
    "LSTMState",
    "NTMCell",
    "NTMState",
    "Unrolled",
    "unroll",
    "unroll_packed",
]
