"""The trained networks that come with the repository: runs in the folder pretrained/.

Each is seed 0 of a task's recipe, not the best of several seeds; ``make pretrained`` trains them.
"""

from pathlib import Path

from agents.storage.checkout import ROOT

PRETRAINED = ROOT / "pretrained"


def pretrained_runs() -> list[Path]:
    """Returns the folders of all networks' runs, those of Neural Turing Machines first."""
    folders = [path.parent for path in PRETRAINED.glob("*/model.keras")]
    return sorted(folders, key=lambda folder: (not folder.name.endswith("-ntm"), folder.name))


def pretrained_run(task: str, cell: str = "ntm") -> Path:
    """Returns the folder of a network's run.

    Args:
        task: the task's short name, such as ``copy``.
        cell: the cell's short name: ``ntm``, and for some tasks ``dnc`` or ``lstm``.

    Raises:
        ValueError: there is no such network.
    """
    names = [folder.name for folder in pretrained_runs()]
    name = f"{task}-{cell}"
    if name not in names:
        raise ValueError(f"expected a task and cell of {', '.join(names)}, got {name}")
    return PRETRAINED / name
