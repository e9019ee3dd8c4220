"""How every script ends: with exit code 0, 1 (failed) or 2 (wrong use), and errors in one line."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from rich.markup import escape

from agents.cli.console import console, problems
from agents.experiments.sweeps.local_processes import DEBUG

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def run_command(command: Callable[[], object]) -> NoReturn:
    """Does a script's work and ends it with its exit code.

    0, or after an error in one line 2 if what was asked for is impossible (ValueError), else 1.
    With `--debug` on the command line, which is taken away from it, the error is raised instead.

    Args:
        command: reads the rest of the command line and does the work.
    """
    if "--debug" in sys.argv:
        os.environ[DEBUG] = "1"
        sys.argv = [word for word in sys.argv if word != "--debug"]
    try:
        code = _exit_code(command)
        sys.stdout.flush()
    except KeyboardInterrupt:
        problems.print("Stopped.")
        code = 1
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        said = escape(describe(error))
        problems.print(f"[bold red]Error:[/] {said}", highlight=False, soft_wrap=True)
        code = 2 if isinstance(error, ValueError) else 1
        _drop_lost_output()
    sys.exit(code)


def _exit_code(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as ended:  # of the parser: after --help, or what it could not read
        if not ended.code:
            console.print("With --debug, an error is shown with its traceback.", highlight=False)
        return int(ended.code or 0)
    return 0


def _drop_lost_output() -> None:
    """Gives up output that cannot be written: Python would try again when it ends, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def describe(error: Exception) -> str:
    """Returns what an error means and what to do, without control characters."""
    said = str(error)
    first = said.partition("\n")[0]
    # TensorFlow's, which is not loaded for its name alone.
    memory = isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
    if memory:
        said = f"not enough memory: {first}; fewer slots, shorter or fewer sequences need less"
    elif isinstance(error, OSError) and error.errno in FULL:
        said = f"{first}: free some space, then start again; --resume goes on with a training"
    elif isinstance(error, OSError) and error.errno in FORBIDDEN:
        said = f"{first}: choose a file that can be read, or a folder that can be written to"
    elif isinstance(error, ImportError) and "pip install" not in said:
        said = f'{first}: pip install -e ".[agents]"'
    elif not isinstance(error, ImportError | OSError | RuntimeError | ValueError):
        said = f"{type(error).__name__}: {first}; --debug shows where"
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in said)


def expect_place_for(path: Path | None) -> None:
    """Raises ValueError if the folder of a file to be written, if there is to be one, is none."""
    if path is not None and not path.absolute().parent.is_dir():
        raise ValueError(f"expected a file in a folder that exists, got {path}")
