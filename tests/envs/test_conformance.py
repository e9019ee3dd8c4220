"""Every environment of the registry, under what Gymnasium's users do with environments.

The checkers, copies, types and seeding are in `test_envs.py` and `test_vector_env.py`; what
Stable-Baselines3 does is in `test_sb3.py`.
"""

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, fields, replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import (
    FlattenObservation,
    FrameStackObservation,
    RecordEpisodeStatistics,
    TimeLimit,
    TransformReward,
)
from gymnasium.wrappers import vector as vector_wrappers
from helpers.scripted import Scripted, assert_same
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm_gym import PROTOCOLS, Batch, TaskEnv, TaskVectorEnv
from ntm_gym.metrics import bit_errors

each_id = pytest.mark.parametrize("env_id", [protocol.env_id for protocol in PROTOCOLS.values()])
each_task = pytest.mark.parametrize("name", PROTOCOLS)
each_mode = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)
SEEDS = st.integers(0, 2**32 - 1)


def short(env_id):
    """Lengths that make short episodes."""
    task = next(p.task for p in PROTOCOLS.values() if p.env_id == env_id)
    return {"min_length": task.shortest, "max_length": task.shortest + 1}


def draw_task(name, data):
    """The task, of any width if it has one."""
    task = PROTOCOLS[name].task
    if "width" in [field.name for field in fields(task)]:
        task = replace(task, width=data.draw(st.integers(1, 7), label="width"))
    return task


def draw_lengths(task, data, most):
    few = st.integers(task.shortest, task.shortest + 4)
    return data.draw(st.lists(few, min_size=1, max_size=most), label="lengths")


def by_length(task):
    """The task with its tapes determined by their lengths, so that any two players agree."""

    @dataclass(frozen=True)
    class ByLength(type(task)):
        def sample(self, rng, lengths, dtype=np.float32):  # noqa: ARG002
            tapes = [
                super(ByLength, self).sample(np.random.default_rng(int(n)), [int(n)], dtype)
                for n in lengths
            ]
            most = max(tape.mask.shape[1] for tape in tapes)

            def together(part):
                arrays = [getattr(tape, part) for tape in tapes]
                if arrays[0].ndim == 1:
                    return np.concatenate(arrays)
                rest = [(0, 0)] * (arrays[0].ndim - 2)
                padded = [np.pad(a, [(0, 0), (0, most - a.shape[1]), *rest]) for a in arrays]
                return np.concatenate(padded)

            return Batch(*(together(field.name) for field in fields(Batch)))

    return ByLength(**{field.name: getattr(task, field.name) for field in fields(task)})


def by_oracle(env, **reset):
    """Plays an episode by the targets; each step's (observation, reward, ended, info)."""
    _, info = env.reset(**reset)
    steps = []
    while not steps or not steps[-1][2]:
        observation, reward, terminated, truncated, info = env.step(info["target"])
        steps.append((observation, reward, terminated or truncated, info))
    return steps


# Scores ------------------------------------------------------------------------------------------


@pytest.mark.slow
@each_task
@given(seed=SEEDS, data=st.data())
def test_any_answers_are_scored_by_their_wrong_bits(name, seed, data):
    task = draw_task(name, data)
    batch = task.sample(np.random.default_rng(seed), draw_lengths(task, data, 1))
    share = data.draw(st.floats(0, 1), label="share of ones")
    answers = (np.random.default_rng(seed + 1).random(batch.targets.shape) < share).astype(np.int8)
    env = TaskEnv(task, min_length=task.shortest, max_length=task.shortest)
    env.reset(options={"tape": batch})
    total = 0.0
    for answer in answers[0, : batch.steps[0]]:
        observation, reward, terminated, _, info = env.step(answer)
        assert observation in env.observation_space
        total += reward
    wrong = bit_errors(answers, batch.targets, batch.mask)[0]
    assert terminated
    assert (info["bit_errors"], info["is_success"]) == (wrong, wrong == 0)
    assert total == pytest.approx(1 - 2 * wrong / (batch.mask.sum() * task.target_width))


# Vector environments -----------------------------------------------------------------------------


