"""Charts to move over: how each variant or agent learned, and how it does beyond training."""

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb, qualitative

from agents.evaluation.pictures import median_curve
from agents.experiments.comparison.figures import lengths_apart
from agents.views.report.results import BENCHMARK, Curve, Results
from agents.views.report.sources import QUANTITIES
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
    """Returns a chart for each quantity that the trainings on a task told of."""
    charts = []
    for quantity in QUANTITIES.values():
        told = (task, quantity)
        found = [
            curve
            for curve in results.curves
            if (curve.place.task, curve.quantity) == told and curve.place.variant in results.names
        ]
        if found:
            charts.append(_learning_chart(results, quantity, found))
    return charts


def _learning_chart(results: Results, quantity: str, found: Sequence[Curve]) -> Chart:
    # Returns can be negative, and need no logarithm.
    counted = quantity != QUANTITIES["mean_return"]
    unit = "training sequences" if counted else "environment steps"
    figure = go.Figure()
    for name in results.names:
        own = [curve for curve in found if curve.place.variant == name]
        if not own:
            continue
        style = _style(results.names, name)
        for curve in own if len(own) > 1 else []:
            thin = _line(curve.points, name, style, counted, unit)
            label = f"{thin.name}, seed {curve.place.seed}"
            thin.update(name=label, opacity=0.45, line_width=0.8, showlegend=False)
            figure.add_trace(thin)
        points = median_curve([curve.points for curve in own])
        figure.add_trace(_line(points, name, style, counted, unit))
    figure.update_xaxes(title=unit, rangemode="tozero", tickformat=",")
    if counted:
        figure.update_yaxes(**_zero_and_logarithms(figure))
    figure.update_yaxes(title=quantity)
    note = "Held out are sequences of the longest length in training. " if counted else ""
    if len(found) > 1:
        note += "Thick: median over seeds, in which a training that has ended counts with its last "
        note += "value. Thin: each seed."
    return Chart(quantity.capitalize(), note, _as_json(figure))


def generalisation_chart(results: Results, task: str, found: Sequence[Standing]) -> Chart | None:
    """Returns the chart of the scores against length; None if nothing was evaluated."""
    scored = [standing for standing in found if standing.scores]
    if not scored:
        return None
    lengths = list(scored[0].scores)
    counted = results.kind is not BENCHMARK
    figure = go.Figure()
    if longest := results.longest_trained.get(task):
        figure.add_vrect(
            x0=min(lengths) * 0.93, x1=longest, fillcolor="#eceef1", line_width=0, layer="below"
        )
    chance = results.random_scores.get(task, {})
    if set(lengths) <= set(chance):
        points = np.array(lengths, float), np.array([chance[length] for length in lengths])
        style = {"color": "#6b7280", "dash": "dot"}
        figure.add_trace(_line(points, "random answers", style, counted, "length"))
    for number, standing in enumerate(scored):
        style = _style(results.names, standing.name)
        means, low, high = np.array(list(standing.scores.values())).T
        points = np.array(lengths, float), means
        line = _line(points, standing.name, style, counted, "length")
        line.update(
            mode="lines+markers",
            # Lines on one another, as many are at 0, show by markers of several sizes.
            marker={
                "symbol": f"{MARKERS[number % len(MARKERS)]}-open",
                "size": 15 - 1.1 * (number % 10),
                "line": {"width": 2},
            },
        )
        if standing.seeds > 1:
            line.update(
                customdata=np.stack([means, low, high], axis=1),
                hovertemplate="length %{x:,}<br>%{customdata[0]:.4g}"
                " [%{customdata[1]:.4g}, %{customdata[2]:.4g}]",
            )
            figure.add_trace(_band(lengths, low, high, standing.name, style["color"], counted))
        figure.add_trace(line)
    ticks = lengths_apart(lengths, 0.1)  # on a telephone, too
    figure.update_xaxes(
        title="length (grey: in training)",
        type="log",
        tickvals=ticks,
        ticktext=[f"{length:,}" for length in ticks],
    )
    if counted:
        figure.update_yaxes(**_zero_and_logarithms(figure))
    figure.update_yaxes(title=results.kind.score)
    note = "Interquartile mean over seeds, with its 95 % interval as a band."
    if all(standing.seeds == 1 for standing in scored):
        note = "Of one seed; there are no intervals."
    title = f"{results.kind.score.capitalize()}, by length"
    return Chart(title, note, _as_json(figure))


def _style(names: Sequence[str], name: str) -> dict[str, Any]:
    """The colour, and beyond the tenth another dash, that a name has in all charts."""
    number = names.index(name)
    return {"color": qualitative.D3[number % 10], "dash": DASHES[number // 10 % len(DASHES)]}


def _line(
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    name: str,
    style: dict[str, Any],
    counted: bool,
    unit: str,
) -> Any:
    """A line; `counted` says whether its values are errors or costs, from 0 on."""
    times, values = points
    return go.Scatter(
        x=times,
        y=_squeezed(values) if counted else values,
        customdata=values[:, None],
        name=_label(name),
        mode="lines",
        line={**style, "width": 2.4},
        # The legend shows and hides a name's lines together.
        legendgroup=name,
        hovertemplate=f"{unit} %{{x:,.0f}}<br>%{{customdata[0]:.4g}}",
    )


def _label(name: str) -> str:
    """A name in a chart, where a long one would leave no place for the lines."""
    if len(name) > LONGEST_LABEL:
        name = name[: LONGEST_LABEL - 1] + "…"
    # Plotly takes some HTML in a name for what it is.
    return escape(name, quote=False)


def _band(
    lengths: Sequence[int],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    name: str,
    colour: str,
    counted: bool,
) -> Any:
    values = np.concatenate([high, low[::-1]])
    red, green, blue = hex_to_rgb(colour)
    return go.Scatter(
        x=[*lengths, *reversed(lengths)],
        y=_squeezed(values) if counted else values,
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.13)",
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        legendgroup=name,
    )


def _squeezed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where values stand on an axis that begins at 0 and goes on in powers of ten."""
    large = np.maximum(values, LINEAR_BELOW)
    return np.where(
        values < LINEAR_BELOW, values / LINEAR_BELOW, 1 + np.log10(large / LINEAR_BELOW)
    )


def _zero_and_logarithms(figure: Any) -> dict[str, Any]:
    """The ticks of such an axis, which Plotly does not know, up to the largest value drawn."""
    drawn = np.concatenate([trace.y for trace in figure.data])
    top = float(drawn[np.isfinite(drawn)].max(initial=1.0))
    values = [0.0, *(LINEAR_BELOW * 10**power for power in range(int(top)))]
    return {
        "tickvals": _squeezed(np.array(values)),
        "ticktext": [f"{value:,.10g}" for value in values],
        "range": [-0.12, 1.04 * top],
        "zeroline": False,
    }


def _as_json(figure: Any) -> str:
    figure.update_layout(
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "size": 13},
        hovermode="closest",
        hoverlabel={"namelength": -1},
        margin={"l": 8, "r": 32, "t": 12, "b": 8},  # at the right, half of the last tick's label
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    # It stands within a script of the page, which no text may end.
    return str(figure.to_json()).replace("<", "\\u003c")
