"""The page of all environments, docs/environments.md, from the docstrings and the registry."""

import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.evaluation.markdown import table_row
from agents.policies.agent import Agent, OracleAgent, RandomAgent
from agents.views.play import make_env
from ntm_gym import PROTOCOLS, Protocol, TaskEnv, TaskVectorEnv
from ntm_gym.metrics import bit_errors, solved_fraction, tape_return

EPISODES = 500
"""Episodes behind each score."""

SLIP = 0.1
"""How often the agent in the pictures gets a bit wrong."""

LENGTHS = ("min_length", "max_length")

HEAD = """\
# Environments

<!-- Written by `make docs` from the docstrings and the registry: change those, not this page. -->

{table}

```python
import gymnasium as gym
import ntm_gym

env = gym.make("NTMCopy-v0", width=6, max_length=30, render_mode="ansi")
observation, info = env.reset(seed=0, options={{"length": 3}})
print(env.render())
```

`gym.make_vec(id, num_envs)` plays many at once. To play by keyboard, or to watch an agent:

```bash
python scripts/play.py NTMCopy-v0
python scripts/play.py NTMCopy-v0 --agent oracle --length 30
```

## What all have in common

{common}

### Arguments

Of `gym.make` and `gym.make_vec`, beside each task's own:

{arguments}

Of `gym.make_vec` alone:

{vector_arguments}

### Options of reset

{options}
"""

ENVIRONMENT = """
## {id}

![{id}, played by an agent that errs now and then](images/{picture})

{description}

| | |
|---|---|
| observation | {observation} |
| action | {action} |
| reward | -1 to 1 an episode; solved at a mean of {threshold} |
| end | after {steps} |
| training lengths | {training} |
| evaluation lengths | {evaluation} |

Arguments of its own:

{arguments}

Scores, means over {episodes} episodes of training lengths, with seed 0:

{scores}

Versions:

{versions}
"""


def write_page(docs: Path) -> list[Path]:
    """Writes environments.md and its pictures in images/ into a folder; returns their paths."""
    from PIL import Image

    page = docs / "environments.md"
    page.write_text(page_text(), encoding="utf-8")
    (docs / "images").mkdir(exist_ok=True)
    paths = [page]
    for name in PROTOCOLS:
        paths.append(docs / "images" / picture_name(name))
        Image.fromarray(picture(name)).save(paths[-1], optimize=True)
    return paths


def page_text() -> str:
    """Returns the page as Markdown."""
    common = sections(TaskEnv)
    make = entries(common["Args"])
    named = [name for name in make if name not in ("task", "**task_fields")]
    make_vec = entries(sections(TaskVectorEnv)["Args"])
    options = entries(sections(TaskEnv.reset)["Args"])["options"]
    rows = [
        (
            f"[`{protocol.env_id}`](#{protocol.env_id.lower()})",
            sections(type(protocol.task))[""].partition("\n\n")[0],
            "-".join(map(str, sorted({protocol.min_length, protocol.max_length}))),
            f"`Box({protocol.task.input_width},)`",
            f"`MultiBinary({protocol.task.target_width})`",
        )
        for protocol in PROTOCOLS.values()
    ]
    page = HEAD.format(
        table=table(("id", "to do", "training lengths", "observation", "action"), rows),
        common=_description(common),
        arguments=table(("name", "meaning"), [(f"`{name}`", make[name]) for name in named]),
        vector_arguments=table(
            ("name", "meaning"),
            [(f"`{name}`", make_vec[name]) for name in ("rollouts", "autoreset_mode")],
        ),
        options=options,
    )
    return page + "".join(_environment(name, protocol) for name, protocol in PROTOCOLS.items())


def picture_name(name: str) -> str:
    """Returns the file name of a task's picture."""
    return f"env_{name}.png"


def picture(name: str) -> NDArray[np.uint8]:
    """Returns a task's picture: an agent that errs now and then, when most answers are given."""
    protocol = PROTOCOLS[name]
    env = make_env(protocol.env_id)
    lengths = np.arange(protocol.min_length, protocol.max_length + 1)
    # The longest tape of training that is seen whole, if there is one.
    length = lengths[env.task.steps(lengths) <= env.columns].max(initial=protocol.min_length)
    rng = np.random.default_rng(1)
    _, info = env.reset(seed=0, options={"length": int(length)})
    while env.view.scored[: env.view.step].sum() < 0.6 * env.view.scored.sum():
        slips = rng.random(info["target"].shape) < SLIP
        _, _, _, _, info = env.step(info["target"] ^ slips)
    return env.render()


