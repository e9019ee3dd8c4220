"""The one place that prepares TensorFlow: what must be loaded before it, its messages, its threads.

Triton, which torch brings with it on some systems, crashes Python if it is loaded after TensorFlow
2.20 or newer, as torch's optimisers would: each has an LLVM of its own, and TensorFlow puts its one
where Triton finds it (TensorFlow's issue 124205). So importing this module loads Triton, if there
is one, and nothing else.
"""

import importlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress

with suppress(ImportError):
    importlib.import_module("triton")

around_loading: Callable[[], AbstractContextManager[None]] = nullcontext
"""Entered while TensorFlow is loaded: its native code writes messages that no log level stops."""


def prepare(threads: int = 1) -> None:
    """Loads TensorFlow for a number of threads, without its start-up messages.

    One thread is quickest here: the updates are too small to share, and the other core is free for
    another run.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with around_loading():
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.list_physical_devices()
