"""Tables that the scripts print."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from agents.cli.console import console


def print_scores(scores: Iterable[Sequence[Any]]) -> None:
    """Prints a table with a row for each length, each shown as soon as it is there.

    Args:
        scores: for each length the agent's, the random agent's and the oracle's.
    """
    # Without padding, so that all columns fit into 80 characters.
    table = Table(title="Mean bits per sequence; failed: with a wrong bit", padding=0)
    columns = ["length", "slots", "bits", "wrong", "failed", "cost"]
    for name in (*columns, "random\nwrong", "oracle\nwrong", "oracle\ncost"):
        table.add_column(name, justify="right")
    with Live(table, console=console):
        for agent, chance, oracle in scores:
            table.add_row(
                f"{agent.length:,}",
                "-" if agent.slots is None else f"{agent.slots:,}",
                f"{agent.scored_bits:,.0f}",
                f"{agent.bit_errors:,.2f}",
                f"{round(agent.episodes * (1 - agent.perfect)):,} of {agent.episodes:,}",
                f"{agent.cost_bits:,.3f}",
                f"{chance.bit_errors:,.1f}",
                f"{oracle.bit_errors:,.1f}",
                f"{oracle.cost_bits:,.1f}",
            )


@contextmanager
def speed_table() -> Iterator[Callable[[Any], None]]:
    """Shows a table that grows, and gives the function that adds a measurement to it."""
    table = Table(title="One core; ratio: to the baseline in the same run")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("baseline")
    table.add_column("its figure", justify="right")
    table.add_column("ratio", justify="right")
    with Live(table, console=console):

        def add(speed: Any) -> None:
            compared = (
                (speed.baseline, f"{speed.baseline_value:,.4g}", f"{speed.ratio:.2f}")
                if speed.baseline
                else ()
            )
            table.add_row(speed.what, f"{speed.value:,.4g} {speed.unit}", *compared)

        yield add


def print_tally(tally: Any) -> None:
    """Prints what became of damaged files, a row for each loader."""
    outcomes = sorted({outcome for _, outcome in tally.outcomes})
    table = Table("loader", *outcomes, "files a second", padding=0)
    for name, seconds in tally.seconds.items():
        counts = [tally.outcomes[name, outcome] for outcome in outcomes]
        table.add_row(name, *map(str, counts), f"{sum(counts) / seconds:.0f}")
    console.print(table)
    console.print(f"Peak memory grew by {tally.peak_growth:.0f} MiB.")


def print_replayed(replayed: Iterable[Any]) -> None:
    """Prints updates that were left out, a row for each."""
    table = Table(title="Updates left out", padding=0)
    for name in ("after", "gradient", "steepest", "largest weight", "first not finite"):
        table.add_column(name, overflow="fold")
    for update in replayed:
        table.add_row(
            f"{update.sequences:,}",
            f"{update.norm:.3g}",
            update.steepest,
            f"{update.largest_weight:.3g}",
            escape(", ".join(update.not_finite)) or "-",
        )
    console.print(table)


def print_faults(found: Mapping[str, Any]) -> None:
    """Prints what trainings were put through, a row for each kind."""
    table = Table(title="Trainings that were stopped and went on", padding=0)
    for name in ("kind", "stops", "of these", "damaged", "finished", "lost", "problems"):
        table.add_column(name, overflow="fold")
    for kind, faults in found.items():
        table.add_row(
            kind,
            f"{faults.stops.total():,}",
            ", ".join(f"{count} {name}" for name, count in sorted(faults.stops.items())),
            f"{faults.damaged:,}",
            f"{faults.finished:,}",
            f"{statistics.mean(faults.lost):,.0f}, at most {max(faults.lost):,}",
            f"{len(faults.problems):,}",
        )
    console.print(table)
    console.print("Lost: training sequences that were reported before a stop and trained again.")


def print_soaked(runs: Sequence[Any]) -> None:
    """Prints how long work of several processes went on, a row for each."""
    table = Table(title=f"{runs[0].parts[-1].done:,} {runs[0].what}", padding=0)
    for name in ("per second: first part", "median", "last", "MiB after a tenth", "end", "SHA-256"):
        table.add_column(name)
    for run in runs:
        speeds = [part.per_second for part in run.parts]
        table.add_row(
            *(f"{speed:,.0f}" for speed in (speeds[0], statistics.median(speeds), speeds[-1])),
            f"{run.parts[-1].mebibytes / (1 + run.growth):,.1f}",
            f"{run.parts[-1].mebibytes:,.1f} ({run.growth:+.2%})",
            run.digest[:12],
        )
    console.print(table)


def print_loads(loads: Sequence[Any]) -> None:
    """Prints what visitors of the playground met, a row for each number of them."""
    table = Table(title="Visitors at once", padding=0)
    for name in ("visitors", "views", "view, s", "95 %", "step, s", "95 %", "cores", "MiB"):
        table.add_column(name)
    for each in loads:
        seconds = *each.view_seconds, *each.step_seconds
        table.add_row(
            f"{each.visitors}",
            f"{len(each.views)}",
            *(f"{value:.3f}" for value in seconds),
            f"{each.cores:.2f}",
            f"{each.mebibytes:,.0f}",
        )
    console.print(table)


def print_profile(batch: int, profile: Any) -> None:
    """Prints the kernels of one update by kind.

    Args:
        batch: sequences of the update.
        profile: see `agents.lab.speed.profiling.Profile`.
    """
    calls = sum(each.calls for each in profile.kernels)
    recorded = sum(each.milliseconds for each in profile.kernels)
    title = f"An update of {batch}: {profile.milliseconds:.2f} ms, {calls:,.0f} kernels"
    table = Table(title=title)
    for name in ("kernels", "calls", "of all", "ms, recorded", "of all"):
        table.add_column(name)
    for each in profile.kernels:
        shares = each.calls / calls, each.milliseconds / recorded
        cells = f"{each.calls:,.0f}", f"{shares[0]:.0%}", f"{each.milliseconds:.2f}"
        table.add_row(each.kind, *cells, f"{shares[1]:.0%}")
    console.print(table)
