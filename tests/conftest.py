import os

from hypothesis import settings

# Before any test imports them: TensorFlow without its start-up messages, pictures without a screen.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

# No deadline: a busy machine is no failure. Few examples, since the tables multiply them.
settings.register_profile("ntm_gym", max_examples=40, deadline=None)
settings.load_profile("ntm_gym")
