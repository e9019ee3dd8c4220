"""Loads Triton, which torch brings with it on some systems, before TensorFlow.

Loaded after TensorFlow 2.20 or newer, as torch's optimisers would, it crashes Python: each has an
LLVM of its own, and TensorFlow puts its one where Triton finds it (TensorFlow's issue 124205).
"""

import importlib
from contextlib import suppress

with suppress(ImportError):
    importlib.import_module("triton")
