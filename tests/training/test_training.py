"""Training end to end on a tiny task, and the folder it leaves."""

import dataclasses
import inspect
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import tiny_plan
from helpers.marks import SAVING
from helpers.tiny_plan import made_up, plan_of
from matplotlib.axes import Axes

from agents.cli import console, tables
from agents.evaluation.figures import draw_heads, draw_run, look_inside
from agents.evaluation.scores import evaluate_run, held_out
from agents.evaluation.summary import markdown_table
from agents.policies.recurrent import RecurrentAgent
from agents.recipes.cells import CELL_CONFIGS, DNCConfig, LSTMConfig, NTMConfig
from agents.recipes.paper import paper_parameters
from agents.recipes.supervised import CONFIGS, CopyConfig, config_from_dict, recipe
from agents.storage.networks import cell_of, count_parameters
from agents.storage.runs import Run, RunError
from agents.training import supervised
from ntm_gym import Copy, PrioritySort
from ntm_gym.cells import CELLS, NTMCell
from ntm_gym.curriculum import make_curriculum

ROOT = Path(__file__).resolve().parents[2]
TINY = CopyConfig(
    task=Copy(width=2),
    cell=NTMConfig(units=24, slots=8, width=6),
    optimizer="adam",
    max_length=2,
    batch_size=16,
    learning_rate=1e-2,
    max_sequences=24_000,
    report_sequences=1_600,
    anneal_reports=3,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = Run.create(tmp_path_factory.mktemp("runs") / "tiny", TINY)
    with pytest.MonkeyPatch.context():
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Keras saving under NumPy 2
            return run, supervised.train(TINY, run)


@pytest.mark.slow
def test_reaches_zero_errors_and_says_so(trained):
    _, outcome = trained
    assert outcome.solved is not None
    last = outcome.reports[-1]
    assert last.held_out_bit_errors == 0
    assert last.sequences <= TINY.max_sequences
    assert last.loss_bits < outcome.reports[0].loss_bits


@pytest.mark.slow
@SAVING
def test_saved_network_is_the_trained_one(trained):
    run, outcome = trained
    saved = cell_of(Run.open(run.folder).load_network())
    for ours, theirs in zip(
        cell_of(outcome.network).get_weights(), saved.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_metrics_hold_every_report(trained):
    run, outcome = trained
    rows = run.metrics.read()
    assert [row["sequences"] for row in rows] == [r.sequences for r in outcome.reports]
    assert rows[-1]["held_out_bit_errors"] == 0
    # A vector is shown in one step and asked for in another; the delimiter is one more.
    first = rows[0]
    assert first["steps"] == round(first["sequences"] * (2 * first["mean_length"] + 1))
    assert all(b["steps"] > a["steps"] for a, b in itertools.pairwise(rows))
    # Of a return of 1, a wrong bit costs 1 on tapes of one vector and 0.5 on those of two.
    for row in rows:
        wrong, lost = row["bit_errors"], 1 - row["mean_return"]
        assert 0.5 * wrong - 1e-6 <= lost <= wrong + 1e-6


@pytest.mark.slow
def test_config_comes_back(trained):
    run, _ = trained
    assert Run.open(run.folder).config == TINY


@pytest.mark.slow
@SAVING
def test_evaluation_is_written_beside_random_and_oracle(trained):
    run, _ = trained
    rows = list(evaluate_run(run, lengths=(1, 2), slots=16, episodes=50))
    assert [row[0].length for row in rows] == [1, 2]
    for agent, chance, oracle in rows:
        assert agent.bit_errors == 0
        assert agent.slots == 16
        assert chance.bit_errors > 0.5
        assert oracle.bit_errors == 0
    written = json.loads((run.folder / "evaluation.json").read_text())
    assert len(written["scores"]) == 6
    assert written["scores"][0]["bit_errors"] == 0


@pytest.mark.slow
@SAVING
def test_summary_tells_when_it_was_solved(trained):
    run, outcome = trained
    list(evaluate_run(run, lengths=(1, 2), slots=16, episodes=20))
    header, _, row, middle = markdown_table([run]).splitlines()
    assert header.endswith("| wrong at 1 | wrong at 2 |")
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:2] == ["0", f"{outcome.solved.sequences:,}"]
    assert cells[-2:] == ["0", "0"]
    assert middle.startswith("| median (1 of 1 solved) |")
    header, _, row, _ = markdown_table([run], "cost_bits").splitlines()
    assert header.endswith("| cost at 1 | cost at 2 |")
    assert 0 < float(row.split("|")[-2]) < 0.5


def test_in_the_summary_runs_that_did_not_solve_it_count_as_the_slowest(tmp_path):
    plan = plan_of(tmp_path, tiny_plan.TINY.replace("[0, 1]", "[0, 1, 2, 3]"))
    errors = [0, 0, 0], [9, 9, 9], [9, 0, 0, 0], [9]
    runs = [
        made_up(job, each) for job, each in zip(plan.jobs(tmp_path).values(), errors, strict=True)
    ]
    last = markdown_table(runs[:3]).splitlines()[-1]
    assert last.startswith("| median (2 of 3 solved) | 2,000 |")
    last = markdown_table(runs).splitlines()[-1]
    assert last.startswith("| median (2 of 4 solved) | not |  |")
    with pytest.raises(ValueError, match="expected the folder of a run or of several, got none"):
        markdown_table([])


def test_summary_of_a_run_without_scores_says_so(tmp_path):
    with pytest.raises(RunError, match=r"evaluation\.json"):
        markdown_table([Run.create(tmp_path, TINY)])


@pytest.mark.slow
@SAVING
def test_figures_are_drawn(trained):
    run, _ = trained
    paths = list(draw_run(run, lengths=(2,)))
    assert {path.name for path in paths} == {"learning.png", "answers-2.png", "heads-2.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


@pytest.mark.slow
def test_heads_are_drawn_where_they_point_or_on_all_slots(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Axes, "imshow", lambda _, values, **__: drawn.append(values.shape))
    cell = NTMCell(output_dim=8, units=10, slots=40, address_init="uniform")
    cell.build((None, 9))
    tape = held_out(Copy(), length=3, episodes=1, seed=0)
    insight = look_inside(RecurrentAgent(cell), tape)
    assert insight.heads.read_addresses.max() < 0.1
    draw_heads(insight, "everywhere", tmp_path / "heads.png")
    assert [shape[0] for shape in drawn] == [9, 8, 20, 40, 20, 40]

    drawn.clear()
    reads, writes = np.eye(40)[[[5, 5, 5, 5, 6, 7, 8]]], np.eye(40)[[[5, 6, 7, 8, 8, 8, 8]]]
    heads = insight.heads._replace(read_addresses=reads, write_addresses=writes)
    draw_heads(insight._replace(heads=heads), "from 5 to 8", tmp_path / "heads.png")
    assert [shape[0] for shape in drawn] == [9, 8, 20, 4, 20, 4]


@pytest.mark.slow
@SAVING
@pytest.mark.parametrize(
    "cell", [DNCConfig(units=10, slots=6, width=4, read_heads=2), LSTMConfig(units=10, layers=2)]
)
def test_a_run_of_every_other_cell(tmp_path, cell, capsys):
    config = dataclasses.replace(TINY, cell=cell, max_sequences=6_400)
    run = Run.create(tmp_path, config)
    outcome = supervised.train(config, run)
    assert outcome.reports[-1].held_out_loss_bits < 0.8 * outcome.reports[0].held_out_loss_bits
    opened = Run.open(tmp_path)
    assert opened.config == config

    rows = list(evaluate_run(opened, (1, 3), episodes=20))
    agent = rows[1][0]
    slots = 128 if cell.name == "dnc" else None
    assert (agent.agent, agent.slots) == (cell.name, slots)
    tables.print_scores(rows)
    shown = capsys.readouterr().out
    assert ("128" in shown) == (cell.name == "dnc")
    assert f"{round(20 * (1 - agent.perfect))} of 20" in shown
    assert markdown_table([opened]).splitlines()[0].endswith("| wrong at 1 | wrong at 3 |")
    names = {path.name for path in draw_run(opened, (3,))}
    heads = {"heads-3.png"} if cell.name == "dnc" else set()
    assert names == {"learning.png", "answers-3.png"} | heads
    assert RecurrentAgent.load(tmp_path, slots=9).cell.slots == (9 if cell.name == "dnc" else None)


@pytest.mark.parametrize("part", ["settings", "cell of the settings", "the run"])
def test_settings_that_are_not_all_there_are_refused(tmp_path, part):
    Run.create(tmp_path, TINY)
    path = tmp_path / "config.json"
    written = json.loads(path.read_text())
    if part == "settings":
        del written["settings"]["replay"]
    elif part == "cell of the settings":
        del written["settings"]["cell"]["slots"]
    else:
        del written["cell"]
    path.write_text(json.dumps(written))
    with pytest.raises(RunError, match=r"expected settings in .*config\.json, got"):
        Run.open(tmp_path)


def test_a_recipe_is_a_task_and_a_cell():
    assert recipe("copy") == CopyConfig()
    assert recipe("copy", "dnc") == CopyConfig(cell=DNCConfig())
    assert recipe("associative_recall", "dnc").cell == DNCConfig(sharpen_links=True)
    for arguments in (("copi",), ("copy", "gru")):
        with pytest.raises(ValueError, match=f"expected one of .*, got '{arguments[-1]}'"):
            recipe(*arguments)


@pytest.mark.parametrize(
    ("task", "cell", "ours", "theirs"),
    [
        ("copy", NTMConfig(), 62_260, 67_561),
        ("copy", NTMConfig(controller="feedforward"), 13_260, 17_162),
        ("associative_recall", NTMConfig(), 61_618, 70_330),
        ("copy", LSTMConfig(units=256, layers=3), 1_325_064, 1_352_969),
        ("copy", DNCConfig(), 61_856, None),
    ],
)
def test_parameters_stand_beside_those_of_the_paper(task, cell, ours, theirs, capsys):
    config = dataclasses.replace(CONFIGS[task](), cell=cell)
    assert (count_parameters(config), paper_parameters(config)) == (ours, theirs)
    console.print_parameters(ours, theirs)
    beside = "" if theirs is None else f" (in the paper: {theirs:,})"
    assert capsys.readouterr().out == f"Parameters: {ours:,}{beside}\n"


# Few units, one update, no hope: that every part of a run works for the task.
@pytest.mark.slow
@SAVING
@pytest.mark.parametrize(
    ("name", "task", "lengths", "fields"),
    [
        (
            "repeat_copy",
            {"width": 2, "max_repeats": 2},
            (1, 2),
            {"min_repeats": 4, "max_repeats": 4},
        ),
        ("dynamic_ngrams", {"context": 1}, (2, 4), {"context": 2}),
        ("priority_sort", {"width": 2}, (2, 2), {"sorted_fraction": 1}),
    ],
)
def test_a_run_of_every_task(tmp_path, name, task, lengths, fields):
    default = CONFIGS[name]()
    config = dataclasses.replace(
        default,
        task=dataclasses.replace(default.task, **task),
        cell=NTMConfig(units=4, slots=8, width=3),
        min_length=lengths[0],
        max_length=lengths[1],
        max_sequences=32,
        report_sequences=16,
    )
    run = Run.create(tmp_path, config)
    outcome = supervised.train(config, run)
    assert outcome.solved is None
    assert len(outcome.reports) == 2

    ((changed, _, oracle),) = evaluate_run(run, (3,), slots=8, episodes=20, fields=fields)
    assert changed.length == 3
    assert (oracle.bit_errors == 0) == (oracle.cost_bits == 0) == (name != "dynamic_ngrams")
    suffix = "".join(f"-{field}={value}" for field, value in fields.items())
    written = json.loads((tmp_path / f"evaluation{suffix}.json").read_text())
    assert written["scores"][0] == changed._asdict()
    names = {path.name for path in draw_run(run, (3,), slots=8, fields=fields)}
    assert names == {"learning.png", f"answers-3{suffix}.png", f"heads-3{suffix}.png"}


@pytest.mark.slow
@SAVING
def test_fields_that_do_not_fit_the_network(trained):
    run, _ = trained
    with pytest.raises(ValueError, match="expected the input_width of training, 3, got 6"):
        list(evaluate_run(run, fields={"width": 5}))
    with pytest.raises(ValueError, match="expected fields of width, sparse, got widht"):
        list(draw_run(run, fields={"widht": 5}))


@pytest.mark.slow
@SAVING
def test_agent_loads_with_other_slots(trained):
    run, _ = trained
    assert RecurrentAgent.load(run.folder, slots=32).cell.slots == 32


@pytest.mark.slow
def test_same_seed_gives_the_same_weights(tmp_path, monkeypatch):
    short = dataclasses.replace(TINY, max_sequences=1_600)
    weights = []
    for name in "ab":
        run = Run.create(tmp_path / name, short)
        monkeypatch.setattr(run, "save_network", print)
        weights.append(cell_of(supervised.train(short, run).network).get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_curriculum_learns_with_the_network_and_is_saved(tmp_path, monkeypatch):
    config = dataclasses.replace(TINY, curriculum="prediction_gain", max_sequences=3_200)
    run = Run.create(tmp_path, config)
    monkeypatch.setattr(run, "save_network", print)
    reports = supervised.train(config, run).reports
    assert [report.sequences for report in reports] == [1_600, 3_200]
    assert [(row["lesson"], row["mean_length"]) for row in run.metrics.read()] == [
        (report.lesson, report.mean_length) for report in reports
    ]
    state = json.loads((run.folder / "curriculum.json").read_text())
    saved = make_curriculum("prediction_gain", 1, 2)
    saved.set_state(state)
    assert saved.lesson == reports[-1].lesson
    last = run.metrics.read()[-1]
    for name, values in (("probability", saved.probabilities), ("weight", saved.weights)):
        written = [last[f"lesson_{lesson}_{name}"] for lesson in range(len(saved.lessons))]
        np.testing.assert_array_equal(written, values)
    assert 1.3 < reports[0].mean_length < 1.7
    assert state["time"] == 1 + 3_200 // TINY.batch_size
    # All but the gains of the last tenth of a report have been offered.
    assert (state["offered"], len(state["waiting"])) == (3_040, 160)


def test_an_existing_run_is_kept_unless_told_otherwise(tmp_path):
    Run.create(tmp_path, TINY).metrics.append({"sequences": 1})
    with pytest.raises(RunError, match="--overwrite"):
        Run.create(tmp_path, TINY)
    Run.create(tmp_path, TINY, overwrite=True)
    with pytest.raises(RunError, match="got none"):
        Run.open(tmp_path).metrics.read()


def test_a_folder_of_other_things_is_never_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="empty folder"):
        Run.create(tmp_path, TINY, overwrite=True)
    assert (tmp_path / "thesis.txt").exists()


def test_a_run_without_network_says_so(tmp_path):
    with pytest.raises(RunError, match="has training ended"):
        Run.create(tmp_path, TINY).load_network()
    with pytest.raises(RunError, match=r"config\.json"):
        Run.open(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1, "task": "x", "settings": {}}'])
def test_broken_settings_are_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RunError):
        Run.open(tmp_path)


@pytest.mark.parametrize("name", list(CONFIGS))
@pytest.mark.parametrize("cell", list(CELL_CONFIGS))
def test_settings_survive_json(name, cell):
    config = dataclasses.replace(recipe(name, cell), seed=7)
    settings = json.loads(json.dumps(dataclasses.asdict(config)))
    assert config_from_dict(name, settings, cell) == config


@pytest.mark.parametrize("cell", list(CELL_CONFIGS))
def test_settings_of_a_cell_are_its_arguments(cell):
    """With the same defaults; the output's size comes from the task, a seed from training."""
    parameters = inspect.signature(CELLS[cell].__init__).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    for name in ("self", "output_dim", "kwargs", "seed"):
        defaults.pop(name, None)
    assert dataclasses.asdict(CELL_CONFIGS[cell]()) == defaults


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "expected batch_size of at least 1, got 0"),
        ({"min_length": 0}, "expected min_length of at least 1, got 0"),
        ({"max_length": 0}, "expected max_length of at least min_length, 1, got 0"),
        ({"report_sequences": 3}, "expected report_sequences of at least batch_size, 4, got 3"),
        ({"learning_rate": 0.0}, "expected learning_rate above 0, got 0.0"),
        ({"lost_above": 0.04}, "expected lost_above of at least anneal_below, 0.05, got 0.04"),
        ({"restart_after": -1}, "expected restart_after of at least 0, got -1"),
        ({"anneal_budget": 1.5}, "expected anneal_budget from 0 to 1, got 1.5"),
        ({"blur_cost": -1.0}, "expected blur_cost of at least 0, got -1.0"),
        ({"replay": 1.0}, "expected replay from 0 to below 1, got 1.0"),
        ({"training_fields": {"alike": 0.5}}, "expected fields of width, sparse, got alike"),
        ({"training_fields": {"sparse": 1.5}}, "expected sparse as a number from 0 to 1, got 1.5"),
        ({"training_fields": {"width": 4}}, "expected the input_width of training, 9, got 5"),
        ({"task": PrioritySort()}, "expected fields of width, sorted_fraction, got sparse"),
        ({"seed": -1, "clip_norm": 0.0}, "expected seed .*, got -1; expected clip_norm above 0"),
    ],
)
def test_impossible_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        CopyConfig(**change)


@pytest.mark.slow
def test_command_line_errors_are_one_line(tmp_path):
    for script in ("evaluate.py", "plot.py"):
        done = subprocess.run(
            [sys.executable, ROOT / "scripts" / script, tmp_path / "nothing"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert "Error: expected a run's folder" in done.stderr
        assert "Traceback" not in done.stderr
