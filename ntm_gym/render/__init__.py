"""Pictures of a tape while it is played: as text, as an array of pixels, or in a window."""

from ntm_gym.render.picture import draw_picture
from ntm_gym.render.text import draw_text
from ntm_gym.render.view import View
from ntm_gym.render.window import Window

__all__ = ["View", "Window", "draw_picture", "draw_text"]
