"""Trains many runs, each in a process of its own.

TensorFlow is loaded where it is needed only: a new process reads this module before it says how.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from agents import console
from agents.config import TrainConfig


def train_missing(configs: Mapping[Path, TrainConfig], workers: int = 1) -> Iterator[Path]:
    """Trains the runs that have not ended yet, each in a process of its own, and yields all.

    Args:
        configs: the settings of the run in each folder. What a run that was cut off left in its
            folder is replaced.
        workers: how many runs are trained at once.

    Raises:
        RunError: a folder holds a run of other settings that has ended.
        RuntimeError: a run failed.
        ValueError: there is not one worker.
    """
    if workers < 1:
        raise ValueError(f"expected workers of at least 1, got {workers}")
    missing = [folder for folder, config in configs.items() if not _ended(folder, config)]
    yield from (folder for folder in configs if folder not in missing)
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(_train_apart, missing, [configs[folder] for folder in missing])


def _ended(folder: Path, config: TrainConfig) -> bool:
    """Whether this run has been trained to its end; raises RunError if another one has."""
    if not (folder / "model.keras").exists():
        return False
    from agents.runs import Run, RunError

    if Run.open(folder).config != config:
        raise RunError(
            f"{folder} holds a run of other settings; remove it or choose another folder"
        )
    return True


def _train_apart(folder: Path, config: TrainConfig) -> Path:
    # What TensorFlow compiles for a run is freed only with its process.
    process = get_context("spawn").Process(target=_train, args=(folder, config))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"expected the run in {folder} to end, got exit code {process.exitcode}")
    return folder


def _train(folder: Path, config: TrainConfig) -> None:
    console.prepare_tensorflow()
    from agents import supervised
    from agents.runs import Run

    supervised.train(config, Run.create(folder, config, overwrite=True))
