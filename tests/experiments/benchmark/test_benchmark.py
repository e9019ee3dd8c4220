"""The benchmark: who takes part, scores between random and oracle, what is written of them."""

import csv
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.marks import SAVING
from matplotlib.image import imread

from agents.evaluation.bootstrap import Estimate, performance_profiles, pooled_means
from agents.evaluation.scores import held_out, tape_returns
from agents.experiments.benchmark.entrants import Baseline, Sb3Entrant, parse_entrants
from agents.experiments.benchmark.grid import make_jobs
from agents.experiments.benchmark.job import BenchmarkJob, Result, Score
from agents.experiments.benchmark.leaderboard import (
    Row,
    environment_table,
    normalised,
    score_table,
    write_leaderboard,
)
from agents.experiments.benchmark.sb3_settings import SB3_LEARNERS, Sb3Learner
from agents.experiments.benchmark.trial import Trial
from agents.policies.agent import OracleAgent
from agents.policies.own import OwnAgent
from agents.recipes.reward import budgeted, reward_recipe
from agents.storage.files import RunError
from ntm_gym import PROTOCOLS, Copy

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "tutorials" / "benchmark.md"
COPY = "NTMCopy-v0"
SMALL = {"lengths": (1, 2), "episodes": 100, "max_length": 2, "fields": {"width": 2}}

MINE = """
import numpy as np


class Echo:
    made = []

    def __init__(self, env_id, task, seed):
        self.made.append((env_id, task.width, seed))

    def act(self, observation, state=None, episode_start=None):
        if state is None:
            state = np.zeros((2, *observation.shape), np.float32)
        return state[0, :, :-1], np.concatenate([state[1:], observation[None]])


class Keeps:
    def __init__(self, **_):
        self.rows = 0

    def reset(self, rows):
        self.rows, self.seen = rows, [np.zeros((rows, 2))] * 2

    def act(self, observation):
        self.seen.append(observation[:, :2] > 0)
        return self.seen[-3]


class Learner(Keeps):
    def __init__(self, env_id, task, seed, steps, lengths):
        self.curve = [(steps // 2, 0.25), (np.int64(steps), np.float32(lengths[1]))]


class Quiet(Keeps):
    def __init__(self, env_id, task, seed, steps):
        pass


class LooksBack(Keeps):
    def __init__(self, env_id, task, seed, steps=3):
        self.curve = steps


class NeedsLengths(Keeps):
    def __init__(self, env_id, task, seed, lengths):
        pass


def zeros(observation):
    return np.zeros((len(observation), 2))


class Alone:
    def act(self, observation):
        return zeros(observation)


def two(observation, state):
    return zeros(observation), state


keeps, nothing, alone = Keeps(), object(), Alone()
"""


@pytest.fixture(autouse=True)
def tensorflow_is_ready(monkeypatch):
    """Jobs are done in this process, where other tests may have loaded TensorFlow already."""
    monkeypatch.setattr("agents.tensorflow.prepare", lambda: None)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of a user's own agents, which can be imported."""
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("mine", None)


def small(folder, *agents, env=COPY, **changes):
    return make_jobs(folder, [env], agents, **{"seeds": (0,), **SMALL, **changes})


def on(job, **changes):
    """The job on another trial."""
    return dataclasses.replace(job, trial=dataclasses.replace(job.trial, **changes))


def done(job):
    job.work(lambda *_: None)
    assert job.is_done()
    return job.result()


def test_scores_by_hand():
    assert normalised(0.25, 0.5) == 0.5
    assert normalised(-0.5, 0.5) == -1
    assert normalised(0.3, 0.5, random_return=0.1) == pytest.approx(0.5)
    for oracle in (0.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match=r"expected an oracle's return above 0.0"):
            normalised(0.25, oracle)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_oracle_has_1_and_random_answers_about_0(tmp_path, name):
    length = PROTOCOLS[name].evaluation_lengths[0]
    options = {"fields": None, "max_length": None, "lengths": (length,)}
    env = PROTOCOLS[name].env_id
    scores = {}
    for job in small(tmp_path, "random", "oracle", env=env, **options):
        (score,) = done(job).scores
        scores[job.entrant.name] = normalised(score.mean_return, score.oracle_return)
        assert (score.perfect == 1) == (job.entrant.name == "oracle" and name != "dynamic_ngrams")
    assert scores["oracle"] == 1
    assert scores["random"] == pytest.approx(0, abs=0.1)