@pytest.mark.slow
@each_mode
@each_task
@settings(max_examples=10)
@given(seed=SEEDS, data=st.data())
def test_native_vector_environment_is_gymnasiums(name, mode, seed, data):
    """Whatever is answered and reset: the native one and `SyncVectorEnv` return the same."""
    task = by_length(draw_task(name, data))
    script = draw_lengths(task, data, 9)
    rows = data.draw(st.integers(1, 5), label="rows")
    lengths = {"min_length": task.shortest, "max_length": task.shortest}
    mine, theirs = Scripted(script), Scripted(script)
    native = TaskVectorEnv(task, rows, curriculum=mine, autoreset_mode=mode, **lengths)
    sync = SyncVectorEnv(
        [lambda: TaskEnv(task, curriculum=theirs, **lengths)] * rows, autoreset_mode=mode
    )
    rng = np.random.default_rng(seed)
    first, second = native.reset(seed=3), sync.reset(seed=3)
    assert_same(first, second)
    due = first[1]["target"]
    for _ in range(40):
        noise = rng.integers(0, 2, due.shape, dtype=np.int8)
        answers = np.where(rng.random((rows, 1)) < 0.5, due, noise)
        first, second = native.step(answers), sync.step(answers)
        assert_same(first, second)
        ended, infos = first[2], first[4]
        assert ("final_obs" in infos) == ("final_info" in infos)
        assert ("final_obs" in infos) == (mode is AutoresetMode.SAME_STEP and ended.any())
        due = infos["target"]
        if mode is AutoresetMode.DISABLED:
            # Rows that have ended must be reset; others may be, in the middle of an episode.
            mask = ended | (rng.random(rows) < 0.1)
            if mask.any():
                again = [env.reset(options={"reset_mask": mask.copy()}) for env in (native, sync)]
                assert_same(*again)
                due = np.where(mask[:, None], again[0][1]["target"], due)
    assert sorted(mine.heard) == sorted(theirs.heard)
    assert mine.asked == theirs.asked


@pytest.mark.slow
def test_async_vector_environment_is_the_sync_one():
    """With every id at once; the workers are started afresh."""
    for env_id in [protocol.env_id for protocol in PROTOCOLS.values()]:
        asynchronous = gym.make_vec(
            env_id, 2, vectorization_mode="async", vector_kwargs={"context": "forkserver"}
        )
        sync = gym.make_vec(env_id, 2, vectorization_mode="sync")
        try:
            assert asynchronous.observation_space == sync.observation_space
            assert_same(asynchronous.reset(seed=3), sync.reset(seed=3))
            for seed in range(30):
                rng = np.random.default_rng(seed)
                actions = rng.integers(0, 2, sync.action_space.shape, dtype=np.int8)
                assert_same(asynchronous.step(actions), sync.step(actions))
        finally:
            asynchronous.close()


@each_mode
@each_id
def test_rows_of_sync_are_single_environments(env_id, mode):
    """Row i of `SyncVectorEnv(seed=s)` shows what `gym.make` with seed s + i shows."""
    sync = gym.make_vec(
        env_id, 3, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}
    )
    singles = [gym.make(env_id) for _ in range(3)]
    observations, _ = sync.reset(seed=5)
    firsts = [env.reset(seed=5 + i)[0] for i, env in enumerate(singles)]
    np.testing.assert_array_equal(observations, firsts)
    for _ in range(8):
        actions = np.zeros(sync.action_space.shape, np.int8)
        observations, rewards, ended, _, _ = sync.step(actions)
        steps = [env.step(action) for env, action in zip(singles, actions, strict=True)]
        running = ~ended
        np.testing.assert_array_equal(
            observations[running], np.array([s[0] for s in steps])[running]
        )
        np.testing.assert_array_equal(rewards, [s[1] for s in steps])
        np.testing.assert_array_equal(ended, [s[2] for s in steps])
        if ended.any():
            break


# Seeds, specs ------------------------------------------------------------------------------------

EPISODES = """
import hashlib
import gymnasium as gym
import numpy as np
import ntm_gym
for name, protocol in ntm_gym.PROTOCOLS.items():
    shown = hashlib.sha256()
    env, envs = gym.make(protocol.env_id), gym.make_vec(protocol.env_id, 3)
    observation, info = env.reset(seed=11)
    observations, infos = envs.reset(seed=11)
    for _ in range(50):
        for part in (observation, info["target"], observations, infos["target"]):
            shown.update(part.tobytes())
        observation, _, ended, _, info = env.step(info["target"])
        observations, _, _, _, infos = envs.step(infos["target"])
        if ended:
            observation, info = env.reset()
    shown.update(next(iter(ntm_gym.Sampler(name, seed=11))).inputs.tobytes())
    print(name, shown.hexdigest())
"""


