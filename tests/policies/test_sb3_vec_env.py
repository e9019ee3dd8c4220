"""`TaskVecEnv` is what `DummyVecEnv` over single environments is, and trains."""

import gymnasium as gym
import numpy as np
import pytest
from helpers.scripted import Scripted, by_length

from ntm_gym import PROTOCOLS, TaskEnv, register

stable_baselines3 = pytest.importorskip("stable_baselines3")
sb3_contrib = pytest.importorskip("sb3_contrib")
torch = pytest.importorskip("torch")

from stable_baselines3.common.env_util import make_vec_env  # noqa: E402
from stable_baselines3.common.evaluation import evaluate_policy  # noqa: E402
from stable_baselines3.common.logger import configure  # noqa: E402
from stable_baselines3.common.monitor import Monitor  # noqa: E402
from stable_baselines3.common.vec_env import (  # noqa: E402
    DummyVecEnv,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
)

from agents.policies.sb3 import TaskVecEnv  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
each_name = pytest.mark.parametrize("name", PROTOCOLS)
SHORT = {"min_length": 1, "max_length": 2, "width": 2}


@pytest.mark.slow
@pytest.mark.usefixtures("own_registry")
@pytest.mark.parametrize("multi_discrete", [False, True])
@each_name
def test_agrees_with_dummy_vec_env(name, multi_discrete):
    """The same tapes, the same answers: equal step by step, over many episodes."""
    protocol = PROTOCOLS[name]
    task = by_length(protocol.task)
    shortest = task.shortest
    register("scripted", type(protocol)("Scripted-v0", task, shortest, shortest + 4, (shortest,)))
    script = [shortest + more for more in (3, 0, 1, 1, 4, 0, 2)]
    mine, theirs = Scripted(script), Scripted(script)
    envs = TaskVecEnv("Scripted-v0", 4, curriculum=mine, multi_discrete=multi_discrete)
    lengths = {"min_length": shortest, "max_length": shortest + 4}
    dummy = DummyVecEnv([lambda: Monitor(TaskEnv(task, curriculum=theirs, **lengths))] * 4)
    assert envs.num_envs == dummy.num_envs
    assert envs.observation_space == dummy.observation_space
    if multi_discrete:
        assert envs.action_space == gym.spaces.MultiDiscrete([2] * task.target_width)
    else:
        assert envs.action_space == dummy.action_space
    assert envs.render_mode is dummy.render_mode is None

    first, second = envs.reset(), dummy.reset()
    ends = 0
    for step in range(120):
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
        answers = envs._envs._targets ^ (np.random.default_rng(step).random((4, 1)) < 0.3)
        first, rewards, dones, infos = envs.step(answers.astype(int if multi_discrete else float))
        second, *expected = dummy.step(answers)
        for mine_now, theirs_now in zip((rewards, dones), expected[:2], strict=True):
            assert mine_now.dtype == theirs_now.dtype
            np.testing.assert_array_equal(mine_now, theirs_now)
        for row, (info, other) in enumerate(zip(infos, expected[2], strict=True)):
            if not dones[row]:
                assert info == {}
                continue
            ends += 1
            np.testing.assert_array_equal(
                info.pop("terminal_observation"), other["terminal_observation"]
            )
            assert info.pop("episode").pop("t") >= 0
            assert info == {
                name: other[name]
                for name in ("TimeLimit.truncated", "is_success", "bit_errors", "length")
            }
            assert [type(value) for value in info.values()] == [bool, bool, int, int]
    assert ends > 10
    assert sorted(mine.heard) == sorted(theirs.heard)


def test_episode_statistics_are_the_monitors():
    """At step t, t bits are wrong, whatever the tape: both see the same returns."""
    envs = TaskVecEnv("NTMCopy-v0", 3)
    dummy = make_vec_env(lambda: gym.make("NTMCopy-v0"), n_envs=3)
    for each in (envs, dummy):
        each.set_options({"length": 3})
        each.reset()
    for step in range(7):
        slips = np.arange(8) < step
        answers = np.array([env.unwrapped._targets[step] for env in dummy.envs])
        *_, dones, infos = envs.step(envs._envs._targets ^ slips)
        *_, others = dummy.step(answers ^ slips)
    assert dones.all()
    for info, other in zip(infos, others, strict=True):
        mine, theirs = info["episode"], other["episode"]
        assert mine.keys() == theirs.keys()
        assert mine["l"] == theirs["l"] == 7
        # At the scored steps 4 to 6, 4 + 5 + 6 of 24 bits are wrong.
        assert mine["r"] == pytest.approx(1 - 2 * 15 / 24)
        assert mine["r"] == pytest.approx(theirs["r"], abs=1e-6)


def test_seeding():
    first, second, other = (TaskVecEnv("NTMCopy-v0", 4) for _ in range(3))
    assert first.seed(3) == [3, 4, 5, 6]
    second.seed(3)
    other.seed(4)
    starts = [envs.reset() for envs in (first, second, other)]
    differs = False
    for _ in range(60):
        np.testing.assert_array_equal(starts[0], starts[1])
        differs |= not np.array_equal(starts[0], starts[2])
        starts = [envs.step(np.zeros((4, 8)))[0] for envs in (first, second, other)]
    assert differs
    # A seed serves one reset; the next goes on.
    first.seed(3)
    again, on = first.reset(), first.reset()
    second.seed(3)
    np.testing.assert_array_equal(second.reset(), again)
    np.testing.assert_array_equal(second.reset(), on)
    assert not np.array_equal(again, on)


