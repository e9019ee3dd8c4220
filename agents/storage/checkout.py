"""This checkout: where it is, and of which commit."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds `agents`."""

COMMIT_VARIABLE = "NTM_GYM_COMMIT"
"""The environment variable that says the commit of code that was copied to where no git is."""


def commit() -> str | None:
    """The commit of this checkout, with a + if files differ from it; None outside one."""
    if COMMIT_VARIABLE in os.environ:
        return os.environ[COMMIT_VARIABLE] or None
    # Without locks: a run that is killed here would leave one in the repository.
    git = ["git", "--no-optional-locks", "-C", str(ROOT)]
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
