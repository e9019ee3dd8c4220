import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from helpers.scripted import Scripted, assert_same, by_length
from hypothesis import given
from hypothesis import strategies as st

from ntm_gym import PROTOCOLS, TaskEnv, TaskVectorEnv

IDS = [protocol.env_id for protocol in PROTOCOLS.values()]
TASKS = [protocol.task for protocol in PROTOCOLS.values()]
each_id = pytest.mark.parametrize("env_id", IDS)
each_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task))
each_mode = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.slow
@each_mode
@each_task
def test_agrees_with_gymnasiums_vector_of_single_environments(task, mode):
    """Observations, rewards, flags, infos: keys, masks, dtypes, values, over many autoresets."""
    lengths = {"min_length": task.shortest, "max_length": task.shortest + 5}
    script = [task.shortest + more for more in (3, 0, 1, 1, 4, 0, 2)]
    mine, theirs = Scripted(script), Scripted(script)
    vector = TaskVectorEnv(by_length(task), 4, curriculum=mine, autoreset_mode=mode, **lengths)
    sync = SyncVectorEnv(
        [lambda: TaskEnv(by_length(task), curriculum=theirs, **lengths)] * 4, autoreset_mode=mode
    )
    assert vector.observation_space == sync.observation_space
    assert vector.action_space == sync.action_space
    assert vector.single_observation_space == sync.single_observation_space
    assert vector.single_action_space == sync.single_action_space
    assert vector.metadata["autoreset_mode"] == sync.metadata["autoreset_mode"]

    assert_same(vector.reset(seed=0), sync.reset(seed=0))
    ends = 0
    for step in range(150):
        actions = rng(step).integers(0, 2, vector.action_space.shape, dtype=np.int8)
        answers = vector._targets if step % 3 else actions  # some right, some wrong
        first, second = vector.step(answers), sync.step(answers)
        assert_same(first, second)
        assert not np.signbit(first[1][first[1] == 0]).any()
        ended = first[2]
        ends += ended.sum()
        if mode is AutoresetMode.DISABLED and ended.any():
            again = [env.reset(options={"reset_mask": ended}) for env in (vector, sync)]
            assert_same(*again)
    assert ends > 10
    assert sorted(mine.heard) == sorted(theirs.heard)
    assert mine.asked == theirs.asked


@pytest.mark.slow
@each_task
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_playing_the_targets_shows_the_inputs_and_returns_one(task, seed, data):
    lengths = data.draw(st.lists(st.integers(task.shortest, 9), min_size=1, max_size=6))
    batch, rows = task.sample(rng(seed), lengths), len(lengths)
    env = TaskVectorEnv(task, rows, min_length=6, max_length=7, autoreset_mode="Disabled")
    observations, infos = env.reset(options={"tape": batch})
    returns, playing = np.zeros(rows), np.ones(rows, bool)
    for step in range(batch.steps.max()):
        np.testing.assert_array_equal(observations[playing], batch.inputs[playing, step])
        np.testing.assert_array_equal(infos["target"][playing], batch.targets[playing, step])
        np.testing.assert_array_equal(infos["scored"][playing], batch.mask[playing, step])
        observations, rewards, ended, truncated, infos = env.step(batch.targets[:, step])
        np.testing.assert_array_equal(ended & playing, batch.steps == step + 1)
        assert not truncated.any()
        returns += np.where(playing, rewards, 0)
        if ended.any():
            assert not observations[ended].any()
            assert infos["is_success"][ended & playing].all()
            playing &= ~ended
            env.reset(options={"reset_mask": ended})
    np.testing.assert_allclose(returns, 1, atol=1e-12)


@each_task
def test_agrees_with_single_on_the_same_tape(task):
    batch = task.sample(rng(), [7, 9, 6])
    vector = TaskVectorEnv(task, 3, min_length=6, max_length=7)
    singles = [TaskEnv(task, min_length=6, max_length=7) for _ in range(3)]
    observations, infos = vector.reset(options={"tape": batch})
    firsts = [env.reset(options={"tape": batch.select([i])}) for i, env in enumerate(singles)]
    np.testing.assert_array_equal(observations, [first[0] for first in firsts])
    for step in range(batch.steps.min()):
        actions = rng(step).integers(0, 2, (3, task.target_width), dtype=np.int8)
        observations, rewards, ended, _, infos = vector.step(actions)
        for row, env in enumerate(singles):
            observation, reward, terminated, _, info = env.step(actions[row])
            np.testing.assert_array_equal(observations[row], observation)
            np.testing.assert_array_equal(infos["target"][row], info["target"])
            assert (rewards[row], ended[row]) == (reward, terminated)
            if terminated:
                assert infos["bit_errors"][row] == info["bit_errors"]


