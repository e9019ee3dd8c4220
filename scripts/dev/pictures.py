"""Train two networks and rewrite their pictures in docs/images.

python scripts/dev/pictures.py
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import training_progress

RUNS = Path("runs/readme")
"""Folder for the two runs; those that are there already are drawn without training."""
PICTURES = {
    "copy": {"learning", "heads-20", "answers-40", "answers-120", "heads-120"},
    "associative_recall": {"learning", "answers-12", "heads-12"},
}
"""The pictures that README and docs show of each network."""


def main() -> None:
    """Train Copy and associative recall with seed 0, and copy their pictures to docs/images."""
    from agents import tensorflow

    tensorflow.prepare()
    from agents.evaluation.figures import draw_run
    from agents.recipes.supervised import CONFIGS
    from agents.storage.checkout import ROOT
    from agents.storage.runs import Run
    from agents.training import supervised

    for name, lengths in (("copy", (20, 40, 120)), ("associative_recall", (12,))):
        folder = RUNS / name
        if (folder / "model.keras").is_file():
            run = Run.open(folder)
        else:
            run = Run.create(folder, CONFIGS[name](), overwrite=True)
            with training_progress(run.config) as on_report:
                supervised.train(run.config, run, on_report)
        for path in draw_run(run, lengths):
            if path.stem in PICTURES[name]:
                shutil.copyfile(path, ROOT / "docs" / "images" / f"{name}-{path.name}")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