class ActsOnly:
    """An agent without its `logits`."""

    def __init__(self, agent):
        self.act = agent.act


@pytest.mark.parametrize("name", ["repeat_copy", "dynamic_ngrams"])
def test_whole_tapes_return_what_playing_returns(name):
    task, env_id = PROTOCOLS[name].task, PROTOCOLS[name].env_id
    tapes = held_out(task, PROTOCOLS[name].min_length, 50, seed=1)
    oracle = OracleAgent(task)
    played = tape_returns(ActsOnly(oracle), env_id, task, tapes)
    np.testing.assert_allclose(tape_returns(oracle, env_id, task, tapes), played, atol=1e-9)

    class Half(OracleAgent):
        """Right in the first bit alone, if the right ones of the others are all 0."""

        def logits(self, batch):
            return np.where(np.arange(batch.targets.shape[2]) == 0, super().logits(batch), -1.0)

        def act(self, *arguments):
            actions, state = super().act(*arguments)
            return actions * (np.arange(actions.shape[1]) == 0), state

    half = Half(task)
    played = tape_returns(ActsOnly(half), env_id, task, tapes)
    np.testing.assert_allclose(tape_returns(half, env_id, task, tapes), played, atol=1e-9)


def row(agent, seed, length, score, beyond=False, env_id=COPY, **changes):
    values = (env_id, agent, seed, length, beyond, 8, score, 1.0, score, 0.0, 1000, 2.0)
    return Row(*values)._replace(**changes)


@pytest.mark.slow
def test_interquartile_mean_and_profile_by_hand():
    # Eight scores: the mean leaves out the two least and the two greatest.
    scores = np.array([[0.0, 0.1, 0.2, 0.9], [0.3, 0.4, 0.5, -5.0]])
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    (mean,) = pooled_means({"a": scores}).values()
    assert mean.mean == pytest.approx((0.1 + 0.2 + 0.3 + 0.4) / 4)
    assert mean.low < mean.mean < mean.high
    thresholds = np.array([-6.0, 0.0, 0.25, 1.0])
    profile = performance_profiles({"a": scores}, thresholds)["a"]
    assert [estimate.mean for estimate in profile] == [1, 6 / 8, 4 / 8, 0]
    assert all(low <= mean <= high for mean, low, high in profile)
    # A bootstrap within each task: where all runs agree, nothing varies.
    agreed = np.tile([0.0, 0.5, 1.0], (4, 1))
    assert pooled_means({"b": agreed})["b"] == Estimate(0.5, 0.5, 0.5)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_tables_of_scores_have_runs_and_tasks():
    rows = [row("a", seed, length, seed + length / 10) for length in (1, 2) for seed in (1, 0)]
    rows += [row("b", 0, 1, 0.5), row("b", 0, 2, 0.6), row("b", 1, 2, 0.7)]
    table = score_table(rows)
    assert list(table) == ["a"]
    assert table["a"].tolist() == [[0.1, 0.2], [1.1, 1.2]]


def test_environments_count_alike_however_many_lengths_they_have():
    rows = [row("a", seed, length, length / 10) for length in (1, 2, 6) for seed in (0, 1)]
    rows += [row("b", 0, length, 0.5) for length in (1, 2, 6)]
    rows += [row("a", seed, 3, seed / 2, env_id="other") for seed in (0, 1)]
    table = environment_table(rows)
    assert list(table) == ["a"]
    np.testing.assert_allclose(table["a"], [[0.3, 0.0], [0.3, 0.5]])
    assert environment_table([]) == {}


def made_up(folder, agent, seed, scores, env_id=COPY, steps=1000):
    """A job and its result: scores at the lengths 20, as in training, and 40."""
    job = BenchmarkJob(
        folder / env_id / agent / str(seed),
        Sb3Entrant(agent, agent),
        Trial(env_id, Copy(), trained=(1, 20), seed=seed, steps=steps),
        lengths=(20, 40),
        episodes=8,
    )
    found = tuple(
        Score(length, score * 0.5, 0.5, 0.0) for length, score in zip((20, 40), scores, strict=True)
    )
    return job, Result(steps, 20.0 + 10 * seed, [(500, 0.1), (1000, scores[0] / 2)], found)


