import copy
import dataclasses
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

from ntm_gym import PROTOCOLS, Copy, PrioritySort, RepeatCopy, Sampler, TaskEnv
from ntm_gym.curriculum import Fixed, Uniform
from ntm_gym.envs.episodes import check_action, make_task

IDS = [protocol.env_id for protocol in PROTOCOLS.values()]
each_id = pytest.mark.parametrize("env_id", IDS)
each_task = pytest.mark.parametrize(
    "task", [protocol.task for protocol in PROTOCOLS.values()], ids=lambda task: str(task)
)


def play(env, answers, **reset):
    """Plays one episode; every observation, info, reward and flag, the first with none."""
    observation, info = env.reset(**reset)
    shown, infos, rewards, flags = [observation], [info], [], []
    for answer in answers:
        observation, reward, terminated, truncated, info = env.step(answer)
        shown.append(observation)
        infos.append(info)
        rewards.append(reward)
        flags.append((terminated, truncated))
    return shown, infos, rewards, flags


@pytest.mark.slow
@each_task
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_playing_the_targets_shows_the_inputs_and_returns_one(task, seed, data):
    length = data.draw(st.integers(task.shortest, 12))
    batch = task.sample(np.random.default_rng(seed), [length])
    env = TaskEnv(task, min_length=task.shortest, max_length=9)
    shown, infos, rewards, flags = play(env, batch.targets[0], options={"tape": batch})

    steps = batch.steps[0]
    np.testing.assert_array_equal(shown[:-1], batch.inputs[0])
    assert not shown[-1].any()
    np.testing.assert_array_equal([info["target"] for info in infos[:-1]], batch.targets[0])
    assert [info["scored"] for info in infos[:-1]] == batch.mask[0].tolist()
    assert sum(rewards) == pytest.approx(1, abs=1e-12)
    np.testing.assert_array_equal(np.array(rewards) != 0, batch.mask[0])
    assert flags == [(False, False)] * (steps - 1) + [(True, False)]
    last = infos.pop()
    assert not last.pop("target").any()
    assert last == {"scored": False, "is_success": True, "bit_errors": 0, "length": length}
    assert all(info.keys() == {"target", "scored"} for info in infos)


@each_task
def test_wrong_answers_return_minus_one(task):
    batch = task.sample(np.random.default_rng(0), [8])
    env = TaskEnv(task, min_length=6, max_length=9)
    _, infos, rewards, _ = play(env, 1 - batch.targets[0], options={"tape": batch})
    assert sum(rewards) == pytest.approx(-1)
    scored_bits = int(batch.mask.sum()) * task.target_width
    assert infos[-1]["bit_errors"] == scored_bits
    assert infos[-1]["is_success"] is False


def test_reward_known_answer():
    # Two vectors of 4 bits: a step is worth 1/2, here with 1 of 4 bits and with none wrong.
    batch = Copy(width=4).sample(np.random.default_rng(0), [2])
    answers = batch.targets[0].copy()
    answers[3, 0] = 1 - answers[3, 0]
    env = TaskEnv(Copy(width=4), min_length=1, max_length=5)
    _, infos, rewards, _ = play(env, answers, options={"tape": batch})
    assert rewards == [0, 0, 0, 0.25, 0.5]
    assert infos[-1]["bit_errors"] == 1


@each_id
def test_types(env_id):
    env = gym.make(env_id)
    shown, infos, rewards, flags = play(env, [env.action_space.sample()] * 3, seed=0)
    for observation, info in zip(shown, infos, strict=True):
        assert observation.dtype == np.float32
        assert observation in env.observation_space
        assert info["target"].dtype == np.int8
        assert info["target"] in env.action_space
        assert type(info["scored"]) is bool
    assert {type(reward) for reward in rewards} == {float}
    assert {type(flag) for pair in flags for flag in pair} == {bool}
    info = infos[0]
    while "length" not in info:
        _, reward, _, _, info = env.step(info["target"])
        assert type(reward) is float
    assert (type(info["is_success"]), type(info["bit_errors"])) == (bool, int)
    assert type(info["length"]) is int