@pytest.mark.slow
@each_task
@given(data=st.data())
def test_refilling_a_row_leaves_the_others_untouched(task, data):
    """Row 0 is reset over and over, with longer tapes too; row 1 plays as if alone."""
    length = data.draw(st.integers(task.shortest, 8))
    others = data.draw(st.lists(st.integers(task.shortest, 20), min_size=1, max_size=30))
    tape = task.sample(rng(1), [length])
    both = tape.select([0, 0])
    env = TaskVectorEnv(task, 2, min_length=6, max_length=7, autoreset_mode="Disabled")
    observations, infos = env.reset(seed=0, options={"tape": both})
    total = 0.0
    for step in range(tape.steps[0]):
        np.testing.assert_array_equal(observations[1], tape.inputs[0, step])
        observations, rewards, ended, _, infos = env.step(both.targets[:, step])
        total += rewards[1]
        if step < tape.steps[0] - 1:
            options = {"reset_mask": np.array([True, False]), "length": others[step % len(others)]}
            before = observations[1].copy()
            observations, _ = env.reset(options=options)
            np.testing.assert_array_equal(observations[1], before)
    assert ended[1]
    assert infos["is_success"][1]
    assert infos["length"][1] == length
    assert total == pytest.approx(1)


@pytest.mark.slow
@each_id
@each_mode
def test_long_play_by_the_targets_never_errs(env_id, mode):
    env = gym.make_vec(env_id, 17, autoreset_mode=mode)
    protocol = next(p for p in PROTOCOLS.values() if p.env_id == env_id)
    _, infos = env.reset(seed=0)
    lengths, returns = set(), np.zeros(17)
    for _ in range(300):
        answers = infos["target"]
        observations, rewards, ended, _, infos = env.step(answers)
        assert observations in env.observation_space
        returns += rewards
        if ended.any():
            ends = infos["final_info"] if mode is AutoresetMode.SAME_STEP else infos
            np.testing.assert_allclose(returns[ended], 1, atol=1e-12)
            assert ends["is_success"][ended].all()
            lengths.update(ends["length"][ended].tolist())
            returns[ended] = 0
            if mode is AutoresetMode.DISABLED:
                # Rows that play on have no info of this reset: their actions are still due.
                due = infos["target"].copy()
                _, infos = env.reset(options={"reset_mask": ended})
                infos["target"] = np.where(ended[:, None], infos["target"], due)
    assert lengths == set(range(protocol.min_length, protocol.max_length + 1))


@each_id
def test_types(env_id):
    env = gym.make_vec(env_id, 3)
    observations, infos = env.reset(seed=0)
    assert observations.dtype == np.float32
    assert infos["target"].dtype == np.int8
    assert infos["target"] in env.action_space
    assert infos["scored"].dtype == infos["_scored"].dtype == infos["_target"].dtype == bool
    _, rewards, terminated, truncated, _ = env.step(infos["target"])
    assert rewards.dtype == np.float64
    assert terminated.dtype == truncated.dtype == bool


@each_id
def test_seeding(env_id):
    first, second, other = (gym.make_vec(env_id, 5) for _ in range(3))
    starts = [env.reset(seed=seed) for env, seed in ((first, 3), (second, 3), (other, 4))]
    assert_same(starts[0], starts[1])
    actions = np.zeros(first.action_space.shape, np.int8)
    differs = False
    for _ in range(80):
        steps = [env.step(actions) for env in (first, second, other)]
        assert_same(steps[0], steps[1])
        differs |= not np.array_equal(steps[0][0], steps[2][0])
    assert differs
    assert_same(first.reset(seed=3), starts[0])


