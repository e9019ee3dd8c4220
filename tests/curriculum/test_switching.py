"""Curricula within environments: what they hear, switching from outside, and that resets keep them.

Errors here are 0: every action is the target that info tells.
"""

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from ntm_gym.curriculum import CURRICULA, Fixed, LookBack, Naive, PredictionGain

each_name = pytest.mark.parametrize("name", CURRICULA)
each_mode = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)


def episode(env, **reset):
    """Plays an episode without an error, and gives its length."""
    _, info = env.reset(**reset)
    while "length" not in info:
        *_, info = env.step(info["target"])
    return info["length"]


def ends(env, infos, steps):
    """Plays a vector environment without an error, and gives the lengths of the ended episodes."""
    due, lengths = infos["target"].copy(), []
    for _ in range(steps):
        _, _, ended, _, infos = env.step(due)
        due = infos["target"].copy()
        if ended.any():
            last = infos.get("final_info", infos)
            lengths += last["length"][ended].tolist()
            if env.metadata["autoreset_mode"] is AutoresetMode.DISABLED:
                _, infos = env.reset(options={"reset_mask": ended})
                due[ended] = infos["target"][ended]
    return lengths


@each_name
def test_single_environment_plays_by_every_curriculum(name):
    env = gym.make("NTMCopy-v0", width=1, max_length=5, curriculum=name)
    lengths = [episode(env, seed=3), *(episode(env) for _ in range(60))]
    assert type(env.unwrapped.curriculum) is CURRICULA[name]
    # After 61 tapes without an error, of the 100 that a lesson needs.
    only = {"fixed": {5}, "naive": {1}, "look_back": {1}}
    assert set(lengths) == only.get(name, set(lengths))
    assert set(lengths) <= set(range(1, 6))
    assert name in only or len(set(lengths)) > 3


def test_single_environment_goes_through_the_lessons():
    env = gym.make("NTMAssociativeRecall-v0", curriculum=Naive(2, 4, (2, 3, 4), window=3))
    assert [episode(env) for _ in range(9)] == [2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert env.unwrapped.curriculum.lesson == 2
    assert env.unwrapped.curriculum.mean_errors.tolist() == [0, 0, 0]


@each_mode
@pytest.mark.parametrize("kind", [LookBack, PredictionGain])
def test_all_rows_feed_one_curriculum(mode, kind):
    mine = kind(1, 4, window=10)
    env = gym.make_vec("NTMCopy-v0", 8, curriculum=mine, autoreset_mode=mode, width=2)
    _, infos = env.reset(seed=0)
    lengths = ends(env, infos, 60)
    assert env.unwrapped.curriculum is mine
    heard = [len(errors) for errors in mine.get_state()["errors"]]
    lesson = np.searchsorted(mine.lessons, lengths)
    assert heard == np.minimum(np.bincount(lesson, minlength=3), 10).tolist()
    if kind is LookBack:
        assert mine.lesson == 2


def test_a_name_means_the_tasks_own_lessons():
    for env_id, lessons in (
        ("NTMCopy-v0", (1, 2, 4, 8, 16, 20)),
        ("NTMAssociativeRecall-v0", (2, 3, 4, 5, 6)),
    ):
        assert gym.make(env_id, curriculum="naive").unwrapped.curriculum.lessons == lessons
        vector = gym.make_vec(env_id, 2, curriculum="naive")
        assert vector.unwrapped.curriculum.lessons == lessons


def test_a_range_too_large_for_the_task_is_refused_before_its_lessons_are_made():
    with pytest.raises(ValueError, match="expected lengths from 2 to"):
        gym.make("NTMAssociativeRecall-v0", curriculum="naive", max_length=10**12)


def test_switching_through_unwrapped():
    env = gym.make("NTMCopy-v0", curriculum="uniform")
    env.reset()
    env.unwrapped.set_curriculum("fixed", max_length=3)
    assert [episode(env) for _ in range(3)] == [3] * 3
    env.unwrapped.set_curriculum(min_length=3, max_length=4)
    assert (env.unwrapped.curriculum.min_length, episode(env)) == (3, 4)
    env.unwrapped.curriculum = "naive"
    assert env.unwrapped.curriculum.lessons == (3, 4)
    mine = Fixed(7, 7)
    env.unwrapped.curriculum = mine
    assert episode(env) == 7
    assert env.unwrapped.curriculum is mine
    env.get_wrapper_attr("set_curriculum")("fixed")
    assert episode(env) == 4  # the range is still that of before


def test_a_running_episode_is_played_to_its_end():
    env = gym.make("NTMCopy-v0", curriculum="fixed", max_length=2)
    _, info = env.reset()
    env.unwrapped.set_curriculum("fixed", max_length=9)
    for _ in range(5):
        *_, info = env.step(info["target"])
    assert info["length"] == 2
    assert episode(env) == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"curriculum": "unifrom"}, "expected curriculum as one of"),
        ({"curriculum": Fixed}, "expected curriculum as one of"),
        ({"min_length": 9, "max_length": 8}, "expected min_length <= max_length"),
        ({"max_length": 10**12}, "expected"),
        ({"curriculum": Fixed(1, 2), "max_length": 5}, "for a curriculum by name, got None and 5"),
    ],
)
def test_impossible_switches_change_nothing(arguments, message):
    for env in (gym.make("NTMCopy-v0"), gym.make_vec("NTMCopy-v0", 2)):
        env.reset(seed=0)
        before = env.unwrapped.curriculum
        for switch in (
            lambda: env.unwrapped.set_curriculum(**arguments),  # noqa: B023
            lambda: env.reset(options=arguments),  # noqa: B023
        ):
            with pytest.raises(ValueError, match=message):
                switch()
        assert env.unwrapped.curriculum is before
        assert (env.unwrapped.min_length, env.unwrapped.max_length) == (1, 20)
    with pytest.raises(ValueError, match="expected curriculum as one of"):
        gym.make("NTMCopy-v0").unwrapped.curriculum = None
    with pytest.raises(ValueError, match=r"expected options .*got"):
        env.reset(options={"min_length": 2, "length": 5})