@each_id
def test_bounds_are_tight(env_id):
    env = gym.make(env_id)
    task = env.unwrapped.task
    inputs = task.sample(np.random.default_rng(0), [9] * 300).inputs.reshape(-1, task.input_width)
    low, high = env.observation_space.low, env.observation_space.high
    assert np.all(inputs >= low)
    assert np.all(inputs <= high)
    # Random priorities come close to their bounds, all else reaches them.
    atol = 0.01 if isinstance(task, PrioritySort) else 0
    np.testing.assert_allclose(inputs.min(axis=0), low, rtol=0, atol=atol)
    np.testing.assert_allclose(inputs.max(axis=0), high, rtol=0, atol=atol)


def test_bounds_hold_the_repeats_shown_and_the_zeros_between():
    high = gym.make("NTMRepeatCopy-v0", min_repeats=20, max_repeats=30).observation_space
    assert high.low[-1] == 0
    assert high.high[-1] == pytest.approx(24.5 / 8.25**0.5)
    low = gym.make("NTMRepeatCopy-v0", max_repeats=2).observation_space
    assert low.low[-1] == pytest.approx(-4.5 / 8.25**0.5)
    assert low.high[-1] == 0


@pytest.mark.slow
@each_id
def test_gymnasium_checker(env_id):
    pytest.importorskip("pygame")  # it tries every render mode
    check_env(gym.make(env_id).unwrapped)


@each_id
def test_stable_baselines3_checker(env_id):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(gym.make(env_id).unwrapped, warn=True)


@each_id
def test_seeding(env_id):
    env, other = gym.make(env_id), gym.make(env_id)
    action = np.zeros(env.action_space.shape, np.int8)
    for _ in range(2):
        runs = [play(each, [action] * 3, seed=7) for each in (env, other)]
        np.testing.assert_array_equal(runs[0][0], runs[1][0])
    for _ in range(5):  # and so do the episodes that follow
        first, second = env.reset(), other.reset()
        np.testing.assert_array_equal(first[0], second[0])
    lengths = {episode_length(env) for _ in range(40)}
    protocol = next(p for p in PROTOCOLS.values() if p.env_id == env_id)
    known = set(range(protocol.min_length, protocol.max_length + 1))
    assert lengths <= known
    assert len(lengths) >= min(4, len(known))


def episode_length(env, **reset):
    _, info = env.reset(**reset)
    while "length" not in info:
        *_, info = env.step(info["target"])
    return info["length"]


def test_length_option_lasts_one_episode():
    env = gym.make("NTMCopy-v0", curriculum="fixed", max_length=3)
    assert episode_length(env, options={"length": 30}) == 30
    assert episode_length(env) == 3
    assert episode_length(env, options={"length": np.int32(4)}) == 4
    assert episode_length(env, options={"length": [5]}) == 5
    assert episode_length(env, options={}) == 3


def test_tape_option_lasts_one_episode_and_is_copied():
    env = gym.make("NTMCopy-v0", curriculum="fixed", max_length=3)
    batch = env.unwrapped.task.sample(np.random.default_rng(0), [2, 9]).select([0])
    env.reset(options={"tape": batch})
    shown = batch.inputs[0].copy()
    batch.inputs[:] = 0
    for step in range(1, 5):
        observation, *_, info = env.step(np.zeros(8, np.int8))
        np.testing.assert_array_equal(observation, shown[step])
    *_, terminated, _, info = env.step(np.zeros(8, np.int8))
    assert terminated
    assert info["length"] == 2
    assert episode_length(env) == 3


class Recording(Fixed):
    heard: list = []  # noqa: RUF012

    def record(self, lengths, errors):
        self.heard.append((lengths.tolist(), errors.tolist()))


def test_curriculum_draws_and_hears():
    Recording.heard.clear()
    env = gym.make("NTMCopy-v0", curriculum=Recording(1, 4))
    assert isinstance(env.unwrapped.curriculum, Recording)
    assert episode_length(env) == 4
    batch = env.unwrapped.task.sample(np.random.default_rng(0), [2])
    answers = batch.targets[0].copy()
    answers[3] = 1 - answers[3]
    play(env, answers, options={"tape": batch})
    assert Recording.heard == [([4], [0]), ([2], [8])]
    env.unwrapped.curriculum = Uniform(7, 7)
    assert episode_length(env) == 7