@each_id
@pytest.mark.parametrize("again", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_play_on_alike(env_id, again):
    env = gym.make_vec(env_id, 3)
    env.reset(seed=0)
    actions = np.zeros(env.action_space.shape, np.int8)
    env.step(actions)
    twin = again(env)
    for _ in range(80):
        assert_same(env.step(actions), twin.step(actions))


@each_id
@each_mode
def test_returned_data_is_fresh(env_id, mode):
    env = gym.make_vec(env_id, 4, autoreset_mode=mode, min_length=6, max_length=7)
    _, infos = env.reset(seed=0)
    kept = []
    for _ in range(60):
        answers = infos["target"].copy()
        for name, value in infos.items():
            if not name.startswith(("_", "final")):
                value[...] = 1  # what is done to an info changes nothing
        step = env.step(answers)
        *_, ended, _, infos = step
        assert np.all(step[1] >= 0)
        kept.append((step[:4], copy.deepcopy(step[:4])))
        if mode is AutoresetMode.DISABLED and ended.any():
            _, infos = env.reset()
    for given_then, as_it_was in kept:
        assert_same(given_then, as_it_was)


def test_length_option():
    env = gym.make_vec("NTMCopy-v0", 3, autoreset_mode="Disabled")
    zeros = np.zeros((3, 8), np.int8)
    env.reset(options={"length": [1, 2, 30]})
    ends = []
    for _ in range(5):
        _, _, ended, _, infos = env.step(zeros)
        ends.append(ended.tolist())
        if ended.any():
            env.reset(options={"reset_mask": ended, "length": 40})
    assert ends == [[0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert infos["length"].tolist() == [0, 2, 0]


def test_options_are_not_changed():
    env = gym.make_vec("NTMCopy-v0", 2)
    options = {"reset_mask": np.array([True, True]), "length": 2}
    env.reset(options=options)
    assert options.keys() == {"reset_mask", "length"}


def test_step_before_reset_and_after_the_end():
    for mode in AutoresetMode:
        env = gym.make_vec("NTMCopy-v0", 2, autoreset_mode=mode)
        with pytest.raises(gym.error.ResetNeeded, match=r"expected reset\(\) .*got step"):
            env.step(np.zeros((2, 8)))
        with pytest.raises(gym.error.ResetNeeded, match="all rows first"):
            env.reset(options={"reset_mask": np.array([True, False])})
    env.reset(options={"length": [1, 2]})
    for _ in range(3):
        _, _, ended, *_ = env.step(np.zeros((2, 8)))
    assert ended.tolist() == [True, False]
    for _ in range(2):
        with pytest.raises(gym.error.ResetNeeded):
            env.step(np.zeros((2, 8)))
    env.reset(options={"reset_mask": ended})
    env.step(np.zeros((2, 8)))


@pytest.mark.parametrize(
    "options",
    [
        {"lenght": 5},
        {"length": [5]},
        {"length": [5, 6, 7]},
        {"length": [5, 0]},
        {"length": [[5, 6]]},
        {"length": 1.5},
        {"length": [True, True]},
        {"length": 10**9},
        {"tape": TASKS[0].sample(rng(), [2])},
        {"reset_mask": [True, False]},
        {"reset_mask": True},
        {"reset_mask": np.array([True])},
        {"reset_mask": np.array([1, 0])},
        {"reset_mask": np.array([False, False])},
        {"reset_mask": None},
        {"reset_mask": np.array([True, False]), "length": [3, 4]},
    ],
    ids=str,
)
def test_impossible_options(options):
    env = gym.make_vec("NTMCopy-v0", 2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"expected .*got"):
        env.reset(options=options)
    env.step(np.zeros((2, 8)))


@pytest.mark.parametrize("actions", [np.zeros(8), np.zeros((3, 8)), np.full((2, 8), 2), [[1], [2]]])
def test_impossible_actions(actions):
    env, twin = (gym.make_vec("NTMCopy-v0", 2) for _ in range(2))
    for each in (env, twin):
        each.reset(seed=0)
    with pytest.raises(ValueError, match=r"expected an action of .*got"):
        env.step(actions)
    assert_same(env.step(np.zeros((2, 8))), twin.step(np.zeros((2, 8))))


def test_impossible_seed():
    with pytest.raises(ValueError, match="share one generator"):
        gym.make_vec("NTMCopy-v0", 2).reset(seed=[1, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_envs": 0}, "expected num_envs"),
        ({"num_envs": 2.0}, "expected num_envs"),
        ({"num_envs": 10**12}, "expected at most"),
        ({"autoreset_mode": "never"}, "expected autoreset_mode as one of 'NextStep'"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        TaskVectorEnv("copy", **{"num_envs": 2, "min_length": 1, "max_length": 2, **arguments})


def test_plays_on_after_a_curriculum_has_failed():
    """Tapes beyond what memory may hold are refused, and no row goes on without the others."""
    env = TaskVectorEnv("copy", 3, min_length=1, max_length=2)
    env.reset(options={"length": [1, 2, 2]})
    for _ in range(3):
        *_, infos = env.step(np.zeros((3, 8)))
    assert infos["_length"].tolist() == [True, False, False]
    env.curriculum = Scripted([10**7])
    for _ in range(3):
        with pytest.raises(ValueError, match="expected at most"):
            env.step(infos["target"])
    env.curriculum = Scripted([2])
    ends = []
    for _ in range(6):
        _, _, ended, _, infos = env.step(infos["target"])
        ends.append(ended.tolist())
        assert infos["is_success"][ended].all() if ended.any() else True
    assert ends == [[0, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