@pytest.mark.slow
def test_leaderboard(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.evaluation.bootstrap.RESAMPLES", 50)
    recall = "NTMAssociativeRecall-v0"
    results = [made_up(tmp_path, "ppo", seed, (0.5, 0.25)) for seed in range(2)]
    results += [made_up(tmp_path, "best", seed, (1.0, 0.75)) for seed in range(2)]
    results += [made_up(tmp_path, "best", seed, (0.5, 0.25), recall) for seed in range(2)]
    text = write_leaderboard(results, "python scripts/benchmark.py --seeds 0 1", tmp_path)
    assert (tmp_path / "leaderboard.md").read_text() == text
    assert "```bash\npython scripts/benchmark.py --seeds 0 1\n```" in text
    overall, copy, _ = text.split("\n## ")[1:]
    # Of 1, 0.75, 0.5 and 0.25, each twice, the middle half; of two each, all.
    assert "| `best` | 2 | 0.625 [0.625, 0.625] | 0.750 [0.750, 0.750] | 0.500 [0.5" in overall
    assert "ppo" not in overall
    assert "| agent | seeds | env steps | seconds | all lengths | at 20 | at *40* |" in copy
    best, ppo = (line for line in copy.splitlines() if line.startswith("| `"))
    assert best.startswith("| `best` | 2 | 1,000 | 25 | 0.875 [0.875, 0.875] | 1.000 [1.000, 1")
    assert ppo.endswith("| 0.375 [0.375, 0.375] | 0.500 [0.500, 0.500] | 0.250 [0.250, 0.250] |")
    rows = read_csv(tmp_path / "scores.csv")
    assert [row["score"] for row in rows[:2]] == ["0.5", "0.25"]
    assert [row["beyond"] for row in rows[:2]] == ["False", "True"]
    assert len(rows) == 12
    points = read_csv(tmp_path / "curves.csv")
    assert list(points[1].values()) == [COPY, "ppo", "0", "1000", "0.25"]
    for name in ("all", COPY, recall, f"{COPY}-learning", f"{recall}-learning"):
        assert f"({name}.png)" in text
        picture = imread(tmp_path / f"{name}.png")
        assert picture.shape[:2] == (560, 1000)
        assert np.ptp(picture[..., :3]) > 0.5


@pytest.mark.slow
def test_an_environment_that_cannot_be_scored_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.evaluation.bootstrap.RESAMPLES", 50)
    job, result = made_up(tmp_path, "ppo", 0, (0.5, 0.25), "NTMDynamicNGrams-v0")
    flat = tuple(dataclasses.replace(score, oracle_return=0.0) for score in result.scores)
    bad = job, dataclasses.replace(result, scores=flat)
    good = made_up(tmp_path, "ppo", 0, (0.5, 0.25))
    text = write_leaderboard([bad, good], "", tmp_path)
    assert "`NTMDynamicNGrams-v0` is left out: expected an oracle's return above 0" in text
    assert {row["env_id"] for row in read_csv(tmp_path / "scores.csv")} == {COPY}
    with pytest.raises(ValueError, match="no environment could be scored"):
        write_leaderboard([bad], "", tmp_path)


@pytest.mark.slow
def test_runs_of_different_environments_alone_have_no_table_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.evaluation.bootstrap.RESAMPLES", 50)
    results = [made_up(tmp_path, "copy", 0, (0.5, 0.25))]
    results.append(made_up(tmp_path, "recall", 0, (0.5, 0.25), "NTMAssociativeRecall-v0"))
    assert "All environments" not in write_leaderboard(results, "", tmp_path)
    assert not (tmp_path / "all.png").exists()


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"envs": ["NTMCpoy-v0"]}, r"expected envs of NTMCopy-v0, .*, got 'NTMCpoy-v0'"),
        ({"envs": []}, "expected envs as a list of different values"),
        ({"agents": []}, "expected at least one agent, got none"),
        ({"agents": ["pppo"]}, r"expected agents as some of random, .*, got 'pppo'"),
        ({"agents": ["runs/none"]}, r"or a run's folder with config.json, got 'runs/none'"),
        ({"agents": ["no_such_module:Me"]}, "got 'no_such_module:Me': ModuleNotFoundError"),
        ({"agents": ["mine:Nobody"]}, "expected a name of the module mine, got 'Nobody'"),
        ({"agents": ["mine:nothing"]}, "expected a class or an object with act, or a function"),
        ({"agents": ["mine:Alone"]}, r"expected mine:Alone\(env_id=..., .* got one with got an"),
        ({"agents": ["mine:alone"]}, r"expected act\(observation, state, .* too many positional"),
        ({"agents": ["mine:two"]}, "expected a function of the observation, .* missing a required"),
        ({"agents": ["mine:"]}, "expected a name of the module mine, got ''"),
        ({"agents": ["=ppo"]}, "expected agents as SOURCE or NAME=SOURCE, got '=ppo'"),
        ({"agents": ["ppo", "ppo"]}, "expected each name once, except of runs, got 'ppo' again"),
        ({"agents": ["a/b=ppo", "a:b=a2c"]}, "expected agents with different names"),
        ({"steps": 0}, "expected steps of at least 1, got 0"),
        ({"episodes": 0}, "expected episodes of at least 1, got 0"),
        ({"seeds": [0, 0]}, "expected seeds as a list of different values"),
        ({"seeds": [-1]}, "expected seeds of at least 0, got -1"),
        ({"lengths": [0]}, "expected lengths from 1 to"),
        ({"max_length": 0}, "got"),
        ({"fields": {"wdith": 2}}, "got wdith"),
    ],
)
@pytest.mark.usefixtures("mine")
def test_bad_input_is_refused_before_any_work(tmp_path, changes, message):
    arguments = {"envs": [COPY], "agents": ["random"], **changes}
    with pytest.raises(ValueError, match=message):
        make_jobs(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_missing_packages_are_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(RuntimeError, match=r'for a2c, got none: pip install -e "\.\[sb3\]"'):
        parse_entrants(["random", "a2c"])


def test_names():
    ppo, own = parse_entrants(["ppo", "other=random"])
    assert ppo == Sb3Entrant("ppo", "ppo")
    assert own == Baseline("other", "random")


def test_own_agents(mine, tmp_path):
    # Right where a vector was shown two steps before: at length 1 alone.
    names = ["mine:Echo", "mine:Keeps", "mine:keeps", "mine:zeros"]
    jobs = small(tmp_path, *names, seeds=(5,))
    assert [job.folder.parent.name for job in jobs] == [
        *("mine-Echo", "mine-Keeps", "mine-keeps", "mine-zeros")
    ]
    for job in jobs:
        one, two = done(job).scores
        if job.entrant.source == "mine:zeros":
            assert abs(one.mean_return) < 0.3
        else:
            assert (one.mean_return, one.perfect) == (1, 1)
        assert -0.3 < two.mean_return < 0.3
        assert job.result().steps is None
    assert sys.modules["mine"].Echo.made == [(COPY, 2, 5)]
    assert sys.modules["mine"].keeps.rows == 100
    # What the module does now is not what was scored.
    (mine / "mine.py").write_text(MINE + "\n")
    with pytest.raises(RunError, match=r"holds a result of other settings \(module\)"):
        jobs[0].is_done()


@pytest.mark.usefixtures("mine")
def test_an_own_agent_that_learns_has_a_budget_and_a_curve(tmp_path):
    (job,) = small(tmp_path, "mine:Learner", steps=64)
    result = done(job)
    assert (result.steps, result.curve) == (64, [(32, 0.25), (64, SMALL["max_length"])])
    assert result.seconds >= 0
    assert result.scores[0].perfect == 1
    with pytest.raises(RunError, match=r"holds a result of other settings \(steps\)"):
        on(job, steps=32).is_done()
    # Without a curve, nobody knows how many of its steps it took.
    (quiet,) = small(tmp_path, "mine:Quiet", steps=64)
    assert (done(quiet).steps, done(quiet).curve) == (None, [])
    # One that learns nothing has no budget, so that its result stays. What it calls its own is so.
    for name in ("mine:Keeps", "mine:LooksBack"):
        (other,) = small(tmp_path, name, steps=64)
        assert done(other).curve == []
        assert on(other, steps=32, trained=(1, 1)).is_done()
    with pytest.raises(
        ValueError, match=r"expected mine:NeedsLengths\(.*steps and lengths if it l"
    ):
        small(tmp_path, "mine:NeedsLengths")


@pytest.mark.parametrize(
    "curve",
    [3, [1, 2], [("a", 0.5)], [(np.inf, 1)], [(2, 0.5), (1, 0.6)], [(1, np.nan)], [(0, 1)]],
    ids=str,
)
def test_a_curve_that_is_none(curve):
    own = type("A", (), {"curve": curve, "act": lambda *_: None})()
    with pytest.raises(ValueError, match="expected a curve of pairs, environment steps, ascending"):
        OwnAgent(own).curve()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda _: np.zeros((1, 2)), r"expected actions \[B, W\] for B = 3 .* shape \(1, 2\)"),
        (lambda _: np.zeros((3, 5)), r"expected an action of shape \(3, 2\)"),
        (lambda _: np.full((3, 2), 0.5), "expected an action of 0 and 1 only, got .*0.5"),
        (type("A", (), {"act": lambda *_: np.zeros((3, 2))})(), "expected act to return actions"),
    ],
)
def test_own_agents_that_answer_otherwise(answer, message):
    task = Copy(width=2)
    with pytest.raises(ValueError, match=message):
        tape_returns(OwnAgent(answer), COPY, task, held_out(task, 1, 3, seed=0))


