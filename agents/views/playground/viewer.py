"""A view as HTML and as files: pictures that stand over each other, and what is in them as data."""

import io
from dataclasses import replace
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agents.views.playground import picture
from agents.views.playground.gallery import Gallery, Look, Looks
from agents.views.playground.settings import Settings
from ntm_gym.render.view import shown_channels


def view_html(gallery: Gallery, settings: Settings) -> str:
    """Returns the view as HTML, whose pictures are addresses of `agents.views.playground.server`.

    `page.js` moves through time in it: it changes the pictures' addresses and the cursors.

    Raises:
        ValueError: the view is impossible; see `Gallery.look`.
    """
    tape, looks = gallery.look(settings)
    steps = len(tape.mask[0])
    query = replace(settings, step=0).query()
    rows = [_row("tape", "input and target", None)]
    rows += [_row(look.name, picture.describe(look, tape), look.slots) for look in looks]
    data = {
        "query": query,
        "steps": steps,
        "step": min(settings.step, steps - 1),
        "columns": settings.columns,
        "left": picture.LEFT,
        "cell": picture.step_width(settings, steps),
        "top": picture.TITLE,
        "bit": picture.BIT,
        "rows": len(shown_channels(tape.inputs.shape[2])),
    }
    attributes = " ".join(f'data-{name}="{escape(str(value))}"' for name, value in data.items())
    return f"""
<div id="ntm" {attributes}>
<div class="ntm-bar">
<button id="ntm-play" type="button">Play</button>
<input id="ntm-step" type="range" min="0" max="{steps - 1}" value="{data["step"]}"
 aria-label="step">
<output id="ntm-now"></output>
<a id="ntm-png" download="view.png">PNG</a>
<a id="ntm-json" download="view.json">JSON</a>
</div>
{"".join(rows)}
</div>"""


def _row(part: str, words: str, slots: int | None) -> str:
    name = escape(quote(part))
    memory = "" if slots is None else f'<img class="ntm-memory" data-part="{name}" alt="memory">'
    return f"""
<div class="ntm-row">
<div class="ntm-over"><img class="ntm-time" data-part="{name}" alt="{escape(words)}">
<i class="ntm-cursor"></i></div>{memory}
</div>"""


def over_time(gallery: Gallery, settings: Settings, part: str) -> bytes:
    """Returns a PNG file of the tape or of an agent, over the steps in view.

    Args:
        gallery: the agents.
        settings: the view.
        part: ``tape`` or the agent's name.

    Raises:
        ValueError: there is no such part, or the view is impossible.
    """
    looks = gallery.look(settings)
    _check_step(settings, looks)
    return as_png(_over_time(looks, settings, part))


def memory_at(gallery: Gallery, settings: Settings, part: str) -> bytes:
    """Returns a PNG file of an agent's memory at the view's step; see `over_time`."""
    looks = gallery.look(settings)
    _check_step(settings, looks)
    return as_png(_memory_at(gallery, looks, settings, _find(looks, part)))


def figure(gallery: Gallery, settings: Settings) -> bytes:
    """Returns a PNG file of the whole view; see `over_time`."""
    looks = gallery.look(settings)
    _check_step(settings, looks)
    rows = []
    for part in ("tape", *settings.agents):
        row = _over_time(looks, settings, part)
        row = picture.mark_step(row, settings, len(looks.tape.mask[0]))
        look = None if part == "tape" else _find(looks, part)
        if look is not None and look.slots is not None:
            row = np.concatenate([row, _memory_at(gallery, looks, settings, look)], axis=1)
        rows.append(row)
    return as_png(picture.stack(rows))


def data(gallery: Gallery, settings: Settings) -> dict[str, Any]:
    """Returns what the view shows as lists and numbers, for JSON; see `over_time`.

    Over time it has the steps in view, and the memories at the view's step, slot by slot.
    """
    looks = gallery.look(settings)
    _check_step(settings, looks)
    tape, window = looks.tape, settings.window(len(looks.tape.mask[0]))
    agents = {}
    for look in looks.looks:
        shown: dict[str, Any] = {
            "slots": look.slots,
            "bits_wrong": int(look.wrong.sum()),
            "answers": _listed(1 / (1 + np.exp(-np.clip(look.logits[window], -50, 50)))),
        }
        trace = look.trace
        if trace is not None and trace.told is not None:
            ways = {"read": trace.read_addresses, "write": trace.write_addresses}
            for name, way in ways.items():
                if way is not None:
                    shown[f"{name}_addresses"] = _listed(way[:, window])
            shown["told"] = {name: _listed(each[:, window]) for name, each in trace.told.items()}
            shown["memory"] = _listed(gallery.memory(settings, look.name).T)
        agents[look.name] = shown
    return {
        "query": settings.query(),
        "task": settings.task,
        "length": settings.length,
        "first_step": window.start,
        "step": settings.step,
        "inputs": _listed(tape.inputs[0, window]),
        "targets": _listed(tape.targets[0, window]),
        "scored": tape.mask[0, window].tolist(),
        "agents": agents,
    }


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    """Returns uint8[height, width, 3] as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _over_time(looks: Looks, settings: Settings, part: str) -> picture.Pixels:
    if part == "tape":
        return picture.draw_tape(settings.made_task, looks.tape, settings)
    return picture.draw_agent(_find(looks, part), looks.tape, settings)


def _memory_at(gallery: Gallery, looks: Looks, settings: Settings, look: Look) -> NDArray[np.uint8]:
    memory = gallery.memory(settings, look.name)
    page = replace(settings, step=settings.window(len(looks.tape.mask[0])).start)
    height = _height(gallery, page, look.name)
    return picture.draw_memory(look, looks.tape, memory, settings.step, height)


@lru_cache(maxsize=512)
def _height(gallery: Gallery, page: Settings, part: str) -> int:
    """Pixels of an agent's picture, which is the same for all steps of a page."""
    return len(_over_time(gallery.look(page), page, part))


def _find(looks: Looks, name: str) -> Look:
    for look in looks.looks:
        if look.name == name:
            return look
    raise ValueError(f"expected an agent of the view, got {name[:40]!r}")


def _check_step(settings: Settings, looks: Looks) -> None:
    steps = len(looks.tape.mask[0])
    if settings.step >= steps:
        raise ValueError(f"expected a step from 0 to {steps - 1}, got {settings.step}")


def _listed(values: NDArray[Any]) -> list[Any]:
    """Nested lists of numbers with four digits."""
    rounded: list[Any] = np.round(values.astype(np.float64), 4).tolist()
    return rounded
