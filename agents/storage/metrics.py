"""A run's `metrics.csv`: one row of numbers for each report.

Rows are added at its end; a run that goes on writes the whole file anew.
"""

import csv
import io
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.storage.files import RunError, read_file, replacing

LARGEST_TABLE = 2**26
"""Bytes of a table of results; a larger one is refused before it is read."""

MOST_ROWS = 2**18
"""Rows of a run's file."""


Curve = list[tuple[int, float]]
"""Environment steps so far, and the mean return of the episodes since the last point."""


class Metrics:
    """The rows of the file at a path, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, row: Mapping[str, float]) -> None:
        """Adds a row, and the header before the first."""
        begins = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row)
            if begins:
                writer.writeheader()
            writer.writerow(row)

    def write(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Writes the file anew, with these rows alone; without any, there is no such file."""
        if not rows:
            self.path.unlink(missing_ok=True)
            return
        with replacing(self.path) as path, path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    def read(self) -> list[dict[str, float]]:
        """Returns the rows.

        Raises:
            RunError: the run has reported nothing yet, or the file is damaged.
        """
        try:
            text = io.StringIO(read_file(self.path, LARGEST_TABLE).decode(), newline="")
            rows = [
                {name: float(value) for name, value in row.items()}
                for row in itertools.islice(csv.DictReader(text), MOST_ROWS + 1)
            ]
            if len(rows) > MOST_ROWS:
                raise ValueError(f"more than {MOST_ROWS:,} rows")
        except FileNotFoundError:
            raise RunError(f"expected reports in {self.path}, got none") from None
        # A row with too few or too many values holds None or a list.
        except (ValueError, TypeError, csv.Error) as error:
            raise RunError(f"expected rows of numbers in {self.path}, got {error}") from error
        if not rows:
            raise RunError(f"expected reports in {self.path}, got none")
        return rows
