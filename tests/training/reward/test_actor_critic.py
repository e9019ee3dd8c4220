"""Learning by reward: advantages, what is learned from, and that it learns."""

import dataclasses

import gymnasium as gym
import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.marks import SAVING
from matplotlib.image import imread

from agents.cli import console
from agents.evaluation.figures import draw_run
from agents.evaluation.scores import evaluate_run
from agents.evaluation.summary import solved_at
from agents.policies.recurrent import RecurrentAgent
from agents.recipes import reward
from agents.recipes.cells import DNCConfig, LSTMConfig, NTMConfig
from agents.recipes.reward import RewardConfig, reward_recipe
from agents.storage.runs import Run
from agents.training.reward import advantages, policy_gradient
from agents.training.reward.actor_critic import Episodes, train
from agents.training.reward.advantages import Lesson, better_bits, lesson_of
from agents.training.reward.experience import Experience, make_player
from agents.training.reward.policy_gradient import PolicyGradient
from agents.training.reward.spaces import expect_learnable
from agents.training.tapes import in_groups
from agents.training.updates import build_optimizer
from ntm_gym import TaskVectorEnv
from ntm_gym.cells import LSTMCell, unroll
from ntm_gym.tasks import Copy

pytestmark = SAVING

TINY = RewardConfig(
    *("NTMCopy-v0", Copy(width=2), LSTMConfig(units=8), 1, 2),
    episodes=4,
    rollouts=4,
    gamma=0.0,
    max_updates=4,
    report_updates=2,
)
CARTPOLE = dataclasses.replace(
    reward_recipe("CartPole-v1", "lstm"), episodes=4, max_updates=4, report_updates=2
)


def run_of(tmp_path, config, name="run"):
    return Run.create(tmp_path / name, config)


def experience(rewards, values, steps):
    """Experience of rewards [G, K, T] and values [G, K, T + 1]."""
    rewards = np.array(rewards, float)
    groups, rollouts, longest = rewards.shape
    values = np.broadcast_to(np.array(values, float), (groups, rollouts, longest + 1))
    return Experience(
        np.zeros((groups, longest, 1), np.float32),
        np.zeros((groups, rollouts, longest, 1), np.float32),
        rewards,
        values,
        np.zeros((*rewards.shape, 1), np.float32),
        np.array(steps, np.int32),
        {},
    )


def test_generalised_advantages_by_hand(monkeypatch):
    config = dataclasses.replace(CARTPOLE, gamma=0.5)
    monkeypatch.setattr(advantages, "GAE_LAMBDA", 0.5)
    monkeypatch.setattr(advantages, "REWARD_SCALE", 2.0)
    # One episode of two steps, cut: the value after the last step, 8, counts.
    played = experience([[[1, 3, 0]]], [[[4, 2, 8, 0]]], [2])
    lesson = lesson_of(played, config)
    last = 6 + 0.5 * 8 - 2
    first = 2 + 0.5 * 2 - 4 + 0.25 * last
    np.testing.assert_allclose(lesson.advantages[..., 0], [[[first, last, 0]]])
    np.testing.assert_allclose(lesson.returns, [[first + 4, last + 2, 0]])
    assert lesson.matters.tolist() == [[1, 1, 0]]


def test_lambda_one_and_zero(monkeypatch):
    played = experience([[[1, 0, 2]]], [[[0.5, 0.25, 1, 0]]], [3])
    config = dataclasses.replace(CARTPOLE, gamma=0.9)
    monkeypatch.setattr(advantages, "REWARD_SCALE", 1.0)
    monkeypatch.setattr(advantages, "GAE_LAMBDA", 1.0)
    returns = lesson_of(played, config).returns
    np.testing.assert_allclose(returns, [[1 + 0.81 * 2, 0.9 * 2, 2]], rtol=1e-6)
    monkeypatch.setattr(advantages, "GAE_LAMBDA", 0.0)
    returns = lesson_of(played, config).returns
    np.testing.assert_allclose(returns, [[1 + 0.9 * 0.25, 0.9, 2]], rtol=1e-6)


def test_the_other_rollouts_are_the_baseline():
    rewards = [[[1, 0, 0], [3, 4, 0], [5, 2, 0]]]
    played = experience(rewards, np.zeros((1, 1, 4)), [2])
    lesson = lesson_of(played, dataclasses.replace(TINY, gamma=0.0))
    # Times the two steps of the episode.
    expected = 2 * np.array([[[-3, -3, 0], [0, 3, 0], [3, 0, 0]]])
    np.testing.assert_allclose(lesson.advantages[..., 0], expected)
    assert not lesson.returns.any()
    lesson = lesson_of(played, dataclasses.replace(TINY, gamma=1.0))
    expected = 2 * np.array([[[-6, -3, 0], [3, 3, 0], [3, 0, 0]]])
    np.testing.assert_allclose(lesson.advantages[..., 0], expected)