def _environment(name: str, protocol: Protocol) -> str:
    """Returns what the page says of one environment."""
    task = protocol.task
    ends = sorted({protocol.min_length, protocol.max_length})
    steps = task.steps(np.array(ends)).tolist()
    said = sections(type(task))
    meaning = entries(said["Attributes"])
    return ENVIRONMENT.format(
        id=protocol.env_id,
        picture=picture_name(name),
        description=_description(said),
        observation=_box(task.input_low, task.input_high),
        action=f"`MultiBinary({task.target_width})`",
        threshold=protocol.reward_threshold,
        steps=" and ".join(
            f"{count} steps at most at length {length}"
            for count, length in zip(steps, ends, strict=True)
        ),
        training=" to ".join(map(str, ends)),
        evaluation=", ".join(f"{length:,}" for length in protocol.evaluation_lengths),
        arguments=table(
            ("name", "default", "meaning"),
            [
                *((f"`{end}`", getattr(protocol, end), "see above") for end in LENGTHS),
                *(
                    (f"`{field.name}`", getattr(task, field.name), meaning[field.name])
                    for field in fields(task)
                ),
            ],
        ),
        episodes=EPISODES,
        scores=_scores(protocol),
        versions="\n".join(
            f"- v{number}: {change}." for number, change in enumerate(protocol.versions)
        ),
    )


def _scores(protocol: Protocol) -> str:
    """Returns the oracle's and the random agent's scores as a table."""
    task = protocol.task
    rng = np.random.default_rng(0)
    lengths = rng.integers(protocol.min_length, protocol.max_length, EPISODES, endpoint=True)
    batch = task.sample(rng, lengths)
    scored = batch.mask.sum(axis=1, dtype=float)
    rows = []
    agents: dict[str, Agent] = {
        "oracle": OracleAgent(task),
        "random": RandomAgent(task.target_width),
    }
    for name, agent in agents.items():
        answers = (agent.logits(batch) > 0).astype(np.float32)
        wrong = bit_errors(answers, batch.targets, batch.mask)
        returns = tape_return(wrong.astype(float), task.target_width, scored)
        mean_return = round(float(returns.mean()), 3) + 0.0  # no negative zero
        rows.append(
            (name, f"{mean_return:.3f}", f"{wrong.mean():.1f}", f"{solved_fraction(wrong):.1%}")
        )
    rows.append(("bits asked for", "", f"{scored.mean() * task.target_width:.1f}", ""))
    return table(("agent", "return", "wrong bits", "episodes without error"), rows)


def sections(documented: Any) -> dict[str, str]:
    """Returns a docstring's sections as Markdown, by name; what stands before them under ""."""
    parts = re.split(r"^(\w+):\n(?=    )", inspect.getdoc(documented) or "", flags=re.MULTILINE)
    found = {"": _markdown(parts[0])}
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        found[name] = _markdown(inspect.cleandoc(text))
    return found


def entries(section: str) -> dict[str, str]:
    """Returns the entries of a section such as Args, "name: text", each text in one line."""
    parts = re.split(r"^([\w*]+): ", section, flags=re.MULTILINE)
    return {
        name: " ".join(text.split()) for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(table_row([str(cell) for cell in line]) for line in lines)


def _description(said: dict[str, str]) -> str:
    """Returns a docstring's text with its sections, without those that stand in tables."""
    others = [name for name in said if name not in ("", "Args", "Attributes", "Raises")]
    return "\n\n".join([said[""], *(f"**{name}.** {said[name]}" for name in others)])


def _markdown(text: str) -> str:
    """Turns the indented block after a `::` into a fenced one."""
    block = re.compile(r"::\n\n((?:    .*\n|\n)*    .*)(?=\n|$)")
    return block.sub(
        lambda found: ":\n\n```text\n" + inspect.cleandoc(found[1]) + "\n```", text.strip()
    )


def _box(low: NDArray[np.float32], high: NDArray[np.float32]) -> str:
    """Returns the observation space in words: its size, and the range of each channel."""
    ranges: list[list[Any]] = []
    for channel, ends in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        if ranges and ranges[-1][0] == ends:
            ranges[-1][2] = channel
        else:
            ranges.append([ends, channel, channel])
    said = [
        (f"channels {first} to {last}" if first < last else f"channel {first}")
        + f" from {ends[0]:.4g} to {ends[1]:.4g}"
        for ends, first, last in ranges
    ]
    return f"`Box({len(low)},)` of float32; {', '.join(said)}"
