"""Recurrent cells with an external memory, as Keras 3 layers on TensorFlow.

``NTMCell`` keeps the contract of Keras's recurrent cells, so it works inside ``keras.layers.RNN``;
``unroll`` runs the same cell several times faster. This subpackage needs the extra ``cells``.
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

from ntm_gym.cells.heads import HeadOutputs, HeadParameters
from ntm_gym.cells.ntm import NTMCell
from ntm_gym.cells.state import NTMState
from ntm_gym.cells.unroll import Unrolled, unroll

__all__ = ["HeadOutputs", "HeadParameters", "NTMCell", "NTMState", "Unrolled", "unroll"]
