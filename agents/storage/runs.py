"""A run's folder: all that is needed to understand, repeat and use one training run.

    config.json       every setting, the command, versions, hardware and commit
    metrics.csv       one row for each report
    curriculum.json   what the curriculum has learned, as of the last report
    checkpoints/      the last states of the training, from which it can go on
    model.keras       the network, when training has ended
    evaluation.json   scores at each length, beside those of the random and the oracle agent
    figures/          pictures
    left_out/         batches whose updates were left out, if there were any
    events/           TensorBoard events, if asked for

Files appear whole or not at all, but for the rows of metrics.csv, see `agents.storage.metrics`.
"""

import dataclasses
import json
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from agents.recipes.reward import RewardConfig, reward_config_from_dict
from agents.recipes.supervised import TrainConfig, config_from_dict
from agents.storage.checkout import commit
from agents.storage.files import RunError, find_link, locked, read_json, replacing, temporary
from agents.storage.hardware import hardware
from agents.storage.metrics import Metrics
from agents.storage.networks import read_network

FORMAT = 1
"""Changes when a run of an older version can no longer be read."""


class Run:
    """The folder of one run; see the module's text.

    Args:
        folder: the folder, which must exist.
        config: the settings, a `TrainConfig` or a `RewardConfig`.
    """

    def __init__(self, folder: Path, config: Any) -> None:
        self.folder = folder
        self.config = config
        self.metrics = Metrics(folder / "metrics.csv")

    @classmethod
    def create(
        cls, folder: str | Path, config: TrainConfig | RewardConfig, overwrite: bool = False
    ) -> "Run":
        """Makes the folder and writes `config.json`.

        Cut off at any moment, it leaves a folder that it can replace.

        Raises:
            RunError: the folder holds something, and it is no run or `overwrite` is not given; or
                another process trains in it.
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
            with locked(folder):
                (folder / "model.keras").unlink(missing_ok=True)
                for path in [path for path in folder.iterdir() if path.name not in kept]:
                    if path.is_dir() and not path.is_symlink():
                        shutil.rmtree(path)
                    else:
                        path.unlink()
        elif not {path.name for path in folder.iterdir()} <= kept:
            raise RunError(f"expected an empty folder or an earlier run, got {folder}")
        run = cls(folder, config)
        run.write_json("config.json", run._record())
        return run

    def _record(self) -> dict[str, Any]:
        """Returns what `config.json` says."""
        return {
            "format": FORMAT,
            "learning": _learning(self.config),
            "task": self.config.name,
            "cell": self.config.cell.name,
            "settings": dataclasses.asdict(self.config),
            "command": sys.argv,
            "versions": _versions(),
            "hardware": hardware(),
            "commit": commit(),
        }

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """Opens an earlier run, which somebody else may have written: nothing in it is trusted.

        Raises:
            RunError: there is no run, one of another format, or one with symbolic links in it.
        """
        folder = Path(folder)
        try:
            written = read_json(folder / "config.json")
            # What is written into the folder could land elsewhere.
            if link := find_link(folder):
                raise RunError(f"expected a run without symbolic links, got {link}")
            if written.get("format") != FORMAT:
                raise RunError(
                    f"expected a run of format {FORMAT} in {folder}, got {written.get('format')!r}"
                )
            cell, settings = written["cell"], written["settings"]
            if written["learning"] == "reward":
                config: Any = reward_config_from_dict(settings, cell)
            else:
                config = config_from_dict(written["task"], settings, cell)
            if missing := list(_differences(dataclasses.asdict(config), settings)):
                raise ValueError(f"not all of them: {'; '.join(missing)}")
            return cls(folder, config)
        except (FileNotFoundError, NotADirectoryError):
            raise RunError(f"expected a run's folder with config.json, got {folder}") from None
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise RunError(f"expected settings in {folder}/config.json, got {error}") from error

    @classmethod
    def resume(
        cls, folder: str | Path, config: TrainConfig | RewardConfig, force: bool = False
    ) -> "Run":
        """Opens a run of these settings and of these versions to go on with it, or makes one.

        Args:
            folder: the folder.
            config: the settings.
            force: also go on with a run of other settings or versions, by these; see `adopt`.

        Raises:
            RunError: the folder holds a run of others, which are named, or something else.
        """
        folder = Path(folder)
        if not (folder / "config.json").exists():
            return cls.create(folder, config)
        run = cls.open(folder)
        written = read_json(folder / "config.json")
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
            raise RunError(
                f"the run in {folder} has {'; '.join(differences)}; "
                "--force of scripts/train.py and scripts/train_rl.py goes on"
            )
        return cls(folder, config)

    def adopt(self) -> None:
        """Makes a run of other settings or versions, with which training goes on, one of these.

        What came of the others goes: network and scores. `config.json` keeps their record.
        """
        written = read_json(self.folder / "config.json")
        if Run.open(self.folder).config == self.config and written.get("versions") == _versions():
            return
        for path in [*self.folder.glob("evaluation*.json"), self.folder / "model.keras"]:
            path.unlink(missing_ok=True)
        earlier = written.pop("earlier", [])
        self.write_json("config.json", {**self._record(), "earlier": [*earlier, written]})

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
            network = read_network(path)
        except (OSError, ValueError) as error:
            raise RunError(f"expected a Keras model in {path}, got {error}") from error
        task = self.config.task
        if task is not None:
            widths = task.input_width, task.target_width
            got = network.input_shape[-1], network.output_shape[-1]
            if widths != got:
                raise RunError(f"expected a network of widths {widths} in {path}, got {got}")
        return network

    def save_network(self, network: keras.Model) -> None:
        """Writes `model.keras`."""
        with replacing(self.folder / "model.keras") as path:
            network.save(path)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes a JSON file of the folder."""
        with replacing(self.folder / name) as path:
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


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
    others = {name: version(name) for name in ("ntm-gym", "keras", "numpy")}
    return {"python": platform.python_version(), "tensorflow": tf.__version__, **others}


def _differences(expected: Any, got: Any, name: str = "") -> Iterator[str]:
    """Says what differs between two trees of dictionaries."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for key in sorted(expected.keys() | got.keys()):
            yield from _differences(expected.get(key), got.get(key), f"{name}.{key}".lstrip("."))
    elif expected != got:
        yield f"{name} {expected!r}, not {got!r}"