@pytest.mark.slow
def test_a_seed_gives_the_same_in_every_process():
    started = [
        subprocess.Popen(
            [sys.executable, "-c", EPISODES],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in ("1", "2")
    ]
    first, second = (process.communicate()[0] for process in started)
    assert first == second
    assert [line.split()[0] for line in first.splitlines()] == list(PROTOCOLS)


@each_id
@pytest.mark.parametrize(
    "again",
    [
        lambda spec: EnvSpec.from_json(spec.to_json()),
        lambda spec: pickle.loads(pickle.dumps(spec)),
        lambda spec: spec,
    ],
    ids=["json", "pickle", "itself"],
)
def test_a_spec_makes_the_same_environment_again(env_id, again):
    arguments = {**short(env_id), "curriculum": "uniform"}
    env = gym.make(env_id, **arguments)
    twin = gym.make(again(env.spec))
    assert twin.spec == env.spec
    assert twin.unwrapped.task == env.unwrapped.task
    assert twin.unwrapped.curriculum == env.unwrapped.curriculum
    for seed in range(3):
        assert_same(env.reset(seed=seed), twin.reset(seed=seed))
    envs = gym.make_vec(env_id, 2, **arguments)
    twins = gym.make_vec(again(envs.spec), 2)
    assert isinstance(twins.unwrapped, TaskVectorEnv)
    assert_same(envs.reset(seed=3), twins.reset(seed=3))


@each_id
def test_the_spec_of_a_wrapped_environment_is_json(env_id):
    env = TimeLimit(RecordEpisodeStatistics(gym.make(env_id)), 9)
    twin = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert_same(env.reset(seed=0), twin.reset(seed=0))
    assert twin.spec == env.spec


# Wrappers ----------------------------------------------------------------------------------------


@each_id
def test_record_episode_statistics(env_id):
    env = RecordEpisodeStatistics(gym.make(env_id))
    for seed in range(3):
        steps = by_oracle(env, seed=seed)
        episode = steps[-1][3]["episode"]
        assert episode["r"] == pytest.approx(1)
        assert episode["l"] == len(steps)
        assert not any("episode" in info for *_, info in steps[:-1])
    assert env.return_queue[-1] == pytest.approx(1)


@each_id
@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_time_limit(env_id, limit):
    """A tape that is cut off is truncated, is no success and is not told to the curriculum."""
    curriculum = Scripted([short(env_id)["min_length"] + 2])
    for env in (
        TimeLimit(gym.make(env_id, curriculum=curriculum), limit),
        gym.make(env_id, curriculum=curriculum, max_episode_steps=limit),
    ):
        curriculum.heard.clear()
        for _ in range(2):
            _, info = env.reset(seed=0)
            for step in range(1, limit + 1):
                _, _, terminated, truncated, info = env.step(info["target"])
                assert truncated == (step == limit)
                assert ("is_success" in info) == terminated
                if terminated:
                    break
            assert truncated == (limit < 1000)
        assert len(curriculum.heard) == (2 if limit == 1000 else 0)


@each_id
def test_frame_stack(env_id):
    env, plain = FrameStackObservation(gym.make(env_id), 4), gym.make(env_id)
    stack, info = env.reset(seed=0)
    frames = [plain.reset(seed=0)[0]] * 4  # it repeats the first
    terminated = False
    while not terminated:
        assert stack in env.observation_space
        np.testing.assert_array_equal(stack, frames[-4:])
        stack, _, terminated, _, info = env.step(info["target"])
        frames.append(plain.step(np.zeros(plain.action_space.shape, np.int8))[0])
    flat = FlattenObservation(FrameStackObservation(gym.make(env_id), 4))
    assert flat.reset(seed=0)[0].shape == (4 * plain.observation_space.shape[0],)
    assert flat.reset(seed=0)[0] in flat.observation_space


@each_id
def test_flatten_observation_changes_nothing(env_id):
    env, plain = FlattenObservation(gym.make(env_id)), gym.make(env_id)
    assert env.observation_space == plain.observation_space
    for (first, *_), (second, *_) in zip(
        by_oracle(env, seed=4), by_oracle(plain, seed=4), strict=True
    ):
        np.testing.assert_array_equal(first, second)


@each_id
def test_transform_reward(env_id):
    env = TransformReward(gym.make(env_id), lambda reward: 10 * reward + 1)
    steps = by_oracle(env, seed=4)
    assert sum(reward for _, reward, *_ in steps) == pytest.approx(10 + len(steps))


@each_mode
@each_id
def test_vector_wrappers(env_id, mode):
    """On the native vector environment: statistics, flattening and rewards."""
    envs = gym.make_vec(env_id, 3, autoreset_mode=mode, **short(env_id))
    plain_space = envs.observation_space
    if mode is not AutoresetMode.SAME_STEP:  # where Gymnasium refuses to change observations
        envs = vector_wrappers.FlattenObservation(envs)
    envs = vector_wrappers.TransformReward(envs, lambda reward: 10 * reward)
    envs = vector_wrappers.RecordEpisodeStatistics(envs)
    assert envs.observation_space == plain_space
    _, infos = envs.reset(seed=0)
    due, started, ends = infos["target"], np.zeros(3, int), 0
    for step in range(1, 60):
        observations, _, ended, _, infos = envs.step(due)
        assert observations in envs.observation_space
        due = infos["target"]
        if ended.any():
            ends += ended.sum()
            np.testing.assert_array_equal(infos["_episode"], ended)
            np.testing.assert_allclose(infos["episode"]["r"][ended], 10)
            # In next-step mode, the step that begins an episode belongs to none.
            np.testing.assert_array_equal(infos["episode"]["l"][ended], (step - started)[ended])
            started[ended] = step + (mode is AutoresetMode.NEXT_STEP)
            if mode is AutoresetMode.DISABLED:
                _, infos = envs.reset(options={"reset_mask": ended})
                due = np.where(ended[:, None], infos["target"], due)
    assert ends > 3