def test_curriculum_that_draws_another_number_of_lengths():
    class Greedy(Fixed):
        def sample(self, rng, n):
            return super().sample(rng, n + 1)

    env = gym.make("NTMCopy-v0", curriculum=Greedy(1, 2))
    with pytest.raises(ValueError, match="expected 1 lengths"):
        env.reset()


@each_id
def test_returned_data_is_fresh(env_id):
    env = gym.make(env_id)
    _, info = env.reset(seed=0)
    kept = []
    while True:
        answer = info["target"].copy()
        info["target"][:] = 1 - info["target"]  # what is done to an info changes nothing
        observation, reward, terminated, _, info = env.step(answer)
        kept.append((observation, observation.copy()))
        assert reward >= 0
        if terminated:
            break
    assert info["is_success"]
    env.reset()
    for observation, as_given in kept:
        np.testing.assert_array_equal(observation, as_given)


@each_id
@pytest.mark.parametrize("again", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_play_on_alike(env_id, again):
    env = gym.make(env_id)
    env.reset(seed=3)
    action = np.zeros(env.action_space.shape, np.int8)
    env.step(action)
    twin = again(env)
    for _ in range(60):
        first, second = env.step(action), twin.step(action)
        np.testing.assert_array_equal(first[0], second[0])
        assert first[1:4] == second[1:4]
        if first[2]:
            np.testing.assert_array_equal(env.reset()[0], twin.reset()[0])


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.float32, np.float64])
def test_actions_of_every_kind(dtype):
    action = check_action(np.array([1, 0, 1], dtype), (3,))
    assert action.dtype == np.int8
    assert action.tolist() == [1, 0, 1]
    assert check_action([1, False, 1.0], (3,)).tolist() == [1, 0, 1]
    transposed = np.array([[1, 0], [1, 1]], dtype).T
    assert check_action(transposed, (2, 2)).tolist() == [[1, 1], [0, 1]]


@pytest.mark.parametrize(
    "action",
    [
        1,
        None,
        "101",
        ["1", "0", "1"],
        [1, 0],
        [[1, 0, 1]],
        [1, 0, 1, 1],
        [[1], [0, 1]],
        {"a": 1},
        [1, 0, None],
        [1, 0, 1j],
        [1, 0, 2],
        [1, 0, -1],
        [1, 0, 0.5],
        [1, 0, np.nan],
        [1, 0, np.inf],
        np.array([0, 1, 2], np.int8),
        np.array([0, 1, -1], np.int8),
        np.array([0, 1, 255], np.uint8),
        np.array([0, 1, 256], np.int16),
    ],
    ids=str,
)
def test_impossible_actions(action):
    env = gym.make("NTMCopy-v0", width=3, disable_env_checker=True)
    first, _ = env.reset(seed=0)
    with pytest.raises(ValueError, match=r"expected an action of .* got"):
        env.step(action)
    # The episode goes on as if nothing had happened.
    twin = gym.make("NTMCopy-v0", width=3)
    np.testing.assert_array_equal(first, twin.reset(seed=0)[0])
    np.testing.assert_array_equal(env.step([0, 0, 0])[0], twin.step([0, 0, 0])[0])


@each_id
@pytest.mark.parametrize("bare", [False, True])
def test_steps_outside_an_episode(env_id, bare):
    env = gym.make(env_id)
    env = env.unwrapped if bare else env
    action = np.zeros(env.action_space.shape, np.int8)
    with pytest.raises(gym.error.ResetNeeded, match="reset"):
        env.step(action)
    episode_length(env)
    for _ in range(2):
        with pytest.raises(gym.error.ResetNeeded, match=r"expected reset\(\) .*end, got step"):
            env.step(action)
    env.reset()
    env.step(action)


@pytest.mark.parametrize(
    "options",
    [
        {"lenght": 5},
        {"length": 5, "seed": 1},
        {1: 2},
        {"length": 0},
        {"length": -3},
        {"length": 5.0},
        {"length": True},
        {"length": None},
        {"length": "5"},
        {"length": float("nan")},
        {"length": [5, 6]},
        {"length": 10**9},
        {"length": 10**30},
        {"tape": None},
        {"tape": Copy(width=3).sample(np.random.default_rng(0), [2])},
        {"tape": Copy().sample(np.random.default_rng(0), [2, 2])},
        {"tape": Copy().sample(np.random.default_rng(0), [2]), "length": 2},
        {"reset_mask": np.array([True])},
    ],
    ids=str,
)
def test_impossible_options(options):
    env = gym.make("NTMCopy-v0")
    with pytest.raises(ValueError, match="expected"):
        env.reset(options=options)
    env.reset()


