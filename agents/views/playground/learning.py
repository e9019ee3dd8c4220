"""A training that is watched: Copy from nothing, report by report."""

import base64
import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from agents.evaluation.scores import held_out
from agents.inspection.tracing import STRETCH, Tracer
from agents.recipes.supervised import recipe
from agents.storage.networks import cell_of
from agents.storage.runs import Run
from agents.training.loop import end
from agents.training.restarts import building
from agents.training.supervised import SupervisedTraining
from agents.views.playground.gallery import look_at
from agents.views.playground.picture import draw_agent, draw_memory, draw_tape, stack
from agents.views.playground.settings import Settings
from agents.views.playground.viewer import as_png

MOST_SAVED = 100
"""Runs that are saved from the page into one folder."""


class LiveTraining:
    """The recipe of Copy, which ends as soon as the task is solved or its budget is spent.

    Args:
        seed: its seed.

    Raises:
        ValueError: the seed is negative.
    """

    def __init__(self, seed: int) -> None:
        config = recipe("copy")
        self._config = dataclasses.replace(config, seed=seed, stop_when_solved=True)
        with building:
            self._training = SupervisedTraining(self._config)
        self._settings = Settings(length=self._config.max_length, step=self._config.max_length)
        self._tape = held_out(self._config.task, self._config.max_length, 1, 0)
        self._tracer = Tracer(cell_of(self._training.network))
        # Held while the training is at work: a page may ask again before it has heard of the end.
        self._busy = threading.Lock()
        self._turn: object = None

    @property
    def ended(self) -> bool:
        """Whether it is solved or its budget is spent."""
        return self._training.ended

    def reports(self) -> Iterator[None]:
        """Trains on and gives a sign after each report, up to the end, `stop` or a later call.

        Raises:
            RunError: it has gone astray.
        """
        turn = self._turn = object()
        while True:
            with self._busy:
                if self._turn is not turn or self.ended:
                    return
                self._training.advance()
            yield

    def stop(self) -> None:
        """Ends `reports` after the one that it is at; another call goes on."""
        self._turn = None

    def describe(self) -> str:
        """How far it is, in a line."""
        rows = self._training.rows
        if not rows:
            return "Nothing learned yet."
        last = rows[-1]
        ended = "" if not self.ended else " Solved." if self._training.solved else " Budget spent."
        return (
            f"{int(last['sequences']):,} sequences, {last['seconds']:.0f} s:"
            f" {last['held_out_bit_errors']:.2f} of"
            f" {self._config.max_length * self._config.task.width} bits wrong in new sequences of"
            f" the longest length.{ended}"
        )

    def html(self) -> str:
        """Its curve, and what it does with one tape now."""
        trace = self._tracer.trace(self._tape.inputs[0])
        look = look_at("now", self._tracer.cell.slots, trace.logits, trace, self._tape)
        over = draw_agent(look, self._tape, self._settings)
        step = self._settings.step
        memory = self._tracer.memory(trace, step)[step % STRETCH]
        below = np.concatenate(
            [over, draw_memory(look, self._tape, memory, step, len(over))], axis=1
        )
        above = draw_tape(self._config.task, self._tape, self._settings)
        picture = base64.b64encode(as_png(stack([above, below]))).decode()
        return (
            f'{self._curve()}<img alt="what it does now" style="max-width: none"'
            f' src="data:image/png;base64,{picture}">'
        )

    def _curve(self) -> str:
        """Wrong bits of held-out sequences over the training sequences, as SVG."""
        rows = self._training.rows
        wrong = [row["held_out_bit_errors"] for row in rows]
        highest = max([self._config.max_length * self._config.task.width / 2, *wrong])
        across = max(20, len(rows))
        points = " ".join(
            f"{116 + 960 * (number + 1) / across:.1f},{84 - 76 * errors / highest:.1f}"
            for number, errors in enumerate(wrong)
        )
        return (
            '<svg width="1084" height="92" role="img" aria-label="wrong bits so far">'
            '<text x="8" y="20" font-size="13">wrong bits</text>'
            '<line x1="116" x2="1076" y1="84" y2="84" stroke="#969ba5"/>'
            f'<polyline points="{points}" fill="none" stroke="#b2182b" stroke-width="2"/></svg>'
        )

    def save(self, folder: Path) -> Path:
        """Writes it as a run that has ended, which other scripts take, and returns the folder.

        Raises:
            RunError: the folder holds something.
        """
        with self._busy:
            run = Run.create(folder, self._config)
            run.metrics.write(self._training.rows)
            run.write_json("curriculum.json", self._training.curriculum.get_state())
            end(self._training, run)
            return run.folder


def free_folder(runs: Path) -> Path:
    """Returns a folder for a run that does not exist yet.

    Raises:
        OSError: there are `MOST_SAVED` already.
    """
    for number in range(MOST_SAVED):
        folder = runs / f"copy-page-{number}"
        if not folder.exists():
            return folder
    raise OSError(f"expected fewer than {MOST_SAVED} saved runs in {runs}")
