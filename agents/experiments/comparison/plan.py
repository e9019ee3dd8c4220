"""A comparison's plan: which variants of the recipes are trained, on which tasks and seeds.

A plan is a TOML file:

    tasks = ["copy", "associative_recall"]
    seeds = [0, 1, 2]
    max_sequences = 50_000        # the recipe's budget if left out
    stop_when_solved = true       # false if left out
    episodes = 640                # tapes for each length of the evaluation; 640 if left out

    [lengths]                     # of the evaluation; those of the task's protocol if left out
    copy = [20, 40]

    [settings]                    # of the recipes, changed in all variants; none if left out
    anneal_below = 0.05
    copy.training_fields = {}     # of one task alone; a variant can have such, too

    [[variants]]
    name = "ntm"                  # changes nothing else

    [[variants]]
    name = "small-dnc"            # any setting can be changed
    learning_rate = 3e-4
    cell.name = "dnc"
    cell.slots = 32

    [[variants]]
    name = "by-reward"
    learning = "reward"           # "supervised" if left out; max_sequences are then episodes
    rollouts = 16
"""

import dataclasses
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from agents.evaluation.scores import enough_slots
from agents.experiments.comparison.job import TrainingJob
from agents.recipes.cells import CELL_CONFIGS
from agents.recipes.reward import RewardConfig, reward_recipe
from agents.recipes.settings import changed, checked, several
from agents.recipes.supervised import CONFIGS, TrainConfig, recipe
from agents.storage.files import read_file
from agents.storage.networks import make_cell
from ntm_gym import PROTOCOLS
from ntm_gym.checks import expect

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class PlanError(ValueError):
    """A plan cannot be read, or asks for something unknown or impossible."""


class Place(NamedTuple):
    """Where a run stands in the grid of a plan."""

    task: str
    variant: str
    seed: int


