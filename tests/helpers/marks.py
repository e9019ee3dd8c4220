"""Marks that several test files have."""

import pytest

SAVING = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
"""Keras warns of its own code when it saves a network."""
