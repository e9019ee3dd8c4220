"""Tell how long a comparison would take on other numbers of cores, from how long its runs took.

python scripts/dev/makespan.py runs/curricula/scores.csv --cores 1 2 8 64
python scripts/dev/makespan.py runs/curricula/scores.csv --cores 64 --runs 1000 --more-seconds 40
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import say


def main(
    scores: tyro.conf.Positional[Path],
    cores: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128),
    runs: int | None = None,
    more_seconds: float = 0.0,
) -> None:
    """Print a Markdown table: for each number of cores when all runs are done.

    Args:
        scores: scores.csv of a comparison.
        cores: the numbers of cores.
        runs: how many runs there are; more than the comparison's are its own again and again.
        more_seconds: what each run takes beside training: starting, evaluation, waiting.
    """
    from agents.lab.makespan import makespan_table, training_seconds

    say(makespan_table(training_seconds(scores, runs, more_seconds), cores))


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