@pytest.mark.parametrize(("gamma", "expected"), [(0.0, [0, 1, 0, 0]), (0.5, [1, 1, 0, 0])])
def test_steps_matter_up_to_the_last_reward(gamma, expected):
    played = experience([[[0, 2, 0, 0], [0, 0, 0, 0]]], np.zeros((1, 1, 5)), [3])
    matters = lesson_of(played, dataclasses.replace(TINY, gamma=gamma)).matters
    assert matters.tolist() == [expected]


def test_rollouts_tell_which_value_of_a_bit_is_better():
    rng = np.random.default_rng(0)
    bits = rng.integers(2, size=(2, 12, 3, 4)).astype(float)
    worth = np.array([1.0, -2.0, 0.5, 0.0])
    got = (bits @ worth)[..., np.newaxis] + 7.0
    better, costs = better_bits(bits, got)
    assert better.shape == costs.shape == (2, 1, 3, 4)
    assert np.all(better[..., :3] == [1, 0, 1])
    np.testing.assert_allclose(costs, np.broadcast_to([0.5, 1, 0.25, 0], costs.shape), atol=0.01)


def test_few_rollouts_are_right_more_often_than_not():
    rng = np.random.default_rng(0)
    right = rng.integers(2, size=(2_000, 1, 1, 8))
    bits = rng.integers(2, size=(2_000, 3, 1, 8))
    got = (bits == right).sum(axis=-1, keepdims=True).astype(float)
    better, costs = better_bits(bits, got)
    # Weighted by what it costs, as in the loss.
    assert 0.7 < ((better == right) * costs).sum() / costs.sum() < 0.9


def test_nothing_is_taught_of_bits_that_never_differ():
    got = np.random.default_rng(0).normal(size=(1, 8, 1, 1))
    _, costs = better_bits(np.ones((1, 8, 1, 2)), got)
    assert costs.tolist() == [[[[0, 0]]]]


@pytest.mark.parametrize("reward", [0.0, 0.1, -1 / 3])
def test_nothing_is_taught_by_equal_rewards(reward):
    bits = np.random.default_rng(0).integers(2, size=(50, 12, 3, 8)).astype(float)
    _, costs = better_bits(bits, np.full((50, 12, 3, 1), reward))
    assert not costs.any()


def test_bits_are_taught_as_right_answers_are():
    """Where rollouts tell all about the bits, what they ask of a cell is what right answers ask."""
    config = dataclasses.replace(TINY, rollouts=12, credit="bit")
    player = make_player(config)
    cell = make_cell(player)
    # All answers are sure, and half of them wrong.
    cell.output_layer.bias.assign([10.0, -10.0])
    rng = np.random.default_rng(0)
    tapes = config.task.sample(rng, np.array([2, 2, 2, 2]))
    shown, steps = tapes.inputs.astype(np.float32), tapes.steps.astype(np.int32)
    taken = rng.integers(2, size=(4, 12, 5, 2)).astype(np.float32)
    scored = tapes.mask[:, np.newaxis] * 1.0
    rewards = ((taken == tapes.targets[:, np.newaxis]) * scored[..., np.newaxis]).sum(axis=-1)
    played = Experience(
        *(shown, taken, rewards, np.zeros((4, 12, 6)), np.zeros_like(taken), steps, {})
    )
    gradient = PolicyGradient(cell, player.actions, config)
    nothing = np.float32(0)
    found = gradient.differentiate(lesson_of(played, config), nothing, nothing).gradients
    with tf.GradientTape() as tape:
        logits = unroll(cell, shown, steps, training=True).outputs
        nats = tf.nn.sigmoid_cross_entropy_with_logits(tapes.targets.astype(np.float32), logits)
        loss = tf.reduce_sum(nats * tapes.mask[..., np.newaxis].astype(np.float32)) / 4
    expected = tape.gradient(loss, [variable.value for variable in cell.trainable_variables])
    assert max(np.abs(each).max() for each in expected) > 0.5
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.01, atol=0.01)