@pytest.fixture
def tiny_learners(monkeypatch):
    """Learners of few rows and small networks, by the names of the benchmark's."""
    kwargs = {"policy_kwargs": {"net_arch": [16]}, "gamma": 0.0}
    ppo = {"n_steps": 32, "batch_size": 64, "n_epochs": 4, "learning_rate": 1e-2, **kwargs}
    lstm = {**ppo, "policy_kwargs": {"net_arch": [16], "lstm_hidden_size": 16}}
    learners = {
        "ppo_frames": Sb3Learner("PPO", "MlpPolicy", 8, True, ppo),
        "a2c": Sb3Learner("A2C", "MlpPolicy", 8, False, {"n_steps": 8, **kwargs}),
        "recurrent_ppo": Sb3Learner("RecurrentPPO", "MlpLstmPolicy", 8, False, lstm),
    }
    assert learners.keys() <= SB3_LEARNERS.keys()
    monkeypatch.setattr("agents.experiments.benchmark.entrants.SB3_LEARNERS", learners)


@pytest.mark.usefixtures("tiny_learners", "one_thread")
class TestLearners:
    """Each learner gets its row; one of them learns."""

    @pytest.mark.slow
    def test_ppo_learns_and_a_job_that_was_cut_off_is_done_again(self, tmp_path):
        pytest.importorskip("stable_baselines3")
        options = {"steps": 4096, "lengths": (1,), "max_length": 1}
        (whole,) = small(tmp_path / "whole", "ppo_frames", **options)
        result = done(whole)
        assert result.steps == 4096
        assert result.scores[0].mean_return > 0.4
        steps, returns = np.array(result.curve).T
        assert np.all(np.diff(steps) > 0)
        assert steps[-1] <= 4096
        assert len(steps) > 20
        assert abs(returns[:3].mean()) < 0.3 < returns[-3:].mean()

        (cut,) = small(tmp_path / "cut", "ppo_frames", **options)

        def stop(steps, _):
            if steps > 2000:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            cut.work(stop)
        assert not cut.is_done()
        again = done(cut)
        assert (again.scores, again.curve) == (result.scores, result.curve)

        other = on(cut, steps=2048)
        with pytest.raises(RunError, match=r"holds a result of other settings \(steps\); remove"):
            other.is_done()

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["a2c", "recurrent_ppo"])
    def test_others_get_a_row(self, tmp_path, name):
        pytest.importorskip("sb3_contrib")
        heard = []
        (job,) = small(tmp_path, name, steps=512)
        job.work(lambda *news: heard.append(news))
        result = job.result()
        assert result.steps >= 512
        assert [score.length for score in result.scores] == [1, 2]
        assert all(-1 <= score.mean_return <= 1 for score in result.scores)
        assert heard[-1] == (512, "evaluation at 2")