@pytest.mark.parametrize(
    ("env_id", "field"),
    [
        (protocol.env_id, field.name)
        for protocol in PROTOCOLS.values()
        for field in dataclasses.fields(protocol.task)
    ],
)
@pytest.mark.parametrize("value", [0, "many", 10**9])
def test_impossible_fields(env_id, field, value):
    if field in ("alike", "sparse") and value == 0:
        value = -1  # 0 is what it is if nobody says more
    for make in (gym.make, gym.make_vec):
        with pytest.raises(ValueError, match=f"expected {field}"):
            make(env_id, **{field: value})


@each_id
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"colour": 1}, r"expected keyword arguments .*curriculum.*(width|context).*got colour"),
        ({"min_length": 30, "max_length": 25}, r"expected min_length <= max_length, got 30 > 25"),
        ({"min_length": 0}, "expected min_length"),
        ({"max_length": 10**12}, "expected"),
        ({"max_length": 2**27}, "expected"),
        ({"max_length": None}, "expected max_length"),
        ({"curriculum": "none"}, "expected curriculum as one of 'fixed', 'uniform'"),
        ({"task": "cpoy"}, "expected task as a Task or one of 'copy'"),
        ({"task": Copy}, "expected task"),
    ],
)
def test_impossible_arguments(env_id, arguments, message):
    with pytest.raises(ValueError, match=message):
        gym.make(env_id, **arguments)
    with pytest.raises(ValueError, match=message):
        gym.make_vec(env_id, 2, **arguments)


def test_more_items_than_the_bits_tell_apart():
    with pytest.raises(ValueError, match="expected lengths from 2 to 4"):
        gym.make("NTMAssociativeRecall-v0", width=2, vectors_per_item=1)
    gym.make("NTMAssociativeRecall-v0", width=2, vectors_per_item=1, max_length=4)


def test_fields_of_a_given_task_can_be_changed():
    env = TaskEnv(Copy(width=3), min_length=1, max_length=2, width=5)
    assert env.task == Copy(width=5)
    assert env.observation_space.shape == (6,)


def test_narrow_integers_of_numpy_are_as_good_as_ints():
    narrow = {"min_length": np.int8(1), "max_length": np.int8(100), "width": np.uint8(255)}
    env = gym.make("NTMCopy-v0", curriculum="naive", **narrow).unwrapped
    wide = {name: int(value) for name, value in narrow.items()}
    expected = gym.make("NTMCopy-v0", curriculum="naive", **wide).unwrapped
    assert env.observation_space == expected.observation_space
    assert env.columns == expected.columns
    assert env.curriculum == expected.curriculum
    assert hash(env.task) == hash(expected.task)
    repeats = RepeatCopy(trained_repeats=np.uint8(20))
    assert repeats.input_high.tolist() == RepeatCopy(trained_repeats=20).input_high.tolist()
    gym.make("NTMDynamicNGrams-v0", context=np.uint8(8)).reset(seed=0)
    with pytest.raises(ValueError, match=r"expected at most .* numbers in a batch"):
        Sampler("copy", batch_size=np.int32(2**24), max_length=1000)
    with pytest.raises(ValueError, match="expected width as an integer"):
        Copy(width=np.array(8))


def test_unknown_arguments_are_told_what_there_is():
    for make, known in (
        (
            lambda: gym.make("NTMCopy-v0", rolouts=2),
            "min_length, max_length, curriculum, render_mode or",
        ),
        (
            lambda: gym.make_vec("NTMCopy-v0", 2, rolouts=2),
            "rollouts, autoreset_mode, render_mode or",
        ),
        (lambda: Sampler("copy", rolouts=2), "batch_size, seed, fixed_steps or"),
        (lambda: make_task("copy", {"rolouts": 2}), "keyword arguments of Copy"),
    ):
        with pytest.raises(ValueError, match=f"{known}.*, got rolouts"):
            make()
