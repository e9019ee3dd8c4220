"""A run's folder: all that is needed to understand, repeat and use one training run.

    config.json       every setting, the command, versions and commit
    metrics.csv       one row for each report
    curriculum.json   what the curriculum has learned, as of the last report
    checkpoints/      the last states of the training, from which it can go on
    model.keras       the network, when training has ended
    evaluation.json   scores at each length, beside those of the random and the oracle agent
    figures/          pictures
    events/           TensorBoard events, if asked for

Files appear whole or not at all. Rows are added to metrics.csv; a run that goes on writes it anew.
"""

import csv
import dataclasses
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from agents.config import TrainConfig, config_from_dict
from agents.files import replacing, temporary
from agents.reward_config import RewardConfig, reward_config_from_dict

FORMAT = 1
"""Changes when a run of an older version can no longer be read."""


class RunError(RuntimeError):
    """A run's folder is missing, incomplete or in the way."""


class Run:
    """The folder of one run; see the module's text.

    Args:
        folder: the folder, which must exist.
        config: the settings, a `TrainConfig` or a `RewardConfig`.
    """

    def __init__(self, folder: Path, config: Any) -> None:
        self.folder = folder
        self.config = config

    @classmethod
    def create(
        cls, folder: str | Path, config: TrainConfig | RewardConfig, overwrite: bool = False
    ) -> "Run":
        """Makes the folder and writes `config.json`.

        Cut off at any moment, it leaves a folder that it can replace.

        Raises:
            RunError: the folder holds something, and it is no run or `overwrite` is not given.
        """
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise RunError(f"expected a folder for the run, got the file {folder}")
        folder.mkdir(parents=True, exist_ok=True)
        # The settings of an earlier run are replaced last: without them it would be no run. Its
        # network goes first: with it, training would have ended.
        kept = {"config.json", temporary(folder / "config.json").name}
        if (folder / "config.json").is_file():
            if not overwrite:
                raise RunError(f"{folder} holds a run already; give --overwrite to replace it")
            (folder / "model.keras").unlink(missing_ok=True)
            for path in [path for path in folder.iterdir() if path.name not in kept]:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        elif not {path.name for path in folder.iterdir()} <= kept:
            raise RunError(f"expected an empty folder or an earlier run, got {folder}")
        run = cls(folder, config)
        run.write_json(
            "config.json",
            {
                "format": FORMAT,
                "learning": _learning(config),
                "task": config.name,
                "cell": config.cell.name,
                "settings": dataclasses.asdict(config),
                "command": sys.argv,
                "versions": _versions(),
                "commit": _commit(),
            },
        )
        return run

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """Opens an earlier run.

        Raises:
            RunError: there is no run, or one of another format.
        """
        folder = Path(folder)
        try:
            written = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            if written.get("format") != FORMAT:
                raise RunError(
                    f"expected a run of format {FORMAT} in {folder}, got {written.get('format')!r}"
                )
            cell = written.get("cell", "ntm")  # older runs have no other
            if written.get("learning") == "reward":
                return cls(folder, reward_config_from_dict(written["settings"], cell))
            return cls(folder, config_from_dict(written["task"], written["settings"], cell))
        except FileNotFoundError:
            raise RunError(f"expected a run's folder with config.json, got {folder}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"expected settings in {folder}/config.json, got {error}") from error

    @classmethod
    def resume(
        cls, folder: str | Path, config: TrainConfig | RewardConfig, force: bool = False
    ) -> "Run":
        """Opens a run of these settings and of these versions to go on with it, or makes one.

        Args:
            folder: the folder.
            config: the settings.
            force: also go on with a run of other settings or versions, by these.

        Raises:
            RunError: the folder holds a run of others, which are named, or something else.
        """
        folder = Path(folder)
        if not (folder / "config.json").exists():
            return cls.create(folder, config)
        run = cls.open(folder)
        written = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        theirs, ours = (
            {"learning": _learning(each), "task": each.name, "cell": each.cell.name}
            for each in (run.config, config)
        )
        differences = [
            *_differences(theirs, ours),
            *_differences(dataclasses.asdict(run.config), dataclasses.asdict(config)),
            *_differences(written.get("versions"), _versions(), "version"),
        ]
        if differences and not force:
            raise RunError(f"the run in {folder} has {'; '.join(differences)}; --force goes on")
        return cls(folder, config)

    @property
    def ended(self) -> bool:
        """Whether training has ended: the network has been saved."""
        return (self.folder / "model.keras").is_file()

    def load_network(self) -> keras.Model:
        """Returns the trained network.

        Raises:
            RunError: the run has none yet, or it cannot be read.
        """
        path = self.folder / "model.keras"
        if not self.ended:
            raise RunError(f"expected a trained network in {path}, got none: has training ended?")
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            raise RunError(f"expected a Keras model in {path}, got {error}") from error

    def save_network(self, network: keras.Model) -> None:
        """Writes `model.keras`."""
        with replacing(self.folder / "model.keras") as path:
            network.save(path)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes a JSON file of the folder."""
        with replacing(self.folder / name) as path:
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def append_metrics(self, row: Mapping[str, float]) -> None:
        """Adds a row to `metrics.csv`, and the header before the first."""
        path = self.folder / "metrics.csv"
        begins = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row)
            if begins:
                writer.writeheader()
            writer.writerow(row)

    def rewrite_metrics(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Writes `metrics.csv` anew, with these rows alone; without any, there is no such file."""
        if not rows:
            (self.folder / "metrics.csv").unlink(missing_ok=True)
            return
        with replacing(self.folder / "metrics.csv") as path, path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    def read_metrics(self) -> list[dict[str, float]]:
        """Returns the rows of `metrics.csv`.

        Raises:
            RunError: the run has reported nothing yet.
        """
        try:
            with (self.folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
                return [
                    {name: float(value) for name, value in row.items()}
                    for row in csv.DictReader(file)
                ]
        except FileNotFoundError:
            raise RunError(f"expected reports in {self.folder}/metrics.csv, got none") from None


@contextmanager
def tensorboard_events(folder: Path | None) -> Iterator[Callable[[Any], None]]:
    """Gives a function that writes a report as TensorBoard events into the folder's events/.

    It does nothing if the folder is None.
    """
    if folder is None:
        yield lambda _: None
        return
    with tf.summary.create_file_writer(str(folder / "events")).as_default():

        def write(report: Any) -> None:
            for name, value in report._asdict().items():
                tf.summary.scalar(name, value, step=report.sequences)

        yield write


def _learning(config: TrainConfig | RewardConfig) -> str:
    return "reward" if isinstance(config, RewardConfig) else "supervised"


def _versions() -> dict[str, str]:
    names = ("ntm-gym", "tensorflow", "keras", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _differences(expected: Any, got: Any, name: str = "") -> Iterator[str]:
    """Says what differs between two trees of dictionaries."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for key in sorted(expected.keys() | got.keys()):
            yield from _differences(expected.get(key), got.get(key), f"{name}.{key}".lstrip("."))
    elif expected != got:
        yield f"{name} {expected!r}, not {got!r}"


def _commit() -> str | None:
    """The commit of this checkout, with a + if files differ from it; None outside one."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            [*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