@pytest.mark.usefixtures("one_thread")
def test_frames_and_states_are_those_of_training():
    """Played alone, a policy sees what Stable-Baselines3 shows it in its own environments."""
    pytest.importorskip("sb3_contrib")
    import torch

    from agents.experiments.benchmark.sb3_learners import Sb3Agent, make_envs

    torch.manual_seed(0)
    task = Copy(width=2)
    learner = dataclasses.replace(SB3_LEARNERS["ppo_frames"], rows=3)
    envs, frames = make_envs(learner, Trial(COPY, task, trained=(1, 2), seed=0, steps=1))
    assert frames == task.steps(np.array([2]))[0]
    seen = []

    class Model:
        """Sees, and answers nothing."""

        def predict(self, observation, *_, **__):
            seen.append(observation)
            return np.zeros((3, 2), int), None

    agent, state, ended = Sb3Agent(Model(), frames), None, None
    shown = envs.reset()
    for _ in range(12):
        last = shown[:, -task.input_width :]
        actions, state = agent.act(last, state, ended)
        np.testing.assert_array_equal(seen[-1], shown)
        shown, _, ended, _ = envs.step(actions)


@pytest.mark.slow
@SAVING
def test_learners_by_reward_and_runs(tmp_path, monkeypatch):
    from agents.evaluation.scores import evaluate_run
    from agents.recipes.cells import LSTMConfig
    from agents.storage.runs import Run

    tiny = dataclasses.replace(
        reward_recipe(COPY, "lstm"),
        cell=LSTMConfig(units=4, layers=1),
        episodes=2,
        rollouts=4,
    )
    monkeypatch.setattr("agents.recipes.reward.reward_recipe", lambda *_: tiny)
    options = {"episodes": 16, "steps": 200, "seeds": (3,)}
    (job,) = small(tmp_path, "lstm-rl", **options)
    result = done(job)
    # Six updates of eight rows and of four steps in the mean, three to five each.
    assert len(result.curve) == 6
    assert result.steps == result.curve[-1][0]
    assert 6 * 8 * 3 <= result.steps <= 6 * 8 * 5

    run = Run.open(job.folder / "run")
    assert run.config.seed == 3
    list(evaluate_run(run, (1, 2), episodes=16))
    errors = {
        row["length"]: row["bit_errors"]
        for row in json.loads((run.folder / "evaluation.json").read_text())["scores"]
        if row["agent"] == "lstm"
    }
    (loaded,) = small(tmp_path, f"lstm={run.folder}", **options)
    assert (loaded.trial.seed, loaded.folder.parent.name) == (3, "lstm")
    scores = done(loaded).scores
    assert scores == result.scores
    for score in scores:
        assert score.mean_return == pytest.approx(1 - errors[score.length] / score.length)

    assert (done(loaded).steps, done(loaded).curve) == (result.steps, result.curve)

    with pytest.raises(ValueError, match="expected each run once"):
        small(tmp_path, f"a={run.folder}", f"a={run.folder}")
    recall = {"env": "NTMAssociativeRecall-v0", "lengths": (2,), "max_length": None}
    with pytest.raises(ValueError, match=r"expected a run of NTMAssoc.*-v0, got .* of NTMCopy-v0"):
        small(tmp_path, str(run.folder), fields=None, **recall)
    other_task = r"expected a run of Copy\(width=8, sparse=0\.0\), got .*width=2"
    with pytest.raises(ValueError, match=other_task):
        small(tmp_path, str(run.folder), fields=None)
    (run.folder / "model.keras").unlink()
    with pytest.raises(RunError, match="has training ended"):
        small(tmp_path, str(run.folder))