@dataclass(frozen=True)
class Plan:
    """A plan that has been checked; the module's text says what its fields mean.

    Attributes:
        name: the file's name, without its ending.
        tasks: the tasks' short names.
        seeds: the seeds.
        variants: for each variant's name the settings that it changes, as nested dicts; those of
            one task alone under the task's name.
        lengths: for each task the lengths of its evaluation.
        max_sequences: the budget of every run, or None.
        stop_when_solved: whether a run ends once its task is solved.
        episodes: tapes for each length of the evaluation.
    """

    name: str
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    variants: Mapping[str, Mapping[str, Any]]
    lengths: Mapping[str, tuple[int, ...]]
    max_sequences: int | None = None
    stop_when_solved: bool = False
    episodes: int = 640

    def config(self, place: Place) -> TrainConfig | RewardConfig:
        """Returns the settings of a run.

        Raises:
            ValueError: a setting is unknown, of another type or out of its range.
        """
        changes: dict[str, Any] = {"stop_when_solved": self.stop_when_solved}
        if self.max_sequences is not None:
            changes["max_sequences"] = self.max_sequences
        changes |= self.variants[place.variant]
        of_tasks = {task: changes.pop(task, {}) for task in self.tasks}
        own = of_tasks[place.task]
        expect(isinstance(own, dict), place.task, "a table of settings", own)
        changes = _merged(changes, own)
        expect("seed" not in changes, "settings", "no seed, since seeds has all", "seed")
        changes["seed"] = place.seed
        learning = changes.pop("learning", "supervised")
        ways = ("supervised", "reward")
        expect(learning in ways, "learning", f"one of {', '.join(ways)}", learning)
        cell, kind = changes.get("cell"), "ntm"
        if isinstance(cell, dict) and "name" in cell:
            kind, kinds = cell["name"], list(CELL_CONFIGS)
            expect(kind in kinds, "cell.name", f"one of {', '.join(kinds)}", kind)
            changes["cell"] = {name: value for name, value in cell.items() if name != "name"}
        if learning == "supervised":
            return changed(recipe(place.task, kind), changes)
        budget = changes.pop("max_sequences", None)
        env_id = changes.get("env_id")
        expect(env_id is None, "env_id", "none, since the task says it", env_id)
        if budget is not None:
            updates = changes.get("max_updates")
            expect(updates is None, "max_updates", "none beside max_sequences", updates)
        config = changed(reward_recipe(PROTOCOLS[place.task].env_id, kind), changes)
        if budget is None:
            return config
        budget = checked("max_sequences", int, budget)
        return dataclasses.replace(config, max_updates=budget // config.episodes)

    def jobs(self, folder: Path) -> dict[Place, TrainingJob]:
        """Returns all runs, each in FOLDER/TASK/VARIANT/SEED.

        The first seed comes first, of all tasks and variants: soon there is something to compare.
        """
        places = [
            Place(task, variant, seed)
            for seed in self.seeds
            for task in self.tasks
            for variant in self.variants
        ]
        return {
            place: TrainingJob(
                folder / place.task / place.variant / str(place.seed),
                self.config(place),
                self.lengths[place.task],
                self.episodes,
            )
            for place in places
        }


def load_plan(path: Path) -> Plan:
    """Reads a plan and checks all that it asks for.

    Raises:
        FileNotFoundError: there is no such file.
        PlanError: the file is no TOML, or what it says is unknown, of another type or impossible.
    """
    try:
        # It names a folder: one called ".." would lie elsewhere.
        expect(path.stem[:1] != ".", "the file's name", "one that begins with no dot", path.stem)
        plan = _read(path.stem, tomllib.loads(read_file(path).decode()))
        for task in plan.tasks:
            for variant in plan.variants:
                try:
                    _check_run(plan.config(Place(task, variant, plan.seeds[0])), plan)
                except ValueError as error:
                    raise ValueError(f"variant {variant!r} on {task}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path}: {error}") from error
    return plan


def _read(name: str, content: Mapping[str, Any]) -> Plan:
    known = [field.name for field in dataclasses.fields(Plan) if field.name != "name"]
    known.append("settings")
    for key in content:
        expect(key in known, "fields", f"some of {', '.join(known)}", key)
    for key in ("tasks", "seeds", "variants"):
        expect(key in content, key, "a list", "nothing")
    tasks = tuple(several("tasks", content["tasks"], str))
    for task in tasks:
        expect(task in CONFIGS, "tasks", f"some of {', '.join(CONFIGS)}", task)
    seeds = tuple(several("seeds", content["seeds"], int))
    expect(min(seeds) >= 0, "seeds", "numbers of at least 0", min(seeds))
    options = {
        key: checked(key, kind, content[key])
        for key, kind in (("max_sequences", int), ("stop_when_solved", bool), ("episodes", int))
        if key in content
    }
    episodes = options.get("episodes", Plan.episodes)
    expect(episodes >= 1, "episodes", "at least 1", episodes)
    lengths = {task: PROTOCOLS[task].evaluation_lengths for task in tasks}
    asked = content.get("lengths", {})
    expect(isinstance(asked, dict), "lengths", "a table of lists, one for each task", asked)
    for task, values in asked.items():
        expect(task in tasks, "lengths", f"some of {', '.join(tasks)}", task)
        lengths[task] = tuple(several(f"lengths.{task}", values, int))
    shared = content.get("settings", {})
    expect(isinstance(shared, dict), "settings", "a table of settings", shared)
    variants = {
        name: _merged(shared, settings) for name, settings in _variants(content["variants"])
    }
    return Plan(name, tasks, seeds, variants, lengths, **options)


def _variants(content: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    names: set[str] = set()
    for number, settings in enumerate(several("variants", content, dict), 1):
        name = settings.get("name")
        # It names a folder.
        fits = isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name)
        where = f"variants, the name of number {number}"
        expect(bool(fits), where, "letters a to z, digits, hyphens", name)
        expect(name not in names, where, "another than those before", name)
        names.add(str(name))
        yield str(name), {key: value for key, value in settings.items() if key != "name"}


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Returns shared settings with a variant's own in their place; tables setting by setting."""
    merged = {**shared, **own}
    for name in shared.keys() & own.keys():
        if isinstance(shared[name], dict) and isinstance(own[name], dict):
            merged[name] = _merged(shared[name], own[name])
    return merged


def _check_run(config: TrainConfig | RewardConfig, plan: Plan) -> None:
    """Raises ValueError unless such a run can be trained and evaluated."""
    lengths = plan.lengths[config.name]
    for length in lengths:
        checked_length = config.task.check_lengths([length])
        config.task.check_size(plan.episodes, int(config.task.steps(checked_length)[0]))
    cell = make_cell(config)
    cell.build((None, config.task.input_width))
    if cell.slots is not None:
        for slots in {enough_slots(cell, config.task, length) for length in lengths}:
            cell.with_slots(slots)
