"""The playground's page: controls, the view of their settings, and a training to watch."""

import dataclasses
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from agents.inspection.interventions import HEADS
from agents.storage.runs import RunError
from agents.views.playground.gallery import Gallery
from agents.views.playground.learning import LiveTraining, free_folder
from agents.views.playground.settings import (
    COLUMNS,
    MOST_AGENTS,
    Settings,
    read_flips,
    read_interventions,
    whole_number,
)
from agents.views.playground.viewer import view_html

FOLDER = Path(__file__).parent
TRAININGS = 2
"""Visitors whose networks are trained at the same time; others wait."""
KEPT = 1800
"""Seconds that a visitor's training is kept after its last use."""

STEP_OF_PAGE = "(...values) => [...values.slice(0, -1), window.ntmStep()]"
"""Adds the step that the page is at to a view's settings."""


def theme() -> Any:
    """Colours and fonts of the page; no font comes from elsewhere."""
    return gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])


def build_page(gallery: Gallery, runs: Path | None = None) -> gr.Blocks:
    """Returns the page.

    Args:
        gallery: the agents on offer.
        runs: the folder that a training is saved in, as a run; None if it cannot be saved.
    """
    first = gallery.default(gallery.tasks[0])
    with gr.Blocks(title="ntm_gym playground", analytics_enabled=False, fill_width=True) as page:
        with gr.Tab("Look inside"):
            _look_tab(gallery, first, page)
        with gr.Tab("Watch it learn"):
            _learn_tab(runs)
    return page


def _look_tab(gallery: Gallery, first: Settings, page: gr.Blocks) -> None:
    with gr.Row():
        task = gr.Dropdown(gallery.tasks, value=first.task, elem_id="ntm-task", label="task")
        agents = gr.Dropdown(
            gallery.agents(first.task),
            value=list(first.agents),
            multiselect=True,
            max_choices=MOST_AGENTS,
            elem_id="ntm-agents",
            label="agents, side by side",
            scale=2,
        )
        length = gr.Number(first.length, precision=0, elem_id="ntm-length", label="length")
        slots = gr.Number(
            0,
            precision=0,
            elem_id="ntm-slots",
            label="memory slots (0: enough)",
        )
        seed = gr.Number(0, precision=0, elem_id="ntm-seed", label="seed of the tape")
        columns = gr.Dropdown(
            list(COLUMNS), value=first.columns, elem_id="ntm-columns", label="steps in view"
        )
    with gr.Accordion("What if ...", open=False), gr.Row():
        content = gr.Checkbox(True, elem_id="ntm-content", label="heads can look up content")
        freeze = gr.Checkbox(
            False, elem_id="ntm-freeze", label="freeze the share of content (interpolation gate)"
        )
        share = gr.Slider(
            0, 1, value=0, step=0.05, elem_id="ntm-share", label="share of content, if frozen"
        )
        noise = gr.Slider(
            0, 1, value=0, step=0.01, elem_id="ntm-noise", label="noise in memory at each step"
        )
        start = gr.Number(
            0, precision=0, elem_id="ntm-start", label="heads begin so many slots further"
        )
        heads = gr.Radio(
            list(HEADS), value="both", elem_id="ntm-heads", label="which heads (not the noise)"
        )
        first_step = gr.Number(0, precision=0, elem_id="ntm-first-step", label="from which step on")
    flips = gr.Textbox(
        "",
        label="edited bits: click on the input, or write step.channel step.channel ...",
        elem_id="ntm-flips",
        max_length=4000,
    )
    message = gr.HTML("", elem_id="ntm-message")
    view = gr.HTML("", elem_id="ntm-view")
    step = gr.Number(0, visible="hidden")

    controls = [task, agents, length, slots, seed, columns, flips]
    what_if = [content, freeze, share, noise, start, heads, first_step]

    def values_of(settings: Settings) -> list[Any]:
        changed = settings.interventions
        frozen = changed.content_share is not None
        return [
            settings.task,
            gr.Dropdown(gallery.agents(settings.task), value=list(settings.agents)),
            settings.length,
            settings.slots,
            settings.seed,
            settings.columns,
            " ".join(f"{step}.{channel}" for step, channel in settings.flips),
            changed.content,
            frozen,
            changed.content_share if frozen else 0,
            changed.noise,
            changed.start,
            changed.heads,
            changed.first_step,
        ]

    def update(*values: Any) -> tuple[Any, Any]:
        try:
            return "", view_html(gallery, read_controls(values))
        except ValueError as error:
            return _said(error), gr.skip()

    def change_task(name: str) -> list[Any]:
        if name not in gallery.tasks:
            return [_said(ValueError("no such task")), gr.skip(), *[gr.skip()] * len(values)]
        settings = gallery.default(name)
        return ["", view_html(gallery, settings), *values_of(settings)]

    def restore(request: gr.Request) -> list[Any]:
        said, settings = "", first
        try:
            settings = Settings.from_query(dict(request.query_params))
            html = view_html(gallery, settings)
        except ValueError as error:
            said, settings = _said(error), first
            html = view_html(gallery, settings)
        return [said, html, *values_of(settings)]

    values = [*controls, *what_if]
    changes = [control.input for control in values if control not in (task, flips)]
    changes.append(flips.change)  # an edit by a click is no input to Gradio
    gr.on(
        changes,
        update,
        [*values, step],
        [message, view],
        js=STEP_OF_PAGE,
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )
    shown = [message, view, *values]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    task.input(change_task, task, shown, **quiet)
    page.load(restore, None, shown, **quiet)


