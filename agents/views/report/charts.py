"""Charts to move over: how each variant or agent learned, and how it does beyond training."""

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb, qualitative

from agents.evaluation.pictures import (
    COST,
    ERRORS,
    RETURN,
    LearningCurve,
    Quantity,
    lengths_apart,
    median_curve,
)
from agents.evaluation.summary import grouped
from agents.views.report.results import Curve, Results
from agents.views.report.standings import Standing

LINEAR_BELOW = 0.01
"""Values up to this are drawn on a linear scale, so that 0 can be seen; others on logarithms."""

LONGEST_LABEL = 32
"""Characters of a name in a chart; tables have all of them."""

DASHES = ("solid", "dash", "dashdot")
MARKERS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "pentagon", "cross", "x")


class Chart(NamedTuple):
    """A chart of the page.

    Attributes:
        title: what it shows.
        note: how to read it.
        figure: the figure as JSON for Plotly.
    """

    title: str
    note: str
    figure: str


def learning_charts(results: Results, task: str) -> list[Chart]:
    """Returns a chart for each quantity in the reports of the trainings on a task."""
    names = results.names
    of_task = [
        curve
        for curve in results.curves
        if curve.place.task == task and curve.place.variant in names
    ]
    found = grouped(of_task, lambda curve: curve.quantity)
    return [
        _learning_chart(names, quantity, found[quantity])
        for quantity in (COST, ERRORS, RETURN)
        if quantity in found
    ]


def _learning_chart(names: Sequence[str], quantity: Quantity, found: Sequence[Curve]) -> Chart:
    unit = "training sequences" if quantity.counted else "environment steps"
    lines = _Lines(names, unit, quantity.counted)
    groups = grouped(found, lambda curve: curve.place.variant)
    for name in names:
        own = groups.get(name, [])
        for curve in own if len(own) > 1 else []:
            label = f"{_label(name)}, seed {curve.place.seed}"
            thin = {"name": label, "line_width": 0.8, "opacity": 0.45, "showlegend": False}
            lines.add(curve.points, name, **thin)
        if own:
            lines.add(median_curve([curve.points for curve in own]), name)
    lines.figure.update_xaxes(title=unit, rangemode="tozero", tickformat=",")
    note = "Held out are sequences of the longest length in training. " * quantity.counted
    if len(found) > 1:
        note += "Thick: median over seeds, in which a training that has ended counts with its last "
        note += "value. Thin: each seed."
    return Chart(quantity.name.capitalize(), note, lines.as_json(quantity.name))


def generalisation_chart(results: Results, task: str, found: Sequence[Standing]) -> Chart | None:
    """Returns the chart of the scores against length; None if nothing was evaluated."""
    scored = [standing for standing in found if standing.scores]
    if not scored:
        return None
    kind, lengths = results.kind, np.array(list(scored[0].scores), float)
    lines = _Lines(results.names, "length", kind.counted)
    if longest := results.longest_trained.get(task):
        first = int(lengths[0]) * 0.93
        lines.figure.add_vrect(
            x0=first, x1=longest, fillcolor="#eceef1", line_width=0, layer="below"
        )
    chance = results.random_scores.get(task, {})
    if set(lengths) <= set(chance):
        style = {"color": "#6b7280", "dash": "dot"}
        values = np.array([chance[int(length)] for length in lengths])
        lines.add((lengths, values), "random answers", line=style)
    for number, standing in enumerate(scored):
        means, low, high = np.array(list(standing.scores.values())).T
        changes: dict[str, Any] = {
            "mode": "lines+markers",
            # Lines on one another, as many are at 0, show by markers of several sizes.
            "marker": {
                "symbol": f"{MARKERS[number % len(MARKERS)]}-open",
                "size": 15 - 1.1 * (number % 10),
                "line": {"width": 2},
            },
        }
        if standing.seeds > 1:
            changes["customdata"] = np.stack([means, low, high], axis=1)
            changes["hovertemplate"] = (
                "length %{x:,}<br>%{customdata[0]:.4g} [%{customdata[1]:.4g}, %{customdata[2]:.4g}]"
            )
            lines.add_band([int(length) for length in lengths], low, high, standing.name)
        lines.add((lengths, means), standing.name, **changes)
    ticks = lengths_apart([int(length) for length in lengths], 0.1)  # on a telephone, too
    lines.figure.update_xaxes(
        title="length (grey: in training)",
        type="log",
        tickvals=ticks,
        ticktext=[f"{length:,}" for length in ticks],
    )
    note = "Interquartile mean over seeds, with its 95 % interval as a band."
    if all(standing.seeds == 1 for standing in scored):
        note = "Of one seed; there are no intervals."
    return Chart(f"{kind.score.capitalize()}, by length", note, lines.as_json(kind.score))


