import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntm_gym.metrics import bit_errors, cost_bits, solved_fraction, step_reward, tape_return

TARGETS = np.float32([[[0, 1], [1, 1], [0, 0]], [[1, 0], [0, 1], [1, 1]]])
MASK = np.array([[False, True, True], [True, True, False]])


def test_bit_errors_known_answer():
    outputs = np.float32([[[1, 0], [0.9, 0.4], [0.1, 0.2]], [[0.4, 0.6], [0, 1], [0, 0]]])
    errors = bit_errors(outputs, TARGETS, MASK)
    assert errors.tolist() == [1, 2]
    assert errors.dtype == np.int64


def test_bit_errors_of_hard_answers():
    assert bit_errors(TARGETS, TARGETS, MASK).tolist() == [0, 0]
    assert bit_errors(1 - TARGETS, TARGETS, MASK).tolist() == [4, 4]


def test_one_half_means_zero_and_nan_is_wrong():
    assert bit_errors(np.full_like(TARGETS, 0.5), TARGETS, MASK).tolist() == [2, 2]
    assert bit_errors(np.full_like(TARGETS, np.nan), TARGETS, MASK).tolist() == [4, 4]


def test_solved_fraction():
    assert solved_fraction(np.array([0, 3, 0, 1])) == 0.5
    with pytest.raises(ValueError, match="at least one"):
        solved_fraction(np.array([], np.int64))


def test_cost_of_not_knowing_is_one_bit_per_bit():
    np.testing.assert_allclose(cost_bits(np.zeros_like(TARGETS), TARGETS, MASK), [4, 4])


def test_cost_bits_known_answer():
    # p = 3/4 of a one costs log2(4/3) bits where it is right and 2 where it is wrong.
    logits = np.full((1, 1, 2), np.log(3))
    cost = cost_bits(logits, np.float32([[[1, 0]]]), np.array([[True]]))
    np.testing.assert_allclose(cost, [np.log2(4 / 3) + 2])


@given(st.lists(st.floats(-20, 20), min_size=6, max_size=6), st.integers(0, 63))
def test_cost_bits_against_probabilities(logits, bits):
    logits = np.reshape(logits, (1, 3, 2))
    targets = np.float32([bits >> i & 1 for i in range(6)]).reshape(1, 3, 2)
    mask = np.array([[True, False, True]])
    p = 1 / (1 + np.exp(-logits))
    expected = -np.log2(np.where(targets == 1, p, 1 - p))[mask].sum()
    np.testing.assert_allclose(cost_bits(logits, targets, mask), [expected], rtol=1e-6, atol=1e-9)


def test_cost_bits_of_extreme_logits():
    mask = np.array([[True]])
    one = np.float32([[[1]]])
    for logit, expected in ((1e4, 0), (-1e4, 1e4 / np.log(2)), (np.inf, 0), (-np.inf, np.inf)):
        assert cost_bits(np.array([[[logit]]]), one, mask)[0] == pytest.approx(expected)
    # What is not scored costs nothing, whatever it is.
    assert cost_bits(np.array([[[-np.inf]]]), one, ~mask).tolist() == [0]


@pytest.mark.parametrize("metric", [bit_errors, cost_bits])
def test_shapes_that_do_not_fit(metric):
    with pytest.raises(ValueError, match=r"expected outputs and targets .* got"):
        metric(TARGETS[:, :2], TARGETS, MASK)
    with pytest.raises(ValueError, match=r"expected outputs and targets .* got"):
        metric(TARGETS, TARGETS, MASK[:, :2])
    with pytest.raises(ValueError, match=r"expected outputs and targets .* got"):
        metric(TARGETS[0], TARGETS[0], MASK)


def test_step_reward():
    assert step_reward(0, 8, 5) == 1 / 5
    assert step_reward(8, 8, 5) == -1 / 5
    assert step_reward(4, 8, 5) == 0
    both = step_reward(np.array([0.0, 1.0]), 2, np.array([1.0, 4.0]))
    assert both.tolist() == [1, 0]


def test_a_tapes_return_is_the_sum_of_its_rewards():
    wrong = np.array([[1.0, 3.0, 0.0], [4.0, 0.0, 4.0]])
    rewards = step_reward(wrong, 4, np.full(wrong.shape, 3.0))
    returns = tape_return(wrong.sum(axis=1), 4, np.full(2, 3.0))
    assert returns == pytest.approx(rewards.sum(axis=1))
    assert tape_return(0.0, 8, 5) == 1
    assert tape_return(40.0, 8, 5) == -1