def test_reward_learners_keep_to_the_budget():
    task = Copy(width=2)
    recipe = reward_recipe(COPY)
    config = budgeted(recipe, task, lengths=(1, 2), steps=100_000, seed=3)
    assert (config.task, config.min_length, config.max_length) == (task, 1, 2)
    rows = config.episodes * config.rollouts
    mean_steps = 4  # of tapes of one vector and of two: 3 and 5
    assert config.max_updates * rows * mean_steps == pytest.approx(100_000, rel=0.05)
    assert config.report_updates <= config.max_updates / 40 + 1
    assert budgeted(recipe, task, lengths=(1, 2), steps=1, seed=3).max_updates == 1
    large = budgeted(recipe, task, lengths=(1, 20), steps=10**10, seed=0)
    assert large.report_updates == recipe.report_updates


def test_a_folder_that_holds_no_result_is_said(tmp_path):
    (job,) = small(tmp_path, "oracle")
    done(job)
    path = job.folder / "result.json"
    content = json.loads(path.read_text())
    for broken in ("{", "[]", json.dumps({**content, "scores": [{"length": 1}]})):
        path.write_text(broken)
        with pytest.raises(RunError, match="expected a result in"):
            job.is_done()
    path.write_text(json.dumps(content))
    (changed,) = small(tmp_path, "oracle", episodes=50)
    with pytest.raises(RunError, match=r"other settings \(episodes\); remove it or choose"):
        changed.is_done()
    # What training costs does not change what needs none.
    (same,) = small(tmp_path, "oracle", steps=7)
    assert same.is_done()