def read_controls(values: Any) -> Settings:
    """Returns the settings that the page's controls have, the step last.

    Raises:
        ValueError: a control is empty or out of its range.
    """
    task, agents, length, slots, seed, columns, flips, *changed, step = values
    content, freeze, share, noise, start, heads, first_step = changed
    seed = _whole("seed", seed)
    texts = {
        "content": str(bool(content)),
        "content_share": str(share) if freeze else "None",
        "noise": str(noise),
        "start": str(_whole("start", start)),
        "heads": str(heads),
        "first_step": str(_whole("first step", first_step)),
    }
    settings = Settings(
        task=str(task),
        agents=tuple(map(str, agents)),
        length=_whole("length", length),
        slots=_whole("slots", slots),
        seed=seed,
        flips=read_flips(str(flips)),
        columns=_whole("columns", columns),
        interventions=read_interventions(texts, seed),
    )
    return dataclasses.replace(settings, step=_whole("step", step))


def _learn_tab(runs: Path | None) -> None:
    gr.Markdown(
        "A network learns Copy from nothing, on sequences of up to 20 vectors. Below is what it"
        " does with a tape that it never saw: first it answers at random and its heads wander,"
        " then it finds out how to use its memory."
    )
    with gr.Row():
        seed = gr.Number(0, precision=0, label="seed")
        start = gr.Button("Begin anew", variant="primary", elem_id="ntm-begin")
        go_on = gr.Button("Go on", elem_id="ntm-go-on")
        stop = gr.Button("Stop", elem_id="ntm-stop")
        save = gr.Button("Save as a run", visible=runs is not None, elem_id="ntm-save")
    said = gr.HTML("", elem_id="ntm-said")
    shown = gr.HTML("", elem_id="ntm-learning")
    training = gr.State(None, time_to_live=KEPT)

    def begin(seed: Any, earlier: LiveTraining | None) -> Iterator[Any]:
        halt(earlier)
        try:
            live = LiveTraining(_whole("seed", seed))
        except ValueError as error:
            yield None, _said(error), gr.skip()
            return
        yield live, "Compiling ...", live.html()
        yield from watch(live)

    def resume(live: LiveTraining | None) -> Iterator[Any]:
        if live is None:
            yield None, "Begin first.", gr.skip()
            return
        yield live, live.describe(), live.html()
        yield from watch(live)

    def watch(live: LiveTraining) -> Iterator[Any]:
        # Nothing is said after the last report: by then, something else may have been asked for.
        try:
            for _ in live.reports():
                yield live, live.describe(), live.html()
        except RunError as error:
            yield live, _said(error), live.html()

    def keep(live: LiveTraining | None) -> str:
        if live is None or runs is None:
            return "Begin first."
        try:
            return f"Saved: {escape(str(live.save(free_folder(runs))))}"
        except (RunError, OSError) as error:
            return _said(error)

    def halt(live: LiveTraining | None) -> None:
        if live is not None:
            live.stop()

    limits: dict[str, Any] = {
        "concurrency_limit": TRAININGS,
        "concurrency_id": "training",
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    outputs = [training, said, shown]
    start.click(begin, [seed, training], outputs, **limits)
    go_on.click(resume, training, outputs, **limits)
    stop.click(halt, training, api_visibility="private")
    save.click(keep, training, said, api_visibility="private")


def _said(error: Exception) -> str:
    return f'<p class="ntm-error">{escape(str(error))}</p>'


def _whole(name: str, value: Any) -> int:
    """A control's value as an integer.

    Raises:
        ValueError: it is empty or no integer.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return whole_number(name, "" if value is None else str(value))