def test_options_of_lengths_last():
    env = gym.make("NTMCopy-v0", curriculum="fixed")
    assert episode(env, options={"max_length": 3}) == 3
    assert episode(env) == 3
    assert episode(env, options={"length": 6}) == 6
    assert episode(env) == 3
    options = {"curriculum": "uniform", "min_length": 4, "max_length": 5}
    assert episode(env, options=options) in (4, 5)
    assert {episode(env) for _ in range(20)} == {4, 5}


@each_mode
def test_automatic_resets_keep_the_options_and_the_curriculum(mode):
    native = gym.make_vec("NTMCopy-v0", 3, autoreset_mode=mode)
    sync = gym.vector.SyncVectorEnv([lambda: gym.make("NTMCopy-v0")] * 3, autoreset_mode=mode)
    for env in (native, sync):
        options = {"curriculum": "naive", "min_length": 2, "max_length": 4}
        _, infos = env.reset(seed=0, options=options)
        lengths = ends(env, infos, 60)
        assert len(lengths) > 25
        assert set(lengths) == {2}
        assert {type(each) for each in env.call("curriculum")} == {Naive}
        env.call("set_curriculum", "fixed", max_length=3)
        assert set(ends(env, env.reset()[1], 30)) == {3}
        env.close()


def test_call_of_the_vector_environment():
    env = gym.make_vec("NTMCopy-v0", 3)
    assert env.unwrapped.call("set_curriculum", "fixed", min_length=2, max_length=5) == (None,) * 3
    assert env.unwrapped.call("max_length") == (5, 5, 5)
    assert set(ends(env, env.reset()[1], 40)) == {5}
    with pytest.raises(AttributeError):
        env.unwrapped.call("nothing")


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_gymnasiums_vector_environments_have_a_curriculum_for_each(mode):
    env = gym.make_vec("NTMCopy-v0", 2, vectorization_mode=mode, curriculum="naive", width=2)
    try:
        env.call("set_curriculum", "look_back", min_length=2, max_length=3)
        ends(env, env.reset(seed=0)[1], 20)
        curricula = env.call("curriculum")
        assert [type(curriculum) for curriculum in curricula] == [LookBack, LookBack]
        assert [len(curriculum.get_state()["errors"][0]) for curriculum in curricula] == [3, 3]
        env.set_attr("curriculum", ["fixed", "uniform"])
        assert [type(each) for each in env.call("curriculum")] == [Fixed, CURRICULA["uniform"]]
    finally:
        env.close()


def test_env_method_of_stable_baselines3():
    vec_env = pytest.importorskip("stable_baselines3.common.vec_env")
    monitor = pytest.importorskip("stable_baselines3.common.monitor")
    env = vec_env.DummyVecEnv([lambda: monitor.Monitor(gym.make("NTMCopy-v0", width=1))] * 2)
    env.env_method("set_curriculum", "fixed", max_length=3)
    env.reset()
    lengths = []
    for _ in range(40):  # over its automatic resets
        *_, infos = env.step(np.zeros((2, 1), np.int8))
        lengths += [info["length"] for info in infos if "length" in info]
    assert lengths == [3] * 10
    env.set_options({"max_length": 2})
    env.reset()
    for _ in range(12):
        *_, infos = env.step(np.zeros((2, 1), np.int8))
        assert {info["length"] for info in infos if "length" in info} <= {2}
    assert env.env_method("set_curriculum", "naive", indices=[1]) == [None]
    kinds = [type(env.get_attr("unwrapped")[row].curriculum) for row in range(2)]
    assert kinds == [Fixed, Naive]


@pytest.mark.parametrize("name", ["look_back_and_forward", "prediction_gain"])
@pytest.mark.parametrize("again", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_of_an_environment_learn_alike(name, again):
    env = gym.make("NTMCopy-v0", width=1, max_length=6, curriculum=name)
    for _ in range(30):
        episode(env)
    twin = again(env)
    lengths = [[episode(each) for _ in range(60)] for each in (env, twin)]
    assert lengths[0] == lengths[1]
    assert env.unwrapped.curriculum.get_state() == twin.unwrapped.curriculum.get_state()
    assert env.unwrapped.curriculum is not twin.unwrapped.curriculum