@pytest.mark.slow
def test_script(mine):
    command = [sys.executable, ROOT / "scripts" / "benchmark.py", "--agents", "random", "mine:Echo"]
    command += ["--seeds", "0", "--lengths", "1", "--episodes", "50", "--fields", "width", "2"]
    runs, written = [], []
    for _ in range(2):
        run = subprocess.run(command, cwd=mine, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        runs.append(run)
        written.append({path: path.stat().st_mtime_ns for path in mine.rglob("result.json")})
    # What is done is not done again.
    assert len(written[0]) == 2
    assert written[0] == written[1]
    folder = mine / "runs" / "benchmark"
    assert "| `mine:Echo` | 1 | - | - | 1.000 | 1.000 |" in runs[1].stdout
    assert "--agents random mine:Echo" in (folder / "leaderboard.md").read_text()
    assert [row["agent"] for row in read_csv(folder / "scores.csv")] == ["random", "mine:Echo"]
    assert not list(folder.rglob(".new-*"))


def module_of(page, name):
    """The Python block of a page whose first line is a comment with this file's name."""
    text = page.read_text(encoding="utf-8")
    blocks = text.split("```python\n")[1:]
    (found,) = (block.split("```")[0] for block in blocks if block.startswith(f"# {name}.py"))
    return found


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    "agent",
    [
        "my_numpy_agent:Echo",
        "my_torch_agent:TorchAgent",
        "my_keras_agent:KerasAgent",
        "my_learner:Delay",
    ],
)
def test_examples_of_the_tutorial_get_a_row(tmp_path, monkeypatch, agent):
    name = agent.partition(":")[0]
    (tmp_path / f"{name}.py").write_text(module_of(PAGE, name))
    monkeypatch.syspath_prepend(str(tmp_path))
    jobs = small(tmp_path, agent, lengths=(4,), fields=None, max_length=4, steps=2000)
    try:
        result = done(jobs[0])
    finally:
        sys.modules.pop(name, None)
    (score,) = result.scores
    if name == "my_learner":
        assert 1000 < result.steps == result.curve[-1][0] < 2000
    if name in ("my_numpy_agent", "my_learner"):
        assert score.mean_return == 1
    else:
        assert abs(score.mean_return) < 0.3


def test_a_learner_that_was_cut_off_goes_on_unless_its_settings_are_others(tmp_path, monkeypatch):
    found = []

    def cut_off(_, run, __):
        found.append({path.name for path in run.folder.iterdir()})
        (run.folder / "metrics.csv").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("agents.tensorflow.prepare", lambda: None)  # it runs here already
    monkeypatch.setattr("agents.training.reward.actor_critic.train", cut_off)
    for steps in (10_000, 10_000, 20_000):
        (job,) = make_jobs(tmp_path, ["NTMCopy-v0"], ["lstm-rl"], steps=steps)
        with pytest.raises(KeyboardInterrupt):
            job.work(print)
    assert found == [{"config.json"}, {"config.json", "metrics.csv"}, {"config.json"}]
