"""A window on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pygame.event import Event


class Window:
    """Shows pictures on the screen, scaled to the window's size.

    Args:
        title: the window's title.
        fps: pictures a second at most.

    Raises:
        ImportError: if pygame is missing.
    """

    def __init__(self, title: str, fps: float) -> None:
        require_pygame()
        self._title, self._fps = title, fps
        self._clock: Any = None  # from the first picture on

    def show(self, pixels: NDArray[np.uint8]) -> None:
        """Shows uint8[height, width, 3], and waits so that no more than `fps` are shown a second.

        The first picture opens the window.
        """
        import pygame

        height, width, _ = pixels.shape
        # pygame has one window for all: another's close() closes it, too.
        if self._clock is None or pygame.display.get_surface() is None:
            pygame.display.init()
            pygame.display.set_mode((width, height), pygame.RESIZABLE)
            pygame.display.set_caption(self._title)
            self._clock = pygame.time.Clock()
        screen: Any = pygame.display.get_surface()
        picture = pygame.surfarray.make_surface(pixels.swapaxes(0, 1))
        scale = min(screen.get_width() / width, screen.get_height() / height)
        size = max(1, round(scale * width)), max(1, round(scale * height))
        if size != (width, height):
            picture = pygame.transform.smoothscale(picture, size)
        screen.fill((0, 0, 0))
        screen.blit(
            picture, ((screen.get_width() - size[0]) // 2, (screen.get_height() - size[1]) // 2)
        )
        pygame.event.pump()
        pygame.display.flip()
        self._clock.tick(self._fps)

    def events(self) -> list[Event]:
        """What the user did since the last call; the window must have shown something."""
        import pygame

        return pygame.event.get()

    def close(self) -> None:
        """Closes the window; another picture would open it again."""
        import pygame

        if self._clock is not None:
            pygame.display.quit()
            self._clock = None

    def __getstate__(self) -> dict[str, Any]:
        """What is copied or pickled: a window that has shown nothing yet."""
        return {**vars(self), "_clock": None}


def require_pygame() -> None:
    """Raises an ImportError that says what to install, if pygame is missing."""
    try:
        import pygame  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "a window needs pygame: install it with pip install 'ntm-gym[render]'"
        ) from error
