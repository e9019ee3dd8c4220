import dataclasses
import importlib
import json
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

import ntm_gym
from ntm_gym import PROTOCOLS, Copy, Protocol, Sampler, TaskEnv, TaskVectorEnv

each_protocol = pytest.mark.parametrize("name", PROTOCOLS)


def test_the_ids_of_the_paper():
    ids = {protocol.env_id: protocol for protocol in PROTOCOLS.values()}
    copy, recall = ids["NTMCopy-v0"], ids["NTMAssociativeRecall-v0"]
    assert (copy.min_length, copy.max_length, copy.task.width) == (1, 20, 8)
    assert (recall.min_length, recall.max_length) == (2, 6)
    assert (recall.task.width, recall.task.vectors_per_item) == (6, 3)
    repeat, ngrams = ids["NTMRepeatCopy-v0"], ids["NTMDynamicNGrams-v0"]
    assert (repeat.min_length, repeat.max_length, repeat.task.width) == (1, 10, 8)
    assert (repeat.task.min_repeats, repeat.task.max_repeats) == (1, 10)
    assert (ngrams.min_length, ngrams.max_length, ngrams.task.context) == (200, 200, 5)
    sort = ids["NTMPrioritySort-v0"]
    assert (sort.min_length, sort.max_length, sort.task.width) == (20, 20, 8)
    assert sort.task.sorted_fraction == 0.8
    assert len(ids) == 5


@each_protocol
def test_spec(name):
    protocol = PROTOCOLS[name]
    spec = gym.spec(protocol.env_id)
    assert spec.reward_threshold == (0.533 if name == "dynamic_ngrams" else 0.99)
    assert spec.max_episode_steps is None
    assert not spec.nondeterministic
    assert gym.envs.registration.EnvSpec.from_json(spec.to_json()) == spec
    field = dataclasses.fields(protocol.task)[0].name
    assert json.loads(gym.make(protocol.env_id, **{field: 3}).spec.to_json())["kwargs"][field] == 3


@each_protocol
def test_make(name):
    protocol = PROTOCOLS[name]
    for env_id in (protocol.env_id, f"ntm_gym:{protocol.env_id}"):
        env = gym.make(env_id)
        assert isinstance(env.unwrapped, TaskEnv)
        assert env.unwrapped.task == protocol.task
        assert env.observation_space.shape == (protocol.task.input_width,)
        assert env.action_space.shape == (protocol.task.target_width,)


@each_protocol
def test_make_vec_gives_the_native_vector_environment(name):
    env = gym.make_vec(PROTOCOLS[name].env_id, 4096)
    assert isinstance(env.unwrapped, TaskVectorEnv)
    assert env.num_envs == 4096
    sync = gym.make_vec(PROTOCOLS[name].env_id, 2, vectorization_mode="sync")
    assert isinstance(sync, gym.vector.SyncVectorEnv)
    sync.reset(seed=0)
    sync.step(np.zeros(sync.action_space.shape, np.int8))


@each_protocol
def test_protocol(name):
    protocol = PROTOCOLS[name]
    lengths = protocol.evaluation_lengths
    assert list(lengths) == sorted(set(lengths))
    assert lengths[-1] >= protocol.max_length
    protocol.task.check_lengths([protocol.min_length, protocol.max_length, *lengths])


def test_registering_again_neither_warns_nor_changes_a_spec():
    before = dict(gym.registry)
    importlib.reload(ntm_gym)
    ntm_gym.registration.register_all()
    assert dict(gym.registry) == before


@pytest.mark.usefixtures("own_registry")
def test_a_task_of_ones_own():
    mine = Protocol("Mine-v3", Copy(width=2), min_length=3, max_length=4)
    ntm_gym.register("mine", mine)
    assert PROTOCOLS["mine"] is mine
    env = gym.make("Mine-v3", curriculum="fixed")
    assert env.unwrapped.task == Copy(width=2)
    assert env.unwrapped.curriculum.max_length == 4
    assert json.loads(env.spec.to_json())["kwargs"]["task"] == "mine"
    assert isinstance(gym.make_vec("Mine-v3", 2).unwrapped, TaskVectorEnv)
    assert next(iter(Sampler("mine"))).lengths.max() == 4

    again = dataclasses.replace(mine, task=Copy(width=5))
    with pytest.warns(UserWarning, match="Mine-v3"):
        ntm_gym.register("mine", again)
    assert gym.make("Mine-v3").unwrapped.task == Copy(width=5)


@pytest.mark.usefixtures("own_registry")
@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("", {}, "expected name as a short name of the task, got ''"),
        (3, {}, "expected name"),
        ("mine", {"env_id": "NTMCopy-v0"}, "expected a name and an id .*'NTMCopy-v0' is 'copy'"),
        ("copy", {}, "expected a name and an id .*'NTMCopy-v0' is 'copy'"),
        ("mine", {"task": "copy"}, "expected a Task"),
        ("mine", {"min_length": 0}, "expected min_length"),
        ("mine", {"max_length": 1}, "expected min_length <= max_length, got 2 > 1"),
        ("mine", {"evaluation_lengths": (0,)}, "expected lengths from 1"),
        ("mine", {"env_id": "Mine"}, "expected env_id as an id such as 'Name-v0', got 'Mine'"),
        ("mine", {"env_id": None}, "expected env_id"),
        ("mine", {"reward_threshold": "a"}, "expected reward_threshold as a number"),
    ],
)
def test_impossible_tasks_of_ones_own(name, changes, message):
    before = dict(gym.registry), dict(PROTOCOLS)
    protocol = Protocol("Mine-v0", Copy(), min_length=2, max_length=4)
    with pytest.raises(ValueError, match=message):
        ntm_gym.register(name, dataclasses.replace(protocol, **changes))
    assert before == (dict(gym.registry), dict(PROTOCOLS))


def test_a_protocol_is_asked_for():
    with pytest.raises(ValueError, match="expected a Protocol, got Copy"):
        ntm_gym.register("mine", Copy())


def test_import_is_light():
    """In a fresh interpreter; everything that is exported is there, and nothing heavy is."""
    program = """
import sys, warnings
warnings.simplefilter("error")
import ntm_gym
heavy = {"tensorflow", "keras", "torch", "matplotlib", "stable_baselines3"} & set(sys.modules)
missing = [name for name in ntm_gym.__all__ if not hasattr(ntm_gym, name)]
print(sorted(heavy), missing, bool(ntm_gym.__version__))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[0] == "[] [] True"