def test_only_the_first_rollout_of_a_tape_explores_nothing():
    config = dataclasses.replace(TINY, credit="bit", exploration=0.25, episodes=50)
    batch = config.task.sample(np.random.default_rng(0), np.full(50, 2))
    sure = tf.constant(np.where(np.arange(2), 99.0, -99.0), tf.float32)
    player = make_player(config)
    player.answer = lambda shown, _: tf.ones((*shown.shape[:2], 1)) * sure
    played = player.play(in_groups(batch, 50, 5).group(0), np.random.default_rng(0))
    flipped = played.actions != [0, 1]
    assert not flipped[:, 0].any()
    assert np.all(np.abs(flipped[:, 1:].mean(axis=(0, 2, 3)) - 0.25) < 0.05)
    # And is told of as the policy's.
    errors = Episodes.of(played, config).bit_errors
    np.testing.assert_array_equal(errors, played.infos["bit_errors"][:, 0])
    errors = Episodes.of(played, dataclasses.replace(config, credit="action")).bit_errors
    np.testing.assert_allclose(errors, played.infos["bit_errors"].mean(axis=1))


def make_cell(player):
    cell = LSTMCell(player.outputs, units=8)
    cell.build((None, player.input_width))
    return cell


def test_tapes_are_played_as_drawn():
    """Rewards and errors are those of the actions, and the actions those of the policy."""
    config = dataclasses.replace(TINY, max_length=3)
    player = make_player(config)
    cell = make_cell(player)
    player.use(cell)
    tapes = config.task.sample(np.random.default_rng(0), [1, 3, 2, 2])
    played = player.play(in_groups(tapes, 4, 7).group(0), np.random.default_rng(1))
    targets = np.zeros((4, 7, 2))
    targets[:, : tapes.targets.shape[1]] = tapes.targets
    mask = np.zeros((4, 7), bool)
    mask[:, : tapes.mask.shape[1]] = tapes.mask
    right = 1 - 2 * np.abs(played.actions - targets[:, None])
    expected = right.mean(axis=3) * mask[:, None] / tapes.lengths[:, None, None]
    np.testing.assert_allclose(played.rewards, expected, atol=1e-12)
    wrong = ((right < 0) & mask[:, None, :, None]).sum(axis=(2, 3))
    np.testing.assert_array_equal(played.infos["bit_errors"], wrong)
    np.testing.assert_array_equal(played.infos["length"], tapes.lengths[:, None].repeat(4, 1))
    assert played.steps.tolist() == [3, 7, 5, 5]
    assert played.env_steps == 4 * (3 + 7 + 5 + 5)
    outputs = unroll(cell, played.observations, played.steps).outputs.numpy()
    expected = player.actions.log_probabilities(outputs[:, None], played.actions)
    np.testing.assert_allclose(played.log_probabilities, expected, atol=1e-6)
    assert len(np.unique(played.actions[1], axis=0)) == 4  # the rollouts answer differently


def test_other_environments_are_played_to_their_end(monkeypatch):
    keras.utils.set_random_seed(0)  # the weights decide how long the pole stands
    monkeypatch.setattr(reward, "LONGEST_EPISODE", 20)
    player = make_player(CARTPOLE)
    cell = make_cell(player)
    player.use(cell)
    played = player.play(None, np.random.default_rng(1))
    assert played.rewards.shape == (4, 1, 20)
    np.testing.assert_array_equal(played.rewards.sum(axis=2)[:, 0], played.steps)
    assert played.steps.min() < 20  # one fell
    assert played.steps.max() == 20  # and one was cut
    values = played.values[:, 0]
    outputs = unroll(cell, played.observations, played.steps).outputs.numpy()
    for row, steps in enumerate(played.steps):
        np.testing.assert_allclose(values[row, :steps], outputs[row, :steps, -1], atol=1e-5)
        assert (values[row, steps] != 0) == (steps == 20)
        assert not values[row, steps + 1 :].any()


@pytest.mark.slow
@pytest.mark.parametrize("credit", ["action", "bit"])
def test_the_right_answers_are_not_learned_from(tmp_path, monkeypatch, credit):
    """Infos that lie about the answers change nothing; rewards that lie change what is learned."""
    config = dataclasses.replace(TINY, credit=credit, exploration=0.1)
    weights = {}

    def trained(name):
        train(config, run_of(tmp_path, config, name))
        weights[name] = Run.open(tmp_path / name).load_network().get_weights()

    trained("honest")
    step, reset = TaskVectorEnv.step, TaskVectorEnv.reset

    def lying(infos):
        return {name: 1 - value if name == "target" else value for name, value in infos.items()}

    def lying_step(self, actions):
        *rest, infos = step(self, actions)
        return *rest, lying(infos)

    def lying_reset(self, **arguments):
        observations, infos = reset(self, **arguments)
        return observations, lying(infos)

    monkeypatch.setattr(TaskVectorEnv, "step", lying_step)
    monkeypatch.setattr(TaskVectorEnv, "reset", lying_reset)
    trained("lied to")

    def unfair(self, actions):
        observations, rewards, *rest = step(self, actions)
        return observations, -rewards, *rest

    monkeypatch.setattr(TaskVectorEnv, "step", unfair)
    trained("unfair")
    for honest, lied in zip(weights["honest"], weights["lied to"], strict=True):
        np.testing.assert_array_equal(honest, lied)
    assert any(
        not np.array_equal(a, b) for a, b in zip(weights["honest"], weights["unfair"], strict=True)
    )


