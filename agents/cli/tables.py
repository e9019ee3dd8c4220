"""Tables that the scripts print."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from agents.cli.console import console

if TYPE_CHECKING:  # loads TensorFlow
    from agents.evaluation.scores import Score
    from agents.lab.replay import Replayed


def print_table(title: str, rows: Iterable[Mapping[str, str]]) -> None:
    """Prints rows, each as soon as it is there: the text of each column by its name."""
    table = Table(title=title, padding=0)  # so that many columns fit into 80 characters
    with Live(table, console=console):
        for row in rows:
            for name in row if not table.columns else ():
                table.add_column(name, justify="right", overflow="fold")
            table.add_row(*map(escape, row.values()))
    if not console.is_terminal:
        console.line()


def print_scores(scores: Iterable[Sequence["Score"]]) -> None:
    """Prints scores, a row for each length.

    Args:
        scores: for each length the agent's, the random agent's and the oracle's.
    """
    rows = (
        {
            "length": f"{agent.length:,}",
            "slots": "-" if agent.slots is None else f"{agent.slots:,}",
            "bits": f"{agent.scored_bits:,.0f}",
            "wrong": f"{agent.bit_errors:,.2f}",
            "failed": f"{round(agent.episodes * (1 - agent.perfect)):,} of {agent.episodes:,}",
            "cost": f"{agent.cost_bits:,.3f}",
            "random\nwrong": f"{chance.bit_errors:,.1f}",
            "oracle\nwrong": f"{oracle.bit_errors:,.1f}",
            "oracle\ncost": f"{oracle.cost_bits:,.1f}",
        }
        for agent, chance, oracle in scores
    )
    print_table("Mean bits per sequence; failed: with a wrong bit", rows)


def print_replayed(replayed: Iterable["Replayed"]) -> None:
    """Prints updates that were left out, a row for each."""
    rows = (
        {
            "after": f"{update.sequences:,}",
            "gradient": f"{update.norm:.3g}",
            "steepest": update.steepest,
            "largest weight": f"{update.largest_weight:.3g}",
            "first not finite": ", ".join(update.not_finite) or "-",
        }
        for update in replayed
    )
    print_table("Updates left out", rows)