def test_attributes_and_methods():
    envs = TaskVecEnv("NTMCopy-v0", 6, rollouts=3)
    assert envs.get_attr("max_length") == [20] * 6
    assert envs.get_attr("rollouts", indices=[0, 2]) == [3, 3]
    assert envs.get_attr("max_length", indices=1) == [20]
    assert envs.has_attr("curriculum")
    assert not envs.has_attr("nothing")
    assert envs.env_method("set_curriculum", "fixed", max_length=2) == [None] * 6
    assert envs.get_attr("max_length") == [2] * 6
    envs.set_attr("curriculum", "naive")
    assert [each.lesson for each in envs.get_attr("curriculum")] == [0] * 6
    envs.set_attr("curriculum", "uniform", indices=range(6))
    for change in (
        lambda: envs.set_attr("curriculum", "naive", indices=0),
        lambda: envs.env_method("set_curriculum", "fixed", indices=[0, 1]),
        lambda: envs.set_options([{"length": 1}] * 5 + [{"length": 2}]),
        lambda: envs.set_options([{"length": 1}]),
    ):
        with pytest.raises(ValueError, match=r"expected .* all .*rows.* got"):
            change()
    assert envs.env_is_wrapped(Monitor) == [True] * 6
    assert envs.env_is_wrapped(gym.wrappers.TimeLimit, indices=[1]) == [False]
    envs.set_options([{"length": 2}] * 6)
    seen = envs.reset()
    assert (seen[:3] == seen[0]).all()
    assert envs.get_attr("_tapes")[0].lengths.tolist() == [2] * 6
    envs.reset()  # options serve one reset
    envs.close()


def test_rows_have_infos_of_their_own():
    envs = TaskVecEnv("NTMCopy-v0", 2)
    envs.reset()
    *_, infos = envs.step(np.zeros((2, 8)))
    infos[0]["mine"] = 1
    assert infos[1] == {}
    assert envs.step(np.zeros((2, 8)))[3] == [{}, {}]


def test_pictures():
    pytest.importorskip("PIL")
    envs = TaskVecEnv("NTMCopy-v0", 2, render_mode="rgb_array", max_length=3)
    envs.reset()
    first, second = envs.get_images()
    assert first.dtype == np.uint8
    assert first.shape == second.shape
    assert envs.render().shape[2] == 3
    text = TaskVecEnv("NTMCopy-v0", 2, render_mode="ansi")
    assert text.get_images() == [None, None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CartPole-v1",), r"expected env_id as one of NTMCopy-v0, .* got 'CartPole-v1'"),
        (("NTMCopy-v0", 0), "expected num_envs"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        TaskVecEnv(*arguments)


def test_impossible_actions():
    envs = TaskVecEnv("NTMCopy-v0", 2)
    envs.reset()
    with pytest.raises(ValueError, match=r"expected an action of .*got"):
        envs.step(np.full((2, 8), 2))
    envs.step(np.zeros((2, 8)))


def learn(model, steps, tmp_path):
    """Trains: a weight changes, all stay finite; returns what the logger was told."""
    before = [weight.clone() for weight in model.policy.parameters()]
    model.set_logger(configure(str(tmp_path), ["csv"]))
    model.learn(steps)
    model.logger.close()
    after = list(model.policy.parameters())
    assert all(torch.isfinite(weight).all() for weight in after)
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    return (tmp_path / "progress.csv").read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["PPO", "A2C"])
def test_success_rate_is_logged(algorithm, tmp_path):
    envs = TaskVecEnv("NTMCopy-v0", 8, rollouts=2, **SHORT)
    settings = {"batch_size": 32} if algorithm == "PPO" else {}
    model = getattr(stable_baselines3, algorithm)(
        *("MlpPolicy", envs), n_steps=16, seed=0, device="cpu", **settings
    )
    names = learn(model, 8 * 16 * (3 if algorithm == "PPO" else 100), tmp_path)
    assert "rollout/success_rate" in names
    assert "rollout/ep_rew_mean" in names
    assert {3, 5} == {episode["l"] for episode in model.ep_info_buffer}
    mean, _ = evaluate_policy(model, envs, n_eval_episodes=10)  # and warns of no lacking Monitor
    assert -1 <= mean <= 1


@pytest.mark.slow
def test_recurrent_policy(tmp_path):
    envs = TaskVecEnv("NTMCopy-v0", 4, multi_discrete=True, **SHORT)
    model = sb3_contrib.RecurrentPPO(
        *("MlpLstmPolicy", envs), n_steps=16, batch_size=32, n_epochs=2, seed=0, device="cpu"
    )
    assert "rollout/success_rate" in learn(model, 4 * 16 * 2, tmp_path)
    actions, _ = model.predict(envs.reset())
    assert actions.shape == (4, 2)


def test_wrappers(tmp_path):
    envs = TaskVecEnv("NTMCopy-v0", 4, **SHORT)
    with pytest.warns(UserWarning, match="already wrapped with a `Monitor`"):
        monitored = VecMonitor(envs, info_keywords=("is_success", "length"))
    stacked = VecFrameStack(VecNormalize(monitored, gamma=0.5), n_stack=5)
    assert stacked.observation_space.shape == (15,)
    model = stable_baselines3.PPO(
        *("MlpPolicy", stacked), n_steps=16, batch_size=32, seed=0, device="cpu"
    )
    assert "rollout/success_rate" in learn(model, 4 * 16 * 3, tmp_path)
    stacked.reset()
    ended = 0
    for _ in range(12):
        _, _, dones, infos = stacked.step(np.zeros((4, 2)))
        for row in dones.nonzero()[0]:
            ended += 1
            assert infos[row]["terminal_observation"].shape == (15,)
            assert infos[row]["episode"]["l"] == 2 * infos[row]["episode"]["length"] + 1
    assert ended >= 8
