"""Plans: what they expand to, and what is refused before any work is done."""

import dataclasses
from pathlib import Path

import pytest
from helpers.tiny_plan import TINY, plan_of, write_plan

from agents.experiments.comparison.plan import Place, load_plan
from agents.recipes.cells import DNCConfig, NTMConfig
from agents.recipes.reward import reward_recipe
from agents.recipes.supervised import AssociativeRecallConfig, CopyConfig, recipe
from ntm_gym import PROTOCOLS

ROOT = Path(__file__).resolve().parents[3]
PLAN = """
tasks = ["copy", "associative_recall"]
seeds = [3, 1]
max_sequences = 5_000
stop_when_solved = true
lengths.copy = [20, 40]

[[variants]]
name = "recipe"

[[variants]]
name = "read-first"
cell.read_first = true
learning_rate = 1

[[variants]]
name = "dnc"
cell.name = "dnc"
cell.slots = 16
max_sequences = 7_000
"""


def test_a_plan_is_a_grid_of_changed_recipes(tmp_path):
    plan = plan_of(tmp_path, PLAN)
    jobs = plan.jobs(Path("x"))
    # Soon there is something to compare: the first seed of all comes first.
    assert [(place.seed, place.task, place.variant) for place in jobs] == [
        (seed, task, variant)
        for seed in (3, 1)
        for task in ("copy", "associative_recall")
        for variant in ("recipe", "read-first", "dnc")
    ]
    job = jobs[Place("copy", "read-first", 3)]
    assert job.folder == Path("x/copy/read-first/3")
    assert (job.lengths, job.episodes) == ((20, 40), 640)
    shared = {"stop_when_solved": True, "max_sequences": 5_000}
    assert job.config == CopyConfig(
        **shared, seed=3, learning_rate=1.0, cell=NTMConfig(slots=32, read_first=True)
    )
    recall = jobs[Place("associative_recall", "recipe", 1)]
    assert recall.config == AssociativeRecallConfig(**shared, seed=1)
    assert recall.lengths == PROTOCOLS["associative_recall"].evaluation_lengths
    dnc = jobs[Place("associative_recall", "dnc", 1)].config
    assert dnc.cell == DNCConfig(slots=16, sharpen_links=True)
    assert (dnc.max_sequences, dnc.training_fields) == (7_000, {})


def test_settings_of_all_variants(tmp_path):
    shared = "[settings]\nlearning_rate = 0.5\ncell.slots = 16\n\n[[variants]]"
    plan = plan_of(tmp_path, PLAN.replace("[[variants]]", shared, 1))
    configs = [plan.config(Place("copy", name, 1)) for name in plan.variants]
    assert [config.learning_rate for config in configs] == [0.5, 1.0, 0.5]
    # Of a table, a variant changes what it names.
    assert [config.cell.slots for config in configs] == [16, 16, 16]
    assert configs[1].cell == NTMConfig(slots=16, read_first=True)


OWN = "copy.training_fields.sparse = 0.75\nassociative_recall.training_fields.alike = 0.25\n"


def test_settings_of_one_task(tmp_path):
    shared = "[settings]\ncopy.training_fields.sparse = 0.25\ncopy.cell.slots = 16\n\n[[variants]]"
    text = PLAN.replace("[[variants]]", shared, 1)
    plan = plan_of(tmp_path, text + OWN)
    copies = [plan.config(Place("copy", name, 1)) for name in plan.variants]
    assert [config.training_fields["sparse"] for config in copies] == [0.25, 0.25, 0.75]
    assert [config.cell.slots for config in copies] == [16, 16, 16]
    recalls = [plan.config(Place("associative_recall", name, 1)) for name in plan.variants]
    assert [config.training_fields["alike"] for config in recalls] == [0.5, 0.5, 0.25]
    assert [config.cell.slots for config in recalls] == [128, 128, 16]


def test_variants_can_learn_by_reward(tmp_path):
    variant = '\n[[variants]]\nname = "rl"\nlearning = "reward"\nepisodes = 8\ngamma = 0.5\n'
    plan = plan_of(tmp_path, PLAN + variant + 'cell.name = "dnc"\ncell.slots = 16\n')
    config = plan.config(Place("copy", "rl", 3))
    assert config == dataclasses.replace(
        reward_recipe("NTMCopy-v0", "dnc"),
        stop_when_solved=True,
        max_updates=625,
        episodes=8,
        gamma=0.5,
        seed=3,
        cell=DNCConfig(slots=16),
    )
    assert config.max_sequences == 5_000


@pytest.mark.parametrize("cell", ["ntm", "dnc"])
def test_recipes_by_reward_are_the_supervised_ones_but_for_repeat_copy(cell):
    names = ("optimizer", "learning_rate", "clip_norm", "training_fields", "restart_after")
    assert reward_recipe("NTMRepeatCopy-v0", cell).max_sequences == 100_000

    def settings(config):
        return [getattr(config, name) for name in names]

    for task in ("copy", "associative_recall", "priority_sort"):
        assert settings(reward_recipe(PROTOCOLS[task].env_id, cell)) == settings(recipe(task, cell))
    by_reward = settings(reward_recipe("NTMRepeatCopy-v0", cell))
    assert by_reward == ["rmsprop", 3e-4, 10.0, {}, 0]
    assert reward_recipe("NTMRepeatCopy-v0", cell).anneal_below == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "plans").iterdir()))