def gradient_step(config, found, actions):
    """How the outputs change by an update with plain descent, from equal probabilities."""
    player = make_player(config)
    cell, mean = make_cell(player), make_cell(player)
    gradient = PolicyGradient(cell, player.actions, config)
    update = gradient.compile(mean, build_optimizer(config, cell))
    shown = np.ones((config.episodes, config.longest, player.input_width), np.float32)
    steps = np.full(config.episodes, config.longest, np.int32)
    before = unroll(cell, shown, steps).outputs.numpy()
    logs = player.actions.log_probabilities(before[:, None, :, : player.actions.size], actions)
    returns = np.zeros((config.episodes, config.longest), np.float32)
    lesson = Lesson(
        observations=shown,
        actions=actions,
        log_probabilities=logs,
        advantages=found,
        returns=returns,
        steps=steps,
        matters=np.ones_like(returns),
    )
    for _ in range(3):
        update(lesson, np.float32(config.entropy_bonus), np.float32(0))
    return before, unroll(cell, shown, steps).outputs.numpy()


@pytest.mark.slow
def test_updates_make_good_actions_likelier_and_the_bonus_less_sure():
    tf.keras.utils.set_random_seed(0)
    config = dataclasses.replace(TINY, entropy_bonus=0.0, learning_rate=1e-3)
    actions = np.zeros((4, 4, 5, 2), np.float32)
    actions[:, :2] = [1, 0]
    actions[:, 2:] = [0, 1]
    found = np.ones((4, 4, 5, 1), np.float32)
    found[:, 2:] = -1
    before, after = gradient_step(config, found, actions)
    assert np.all(after[..., 0] > before[..., 0])
    assert np.all(after[..., 1] < before[..., 1])
    bonus = dataclasses.replace(config, entropy_bonus=1.0)
    before, after = gradient_step(bonus, np.zeros_like(found), actions)
    assert np.abs(after).mean() < np.abs(before).mean()


@pytest.mark.slow
def test_ppo_stops_where_nothing_more_is_gained(monkeypatch):
    tf.keras.utils.set_random_seed(0)
    config = dataclasses.replace(TINY, entropy_bonus=0.0, learning_rate=0.05, epochs=2)
    actions = np.ones((4, 4, 5, 2), np.float32)
    found = np.ones((4, 4, 5, 1), np.float32)
    moved = []
    for clip in (1e9, 0.01):
        monkeypatch.setattr(policy_gradient, "PPO_CLIP", clip)
        before, after = gradient_step(config, found, actions)
        moved.append(np.abs(after - before).mean())
    assert 0 < moved[1] < 0.9 * moved[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "rollouts", "credit"),
    [
        (NTMConfig(units=8, slots=4, width=3), 4, "bit"),
        (NTMConfig(units=8, slots=4, width=3), 4, "action"),
        (DNCConfig(8, 4, 3), 1, "action"),
    ],
)
def test_a_run_is_like_a_supervised_one(tmp_path, cell, rollouts, credit):
    config = dataclasses.replace(
        TINY,
        cell=cell,
        rollouts=rollouts,
        credit=credit,
        exploration=0.1,
        epochs=2,
        gamma=0.9,
    )
    run = run_of(tmp_path, config)
    reports = []
    outcome = train(config, run, reports.append)
    assert outcome.reports == reports
    assert [report.sequences for report in reports] == [8, 16]
    assert all(np.isfinite(list(report)).all() for report in reports)
    opened = Run.open(run.folder)
    assert opened.config == config
    assert opened.metrics.read()[1]["held_out_bit_errors"] == reports[1].held_out_bit_errors
    scores = list(evaluate_run(opened, lengths=[2], episodes=4))
    assert scores[0][0].scored_bits == 4
    assert RecurrentAgent.load(run.folder).cell.output_dim == 2  # the value is left out