class _Lines:
    """The lines of a figure.

    Args:
        names: all names that have a colour.
        unit: what stands along the lines.
        counted: whether their values are errors or costs, from 0 on: drawn by their logarithms.
    """

    def __init__(self, names: Sequence[str], unit: str, counted: bool) -> None:
        self.figure = go.Figure()
        self._names, self._unit, self._counted = names, unit, counted

    def add(self, curve: LearningCurve, whose: str, **changes: Any) -> None:
        """Adds a line in the colour of whose it is, with some properties changed."""
        times, values = curve
        style = changes.pop("line", None) or self._style(whose)
        line = go.Scatter(
            x=times,
            y=self._placed(values),
            customdata=values[:, None],
            name=_label(whose),
            mode="lines",
            line={**style, "width": 2.4},
            # The legend shows and hides a name's lines together.
            legendgroup=whose,
            hovertemplate=f"{self._unit} %{{x:,.0f}}<br>%{{customdata[0]:.4g}}",
        )
        self.figure.add_trace(line.update(**changes))

    def add_band(
        self, lengths: Sequence[int], low: NDArray[Any], high: NDArray[Any], name: str
    ) -> None:
        """Adds the intervals of a line, as an area."""
        red, green, blue = hex_to_rgb(self._style(name)["color"])
        band = go.Scatter(
            x=[*lengths, *reversed(lengths)],
            y=self._placed(np.concatenate([high, low[::-1]])),
            fill="toself",
            fillcolor=f"rgba({red},{green},{blue},0.13)",
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            legendgroup=name,
        )
        self.figure.add_trace(band)

    def _style(self, name: str) -> dict[str, Any]:
        """The colour, and beyond the tenth another dash, that a name has in all charts."""
        number = self._names.index(name)
        return {"color": qualitative.D3[number % 10], "dash": DASHES[number // 10 % len(DASHES)]}

    def _placed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where values stand; counts on an axis that begins at 0 and goes on in powers of ten."""
        if not self._counted:
            return values
        large = np.maximum(values, LINEAR_BELOW)
        return np.where(
            values < LINEAR_BELOW, values / LINEAR_BELOW, 1 + np.log10(large / LINEAR_BELOW)
        )

    def as_json(self, values: str) -> str:
        """Returns the figure, whose values are named so."""
        figure = self.figure
        if self._counted:  # Plotly does not know such an axis
            drawn = np.concatenate([trace.y for trace in figure.data])
            top = float(drawn[np.isfinite(drawn)].max(initial=1.0))
            ticks = [0.0, *(LINEAR_BELOW * 10**power for power in range(int(top)))]
            figure.update_yaxes(
                tickvals=self._placed(np.array(ticks)),
                ticktext=[f"{value:,.10g}" for value in ticks],
                range=[-0.12, 1.04 * top],
                zeroline=False,
            )
        figure.update_layout(
            template="plotly_white",
            font={"family": "system-ui, sans-serif", "size": 13},
            hovermode="closest",
            hoverlabel={"namelength": -1},
            margin={"l": 8, "r": 32, "t": 12, "b": 8},  # right: half of the last tick's label
        )
        figure.update_xaxes(automargin=True)
        figure.update_yaxes(title=values, automargin=True)
        # It stands within a script of the page, which no text may end.
        return str(figure.to_json()).replace("<", "\\u003c")


def _label(name: str) -> str:
    """A name in a chart, where a long one would leave no place for the lines."""
    if len(name) > LONGEST_LABEL:
        name = name[: LONGEST_LABEL - 1] + "…"
    # Plotly takes some HTML in a name for what it is.
    return escape(name, quote=False)