def test_the_plans_of_this_project_are_sound(name):
    plan = load_plan(ROOT / "plans" / name)
    jobs = plan.jobs(Path("x"))
    configs = [job.config for job in jobs.values()]
    assert len(jobs) == len(plan.tasks) * len(plan.variants) * len(plan.seeds)
    # No variant is another one under another name. (A recipe's own setting may be named, too.)
    assert len(set(map(repr, configs))) == len(configs)


BROKEN = {
    "budget = 3": "fields: expected some of tasks, seeds, .*, got 'budget'",
    'max_sequences = "many"': "max_sequences: expected an integer, got 'many'",
    "stop_when_solved = 1": "stop_when_solved: expected true or false, got 1",
    "episodes = 0": "episodes: expected at least 1, got 0",
    "tasks = []": r"tasks: expected a list with something in it, got \[\]",
    'tasks = ["cpoy"]': "tasks: expected some of copy, .*, got 'cpoy'",
    "seeds = [1, 1]": "seeds: expected nothing twice, got 1",
    "seeds = [true]": "seeds: expected an integer, got True",
    "seeds = [-1]": "seeds: expected numbers of at least 0, got -1",
    "lengths.copy = 3": "lengths.copy: expected a list with something in it, got 3",
    "lengths.copy = [0]": "variant 'ntm' on copy: expected lengths",
    "lengths.repeat_copy = [3]": "lengths: expected some of copy, got 'repeat_copy'",
    "max_sequences = 0": "variant 'ntm' on copy: expected max_sequences of at least 1, got 0",
    "seeds = 1 2": "tiny.toml: ",
    "settings = 3": "settings: expected a table of settings, got 3",
    "settings.seed = 3": "settings: expected no seed",
    "settings.name = 'x'": "variant 'ntm' on copy: settings: expected some of .*, got 'name'",
    "settings.cell.slotz = 3": "settings: expected some of cell.units, .*, got 'cell.slotz'",
}


@pytest.mark.parametrize("line", BROKEN)
def test_broken_plans_are_refused(tmp_path, line):
    name = line.partition(" ")[0]
    lines = [old for old in TINY.splitlines() if not old.startswith(f"{name} ")]
    with pytest.raises(ValueError, match=BROKEN[line]):
        load_plan(write_plan(tmp_path, "\n".join([line, *lines])))


BROKEN_VARIANTS = {
    "learnig_rate = 1e-3": "settings: expected some of .*, got 'learnig_rate'",
    "cell.slotz = 3": "settings: expected some of cell.units, .*, got 'cell.slotz'",
    "cell.slots = 8.5": "cell.slots: expected an integer, got 8.5",
    "cell.slots = 0": "slots: expected an integer of at least 1, got 0",
    "cell.shift_range = 4": "shift_range: expected .* less than half the slots, got 4",
    'cell.name = "gru"': "cell.name: expected one of ntm, dnc, lstm, got 'gru'",
    'cell = "dnc"': "cell: expected settings such as cell.x = ..., got 'dnc'",
    'curriculum = "naiv"': "curriculum: expected one of 'uniform', .*, got 'naiv'",
    'learning_rate = "fast"': "learning_rate: expected a number, got 'fast'",
    'learning = "reward"\nenv_id = "CartPole-v1"': "env_id: expected none, .* got 'CartPole-v1'",
    'learning = "reward"\nmax_updates = 5': "max_updates: expected none beside .*, got 5",
    'learning = "guess"': "learning: expected one of supervised, reward, got 'guess'",
    'learning = "reward"': "settings: expected some of .*, got 'report_sequences'",
    "learning_rate = -1": "expected learning_rate above 0, got -1.0",
    "seed = 3": "settings: expected no seed",
    "copy.seed = 3": "settings: expected no seed",
    "copy = 3": "copy: expected a table of settings, got 3",
    "copy.slots = 3": "settings: expected some of .*, got 'slots'",
    "repeat_copy.replay = 0.0": "settings: expected some of .*, got 'repeat_copy'",
}


@pytest.mark.parametrize("line", BROKEN_VARIANTS)
def test_broken_variants_are_refused(tmp_path, line):
    name = line.partition(" ")[0]
    lines = [old for old in TINY.splitlines() if not old.startswith((f"{name} ", f"{name}."))]
    with pytest.raises(ValueError, match=BROKEN_VARIANTS[line]):
        load_plan(write_plan(tmp_path, "\n".join([*lines, line])))


@pytest.mark.parametrize("name", ["", "a/b", "..", "NTM"])
def test_variants_name_folders(tmp_path, name):
    with pytest.raises(ValueError, match="name of number 1: expected letters a to z"):
        plan_of(tmp_path, TINY.replace('"ntm"', f'"{name}"'))


def test_variants_have_names_of_their_own(tmp_path):
    with pytest.raises(ValueError, match="number 2: expected another than those before"):
        plan_of(tmp_path, TINY + '\n[[variants]]\nname = "ntm"\nlearning_rate = 1e-3\n')