@pytest.mark.slow
def test_runs_repeat(tmp_path):
    for name in "ab":
        train(TINY, run_of(tmp_path, TINY, name))
    first, second = (Run.open(tmp_path / name).load_network().get_weights() for name in "ab")
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_another_environment_is_solved_by_its_reward_threshold(tmp_path, monkeypatch, capsys):
    config = dataclasses.replace(CARTPOLE, max_updates=9, report_updates=1, anneal_reports=3)
    assert config.reward_threshold == 475
    assert RewardConfig("Unknown-v0").reward_threshold == np.inf
    spec = gym.spec("CartPole-v1")
    monkeypatch.setattr(spec, "reward_threshold", 8.0)  # an episode has that many steps at least
    run = run_of(tmp_path, config)
    outcome = train(config, run)
    # The step size has fallen to 0.
    assert [report.sequences for report in outcome.reports] == [4, 8, 12]
    assert outcome.solved == outcome.reports[0]
    assert solved_at(run).sequences == 4
    console.print_return(config, run.folder, outcome)
    said = " ".join(capsys.readouterr().out.split())
    assert "Solved after 4 episodes" in said
    assert "a mean return of at least 8, 3 reports in a row" in said
    # What was not kept up is not solved.
    monkeypatch.setattr(spec, "reward_threshold", 500.0)
    assert solved_at(run) is None


@pytest.mark.slow
def test_trains_on_another_packages_environment(tmp_path):
    run = run_of(tmp_path, CARTPOLE)
    outcome = train(CARTPOLE, run)
    assert Run.open(run.folder).config == CARTPOLE
    assert outcome.solved is None
    assert outcome.reports[-1].mean_return >= 8
    assert np.isnan(outcome.reports[-1].held_out_bit_errors)
    assert run.load_network().output_shape[-1] == 2
    (picture,) = draw_run(run)
    assert np.ptp(imread(picture)[..., :3]) > 0.5
    with pytest.raises(ValueError, match=r"expected a run on a task .*, got one on CartPole"):
        next(evaluate_run(run))


def test_an_id_that_is_no_environments():
    with pytest.raises(ValueError, match=r"env_id: expected .* without a module to import, got"):
        dataclasses.replace(CARTPOLE, env_id="some_module:Env-v0")
    with pytest.raises(ValueError, match="expected the id of an environment, got 'NTMCpoy-v0'"):
        expect_learnable("NTMCpoy-v0")
    # Gymnasium would make the newest version of it, whose recipe and threshold are those of its id.
    for env_id in ("CartPole", "NTMCopy"):
        with pytest.raises(ValueError, match=f"expected the id of an environment, got '{env_id}'"):
            expect_learnable(env_id)


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        {"credit": "action", "rollouts": 16, "policy_weight": 8.0, "entropy_bonus": 0.03},
        {"credit": "bit", "rollouts": 2, "exploration": 0.1, "entropy_bonus": 0.0},
    ],
    ids=lambda how: how["credit"],
)
def test_learns_a_tiny_copy(tmp_path, how):
    config = dataclasses.replace(
        TINY,
        task=Copy(width=1),
        cell=LSTMConfig(units=16),
        max_length=1,
        learning_rate=1e-2,
        max_updates=300,
        report_updates=50,
        anneal_reports=2,
        **how,
    )
    outcome = train(config, run_of(tmp_path, config))
    assert outcome.reports[-1].held_out_bit_errors == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gamma": 1.5}, "gamma from 0 to 1, got 1.5"),
        ({"rollouts": 0}, "rollouts of at least 1, got 0"),
        ({"entropy_bonus": -1}, "entropy_bonus of at least 0, got -1"),
        ({"exploration": 1.0}, "exploration from 0 to below 1, got 1.0"),
        ({"max_length": 0}, "max_length of at least min_length, 1, got 0"),
        ({"max_length": None}, "max_length of at least min_length, 1, got None"),
        ({"min_length": None}, "min_length of at least 1, got None"),
        ({"task": None}, "rollouts of 1 in environments that are no task's, got"),
    ],
    ids=str,
)
def test_impossible_settings(changes, message):
    with pytest.raises(ValueError, match=f"expected {message}"):
        dataclasses.replace(TINY, **changes)


@pytest.mark.parametrize("change", [{"curriculum": "naive"}, {"min_length": 3}, {"max_length": 3}])
def test_environments_without_a_task_have_no_lengths(change):
    with pytest.raises(ValueError, match=f"expected {next(iter(change))} (left out|of 'uniform')"):
        RewardConfig("CartPole-v1", **change)


def test_observations_must_be_a_box():
    with pytest.raises(ValueError, match=r"expected observations of a Box, got Discrete"):
        make_player(RewardConfig("FrozenLake-v1"))
