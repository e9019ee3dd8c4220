"""Agents: the protocol, the bounds, and that playing and scoring agree."""

import re

import gymnasium as gym
import numpy as np
import pytest

from agents.evaluation.scores import enough_slots, held_out, play, score
from agents.policies.agent import OracleAgent, RandomAgent
from agents.policies.recurrent import RecurrentAgent
from ntm_gym import PROTOCOLS
from ntm_gym.cells import CELLS, NTMCell
from ntm_gym.metrics import cost_bits

NAMES = list(PROTOCOLS)
SURE = [name for name in NAMES if name != "dynamic_ngrams"]  # tasks whose oracle never errs


def small_agent(task, seed=0, kind="ntm"):
    memory = {} if kind == "lstm" else {"slots": 9, "width": 4}
    cell = CELLS[kind](task.target_width, units=7, **memory)
    cell.build((None, task.input_width))
    rng = np.random.default_rng(seed)
    cell.set_weights([rng.normal(size=w.shape) for w in cell.get_weights()])
    return RecurrentAgent(cell)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, kind) for name in NAMES for kind in ("oracle", "ntm")),
        *(("copy", kind) for kind in CELLS if kind != "ntm"),
    ],
)
def test_return_in_the_environment_is_the_score_of_whole_tapes(name, kind):
    protocol = PROTOCOLS[name]
    task = protocol.task
    agent = OracleAgent(task) if kind == "oracle" else small_agent(task, kind=kind)
    rng = np.random.default_rng(3)
    shortest = min(protocol.min_length, 20)
    batch = task.sample(rng, rng.integers(shortest, min(protocol.max_length, 20) + 1, 33))
    env = gym.make_vec(protocol.env_id, len(batch))
    wrong = ((agent.logits(batch) > 0) != (batch.targets > 0.5)) & batch.mask[..., None]
    bits = batch.mask.sum(1) * task.target_width
    expected = 1.0 - 2.0 * wrong.sum((1, 2)) / bits
    np.testing.assert_allclose(play(env, agent, batch), expected, atol=1e-6)
    assert (kind == "oracle" and name in SURE) == (expected == 1.0).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_single_environment_sees_the_same_return(name):
    task = PROTOCOLS[name].task
    agent = small_agent(task)
    batch = held_out(task, 7, 1, seed=0)
    env = gym.make(PROTOCOLS[name].env_id)
    observation, _ = env.reset(options={"tape": batch})
    total, state, terminated = 0.0, None, False
    while not terminated:
        action, state = agent.act(observation[None], state)
        observation, reward, terminated, _, _ = env.step(action[0])
        total += reward
    vector = gym.make_vec(PROTOCOLS[name].env_id, 1)
    assert total == pytest.approx(play(vector, agent, batch)[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["oracle", "recurrent"])
def test_episode_start_begins_anew_in_that_row_alone(kind):
    task = PROTOCOLS["copy"].task
    agent = OracleAgent(task) if kind == "oracle" else small_agent(task)
    first, second = (held_out(task, 3, 2, seed).inputs for seed in (0, 1))
    fresh = [agent.act(second[:, 0])[0][0]]
    _, state = agent.act(second[:, 0])
    for step in range(1, 7):
        action, state = agent.act(second[:, step], state)
        fresh.append(action[0])
    state, going = None, []
    for step in range(2):
        _, state = agent.act(first[:, step], state)
    for step in range(7):
        observation = np.stack([second[0, step], first[1, min(step + 2, 6)]])
        action, state = agent.act(observation, state, np.array([step == 0, False]))
        going.append(action)
    np.testing.assert_array_equal([action[0] for action in going], fresh)
    whole = (agent.logits(held_out(task, 3, 2, 0)) > 0)[1]
    np.testing.assert_array_equal([action[1] for action in going[:5]], whole[2:7])


def test_observations_of_another_shape_are_said():
    agent = small_agent(PROTOCOLS["copy"].task)
    for shape in ((9,), (2, 8), (1, 2, 9)):
        with pytest.raises(ValueError, match=rf"\[B, 9\] .* got shape {re.escape(str(shape))}"):
            agent.act(np.zeros(shape, np.float32))


@pytest.mark.parametrize("name", NAMES)
def test_random_is_wrong_half_the_time_and_pays_a_bit_a_bit(name):
    batch = held_out(PROTOCOLS[name].task, 20, 400, seed=1)
    result = score("random", RandomAgent(batch.targets.shape[2], 0), batch)
    assert result.bit_errors == pytest.approx(result.scored_bits / 2, rel=0.05)
    assert result.cost_bits == pytest.approx(result.scored_bits)
    actions, _ = RandomAgent(5, 0).act(np.zeros((1000, 3), np.float32))
    assert actions.shape == (1000, 5)
    assert actions.mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("name", SURE)
def test_oracle_is_perfect(name):
    batch = held_out(PROTOCOLS[name].task, 9, 50, seed=1)
    result = score("oracle", OracleAgent(PROTOCOLS[name].task), batch)
    assert (result.bit_errors, result.perfect, result.cost_bits) == (0.0, 1.0, 0.0)


@pytest.mark.slow
def test_nobody_predicts_ngrams_better_than_bayes():
    """On the same tapes: each agent's cost less the oracle's, tape by tape, is above 0."""
    task = PROTOCOLS["dynamic_ngrams"].task
    batch = held_out(task, 200, 600, seed=2)

    def cost(agent):
        return cost_bits(agent.logits(batch), batch.targets, batch.mask)

    bayes = cost(OracleAgent(task))
    assert bayes.mean() == pytest.approx(128.3, abs=4 * bayes.std() / np.sqrt(len(batch)))
    for agent in (RandomAgent(1), small_agent(task)):
        excess = cost(agent) - bayes
        assert excess.mean() > 4 * excess.std() / np.sqrt(len(batch))
    # Nor does it with a little more or less trust in the counts.
    sure = OracleAgent(task).logits(batch)
    for factor in (0.9, 1.1):
        excess = cost_bits(factor * sure, batch.targets, batch.mask) - bayes
        assert excess.mean() > 4 * excess.std() / np.sqrt(len(batch))


def test_threshold_of_ngrams_is_what_bayes_returns():
    protocol = PROTOCOLS["dynamic_ngrams"]
    batch = held_out(protocol.task, 200, 2000, seed=3)
    result = score("oracle", OracleAgent(protocol.task), batch)
    returns = 1 - 2 * result.bit_errors / 195
    assert protocol.reward_threshold == pytest.approx(0.99 * returns, abs=0.015)
    assert protocol.reward_threshold < returns


def test_what_is_no_number_counts_as_wrong():
    batch = held_out(PROTOCOLS["copy"].task, 2, 3, seed=0)

    class Broken:
        def logits(self, batch):
            return np.full(batch.targets.shape, np.nan)

    assert score("broken", Broken(), batch).bit_errors == 16.0


@pytest.mark.parametrize(
    ("name", "length", "slots"),
    [
        ("copy", 20, 128),
        ("copy", 120, 128),
        ("copy", 1000, 1024),
        ("associative_recall", 20, 128),
        ("associative_recall", 100, 512),
        ("repeat_copy", 20, 128),
        ("repeat_copy", 200, 256),
        ("dynamic_ngrams", 200, 128),
        ("priority_sort", 20, 128),
    ],
)
def test_slots_hold_what_is_shown(name, length, slots):
    assert enough_slots(NTMCell(1, slots=8), PROTOCOLS[name].task, length) == slots


@pytest.mark.parametrize("start", ["memory_init", "address_init"])
def test_a_learned_start_has_the_slots_that_it_was_learned_with(start):
    cell = NTMCell(1, slots=8, **{start: "learned"})
    assert enough_slots(cell, PROTOCOLS["copy"].task, 1000) == 8
