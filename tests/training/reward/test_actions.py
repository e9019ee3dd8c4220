"""Distributions over actions: known answers, and what is drawn has the probabilities claimed."""

import numpy as np
import pytest
from gymnasium import spaces

from agents.training.reward.actions import Bits, Choices, make_actions

RNG = np.random.default_rng(0)


def test_bits_by_hand():
    bits = Bits(2)
    outputs = np.array([[np.log(3), 0.0]], np.float32)  # probabilities 3/4 and 1/2
    for action, probability in (([1, 1], 3 / 8), ([1, 0], 3 / 8), ([0, 1], 1 / 8)):
        found = bits.log_probabilities(outputs, np.array([action], np.float32)).numpy()
        np.testing.assert_allclose(found.sum(axis=1), [np.log(probability)], rtol=1e-5)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) + np.log(2)
    np.testing.assert_allclose(bits.entropy(outputs).numpy(), [entropy], rtol=1e-5)
    assert bits.best(outputs).tolist() == [[1, 0]]


def test_choices_by_hand():
    choices = Choices([2, 3])
    outputs = np.log(np.array([[1, 3, 2, 2, 4]], np.float32))
    found = choices.log_probabilities(outputs, np.array([[1, 2]], np.float32)).numpy()
    np.testing.assert_allclose(found, np.log([[3 / 4, 1 / 2]]), rtol=1e-5)
    entropy = -sum(p * np.log(p) for p in (1 / 4, 3 / 4, 1 / 4, 1 / 4, 1 / 2))
    np.testing.assert_allclose(choices.entropy(outputs).numpy(), [entropy], rtol=1e-5)
    assert choices.best(outputs).tolist() == [[1, 2]]


@pytest.mark.parametrize("actions", [Bits(3), Choices([2, 3]), Choices([4], single=True)])
def test_draws_have_the_probabilities_claimed(actions):
    outputs = RNG.normal(size=(1, actions.size)).astype(np.float32)
    drawn = actions.sample(np.random.default_rng(1), outputs.repeat(40_000, axis=0))
    assert drawn.shape == (40_000, actions.width)
    kinds, counts = np.unique(drawn, axis=0, return_counts=True)
    parts = actions.log_probabilities(outputs, kinds.astype(np.float32)).numpy()
    claimed = np.exp(parts.sum(axis=1))
    assert claimed.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(counts / 40_000, claimed, atol=0.01)
    # Entropy is the mean of what is drawn, of minus its log-probability.
    entropy = actions.entropy(outputs).numpy()[0]
    assert entropy == pytest.approx(-(claimed * np.log(claimed)).sum(), abs=1e-5)


def test_shapes_with_more_axes():
    outputs = RNG.normal(size=(2, 1, 5, 3)).astype(np.float32)
    for actions in (Bits(3), Choices([3])):
        taken = np.zeros((2, 4, 5, actions.width), np.float32)
        assert actions.log_probabilities(outputs, taken).shape == (2, 4, 5, actions.width)
        assert actions.entropy(outputs).shape == (2, 1, 5)


@pytest.mark.parametrize(
    "space", [spaces.MultiBinary(3), spaces.MultiDiscrete([2, 3]), spaces.Discrete(4)], ids=str
)
def test_actions_fit_their_space(space):
    actions = make_actions(space)
    drawn = actions.sample(np.random.default_rng(0), np.zeros((6, actions.size)))
    for action in actions.to_space(drawn):
        assert action in space


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(0, 1, (2,)),
        spaces.MultiBinary([2, 2]),
        spaces.Discrete(3, start=1),
        spaces.MultiDiscrete([2, 2], start=[1, 0]),
    ],
    ids=str,
)
def test_other_spaces(space):
    with pytest.raises(ValueError, match=r"expected actions of .*got"):
        make_actions(space)
