"""A page to look at memories at work.

    python scripts/playground.py
    python scripts/playground.py runs/copy-0 runs/copy-1 --port 8000

Without runs it opens on the pretrained networks.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import say


def main(
    runs: tyro.conf.Positional[tuple[Path, ...]] = (),
    port: int = 7860,
    host: str = "127.0.0.1",
    save: bool = True,
) -> None:
    """Serve a page that shows what networks do with their memory, and what if it is disturbed.

    Args:
        runs: folders of runs to offer; the pretrained networks if not given.
        port: port to serve the page at.
        host: address to listen at. The default is reached from this machine alone; visitors from
            elsewhere cannot save what they train.
        save: whether visitors on this machine can save what they train, in runs/.
    """
    from agents import tensorflow

    tensorflow.prepare()
    from agents.views.playground.gallery import Gallery
    from agents.views.playground.server import serve

    gallery = Gallery(runs)
    gallery.look(gallery.default(gallery.tasks[0]))  # compiled before the first visitor comes
    say(f"Open http://{host}:{port} in a browser; Ctrl-C ends.")
    serve(gallery, host, port, Path("runs") if save else None)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
