"""Tasks with some of their fields changed: in training, or in a test beyond it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ntm_gym import Task


def with_fields(task: Task, fields: Mapping[str, Any]) -> Task:
    """Returns the task with some fields changed.

    Raises:
        ValueError: a field is unknown, its value impossible, or it changes the rows' widths.
    """
    known = [field.name for field in dataclasses.fields(task)]
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise ValueError(f"expected fields of {', '.join(known)}, got {', '.join(unknown)}")
    changed = dataclasses.replace(task, **fields)
    for name in ("input_width", "target_width"):
        before, after = getattr(task, name), getattr(changed, name)
        if before != after:
            raise ValueError(f"expected the {name} of training, {before}, got {after}")
    return changed
