"""Pictures within the page: of the heads of some networks, and those that a folder has already."""

import tempfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agents.evaluation.figures import draw_run
from agents.storage.files import RunError, read_file
from agents.views.report.results import Results

PNG = b"\x89PNG\r\n\x1a\n"


class Picture(NamedTuple):
    """A picture of the page.

    Attributes:
        caption: what it shows.
        source: the picture itself, as an address.
    """

    caption: str
    source: str


def drawn_pictures(results: Results) -> Iterator[Picture]:
    """Yields the pictures of learning that the folder has; what is none is said as missing."""
    for path in results.drawn:
        try:
            yield _embedded(path.stem, path)
        except (OSError, ValueError) as error:
            results.missing.append(f"No picture {path.name}: {error}.")


def head_pictures(results: Results) -> Iterator[Picture]:
    """Yields for each task and variant what one network answers and where its heads go.

    It is that of the first seed that solved its task, else of the first that has ended, on a tape
    of the longest length in training. Networks that cannot be read are said as missing.
    """
    solved = {entry.place for entry in results.entries if entry.solved}
    ended = [place for place, run in results.runs.items() if run.ended]
    ended.sort(key=lambda place: (place not in solved, place.seed))
    for place in results.first_of_each(ended):
        run = results.runs[place]
        with tempfile.TemporaryDirectory() as folder:
            try:
                paths = list(draw_run(run, [run.config.max_length], folder=Path(folder)))
            except RunError as error:
                results.missing.append(f"No pictures of {'/'.join(map(str, place))}: {error}.")
                continue
            for path in paths:
                what, _, length = path.stem.partition("-")
                if length:  # the learning curve, which has none, is in a chart
                    caption = f"{place.task}, {place.variant}, seed {place.seed}: {what}, "
                    yield _embedded(f"{caption}length {length}", path)


def _embedded(caption: str, path: Path) -> Picture:
    content = read_file(path)
    if not content.startswith(PNG):
        raise ValueError(f"expected a PNG file, got {path}")
    return Picture(caption, f"data:image/png;base64,{b64encode(content).decode()}")
