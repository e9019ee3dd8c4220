import copy
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntm_gym import AssociativeRecall, Copy
from ntm_gym.curriculum import (
    CURRICULA,
    Curriculum,
    Fixed,
    LookBack,
    LookBackAndForward,
    Naive,
    PredictionGain,
    Uniform,
    make_curriculum,
)


def test_uniform_draws_the_whole_range_equally():
    lengths = Uniform(3, 6).sample(np.random.default_rng(0), 4000)
    values, counts = np.unique(lengths, return_counts=True)
    assert values.tolist() == [3, 4, 5, 6]
    np.testing.assert_allclose(counts / 4000, 0.25, atol=0.04)


def test_fixed_draws_the_longest():
    assert Fixed(3, 6).sample(np.random.default_rng(0), 3).tolist() == [6, 6, 6]


@pytest.mark.parametrize("name", CURRICULA)
def test_conformance(name):
    curriculum = make_curriculum(name, 2, 9)
    assert isinstance(curriculum, Curriculum)
    for n in (1, 7):
        lengths = curriculum.sample(np.random.default_rng(0), n)
        assert lengths.shape == (n,)
        assert lengths.dtype == np.int64
        assert np.all((lengths >= 2) & (lengths <= 9))
        curriculum.record(lengths, np.zeros(n, np.int64))
    curriculum.record(np.array([1000]), np.array([3]))  # a length that a reset asked for
    first, again = (curriculum.sample(np.random.default_rng(5), 9) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_an_object_is_kept():
    mine = Uniform(1, 2)
    assert make_curriculum(mine, 5, 9) is mine


@pytest.mark.parametrize("curriculum", ["unifrom", "", None, 3, object(), Uniform])
def test_unknown_curricula(curriculum):
    with pytest.raises(ValueError, match=r"expected curriculum as one of 'fixed', 'uniform'.*got"):
        make_curriculum(curriculum, 1, 5)


@pytest.mark.parametrize(
    ("least", "greatest", "message"),
    [
        (5, 4, "expected min_length <= max_length, got 5 > 4"),
        (0, 4, "expected min_length as an integer of at least 1, got 0"),
        (1, 4.0, "expected max_length as an integer of at least 1, got 4.0"),
        (True, 4, "expected min_length"),
        (1, None, "expected max_length"),
        (1, float("nan"), "expected max_length"),
    ],
)
@pytest.mark.parametrize("curriculum", ["uniform", "fixed", Uniform(1, 2)])
def test_impossible_ranges(curriculum, least, greatest, message):
    with pytest.raises(ValueError, match=message):
        make_curriculum(curriculum, least, greatest)


ADAPTIVE = ["naive", "look_back", "look_back_and_forward", "prediction_gain"]


def rng(seed=0):
    return np.random.default_rng(seed)


def told(curriculum, length, errors, times):
    curriculum.record(np.full(times, length), np.full(times, errors))


def shares(curriculum, draws=20_000):
    """How often each length is drawn."""
    lengths = curriculum.sample(rng(), draws)
    return np.bincount(lengths, minlength=curriculum.max_length + 1)[1:] / draws


def test_lessons_of_the_tasks():
    assert Copy().lessons(1, 20) == (1, 2, 4, 8, 16, 20)
    assert Copy().lessons(3, 12) == (3, 6, 12)
    assert AssociativeRecall().lessons(2, 6) == (2, 3, 4, 5, 6)
    assert Copy().lessons(7, 7) == AssociativeRecall().lessons(7, 7) == (7,)
    assert make_curriculum("naive", 2, 6).lessons == (2, 4, 6)
    assert make_curriculum("naive", 2, 6, AssociativeRecall()).lessons == (2, 3, 4, 5, 6)


@pytest.mark.slow
@given(st.integers(1, 50), st.integers(0, 200), st.sampled_from([Copy(), AssociativeRecall()]))
def test_every_length_is_in_one_lesson(least, more, task):
    curriculum = make_curriculum("naive", least, least + more, task)
    drawn = set()
    for lesson in range(len(curriculum.lessons)):
        assert curriculum.lesson == lesson
        lengths = set(curriculum.sample(rng(), 3000).tolist())
        assert not lengths & drawn
        drawn |= lengths
        told(curriculum, curriculum.lessons[lesson], 0, 100)
    assert drawn == set(range(least, least + more + 1))


def test_advances_when_the_window_falls_below_the_threshold():
    curriculum = Naive(1, 20, window=4, threshold=1.0)
    told(curriculum, 1, 0, 3)
    assert curriculum.lesson == 0  # the window is not full
    told(curriculum, 1, 4, 1)
    assert curriculum.lesson == 0  # a mean of 1 is not below 1
    np.testing.assert_array_equal(curriculum.mean_errors[:2], [1, np.nan])
    told(curriculum, 2, 0, 9)  # another lesson's
    told(curriculum, 99, 0, 9)  # nobody's
    assert curriculum.lesson == 0
    curriculum.record(np.ones(4, int), np.array([0, 0, 3, 0]))
    # That lesson is learned, and the next one too, which was heard of already.
    assert curriculum.lesson == 2
    assert set(curriculum.sample(rng(), 50)) == {3, 4}
    for lesson in (2, 3, 4, 5, 5):
        assert curriculum.lesson == lesson
        told(curriculum, curriculum.lessons[lesson], 0, 4)
    assert curriculum.lesson == 5  # the last one stays
    told(curriculum, 1, 8, 50)
    assert curriculum.lesson == 5  # there is no way back


def at_lesson(kind, lesson, **settings):
    curriculum = kind(1, 8, lessons=(1, 2, 4, 8), window=1, **settings)
    for end in curriculum.lessons[:lesson]:
        told(curriculum, end, 0, 1)
    return curriculum


def test_look_back_draws_a_tenth_from_earlier_lessons():
    assert at_lesson(LookBack, 0).probabilities.tolist() == [1, 0, 0, 0]
    curriculum = at_lesson(LookBack, 2)
    np.testing.assert_allclose(curriculum.probabilities, [0.05, 0.05, 0.9, 0])
    np.testing.assert_allclose(shares(curriculum), [0.05, 0.05, 0.45, 0.45, 0, 0, 0, 0], atol=0.015)
    np.testing.assert_allclose(at_lesson(LookBack, 2, back=0.5).probabilities, [0.25, 0.25, 0.5, 0])


def test_shares_that_round_are_probabilities():
    for lessons in (3, 7, 20):
        curriculum = LookBack(1, lessons, tuple(range(1, lessons + 1)), window=1, back=1 - 1e-16)
        for length in range(1, lessons):
            curriculum.record(np.array([length]), np.array([0]))
            assert (curriculum.probabilities >= 0).all()
            curriculum.sample(rng(0), 8)


def test_look_back_and_forward_draws_a_fifth_from_all():
    curriculum = at_lesson(LookBackAndForward, 1)
    # A fifth over 8 lengths, and four fifths for length 2.
    expected = [0.025, 0.825, 0.025, 0.025, 0.025, 0.025, 0.025, 0.025]
    np.testing.assert_allclose(curriculum.probabilities, [0.025, 0.825, 0.05, 0.1])
    np.testing.assert_allclose(shares(curriculum), expected, atol=0.015)


def offered(curriculum, gains):
    """Fills the reservoir with gains, without a step of the bandit."""
    curriculum.set_state({**curriculum.get_state(), "waiting": gains})
    curriculum.sample(rng(), 1)


def test_exp3s_known_answer():
    bandit = PredictionGain(1, 4, lessons=(1, 2, 4), eta=0.5, epsilon=0.3, beta=0.1)
    assert bandit.probabilities.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    offered(bandit, [0.0, 1.0])  # quantiles 0.2 and 0.8
    # A gain of 0.65 becomes 2 (0.65 - 0.2) / 0.6 - 1 = 0.5. By hand, with p = 1/3 and alpha = 1/2:
    # v = 0.5 (0.1, 0.6, 0.1) / (1/3) = (0.15, 0.9, 0.15)
    bandit.record(np.array([2]), np.array([5]), np.array([0.65]))
    easy, hard = math.exp(0.15), math.exp(0.9)
    expected = [math.log(easy / 2 + (easy + hard) / 4), math.log(hard / 2 + 2 * easy / 4)]
    np.testing.assert_allclose(bandit.weights, np.array(expected)[[0, 1, 0]], rtol=1e-14)
    np.testing.assert_allclose(bandit.weights, [0.3962740, 0.5937238, 0.3962740], atol=1e-7)
    powers = np.exp(bandit.weights)
    expected = 0.7 * powers / powers.sum() + 0.1
    np.testing.assert_allclose(bandit.probabilities, expected, rtol=1e-14)
    assert bandit.lesson == 1

    # A second step, of two tapes and alpha = 1/3: rewards are halved, -1 and 1 are the bounds.
    v = bandit.weights + 0.5 * (np.array([-0.5, 0, 0.5]) + 0.1) / bandit.probabilities
    bandit.record(np.array([1, 3]), np.array([5, 5]), np.array([-7.0, 9.0]))
    x = np.exp(v)
    expected = [np.log(2 / 3 * x[i] + (x.sum() - x[i]) / 6) for i in range(3)]
    np.testing.assert_allclose(bandit.weights, expected, rtol=1e-13)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.floats(-6, 6))
def test_rewards_are_rescaled_by_the_reservoirs_quantiles(gains, gain):
    bandit = PredictionGain(1, 2)
    assert bandit._rescaled(np.array([gain])) == 0  # nothing to compare with
    offered(bandit, gains)
    low, high = np.quantile(gains, [0.2, 0.8])
    assert bandit._quantile(0.2) == pytest.approx(low)
    (reward,) = bandit._rescaled(np.array([gain]))
    assert -1 <= reward <= 1
    if high > low + 1e-6 and low + 1e-6 < gain < high - 1e-6:
        assert reward == pytest.approx(2 * (gain - low) / (high - low) - 1)
    elif abs(gain - low) > 1e-6 and abs(gain - high) > 1e-6:
        assert reward == (1 if gain > high else -1)


@pytest.mark.slow
def test_the_reservoir_is_a_uniform_sample_of_all_gains():
    kept = np.zeros(40)
    for seed in range(150):
        bandit = PredictionGain(1, 2, reservoir=10)
        generator = rng(seed)
        for gain in range(40):
            bandit.sample(generator, 1)
            bandit.record(np.array([1]), np.array([0]), np.array([float(gain)]))
        bandit.sample(generator, 1)
        gains = bandit.get_state()["gains"]
        assert len(gains) == 10
        assert gains == sorted(gains)
        kept[np.array(gains, int)] += 1
    np.testing.assert_allclose(kept / 150, 0.25, atol=0.14)


@pytest.mark.slow
@pytest.mark.parametrize("best", range(4))
def test_prediction_gain_comes_to_the_lesson_of_the_greatest_gain(best):
    bandit = PredictionGain(1, 8, eta=0.01)
    generator = rng(best)
    for _ in range(800):
        lengths = bandit.sample(generator, 4)
        lesson = np.searchsorted(bandit.lessons, lengths)
        gains = generator.normal(lesson == best, 0.5)
        bandit.record(lengths, np.zeros(4, int), gains)
    assert bandit.lesson == best
    assert bandit.probabilities[best] > 0.8
    # Another lesson becomes the best: shared weights let it come back.
    for _ in range(1500):
        lengths = bandit.sample(generator, 4)
        lesson = np.searchsorted(bandit.lessons, lengths)
        bandit.record(lengths, np.zeros(4, int), generator.normal(lesson == 3 - best, 0.5))
    assert bandit.lesson == 3 - best


def test_falling_errors_stand_in_for_gains():
    bandit = PredictionGain(1, 4, eta=0.1)
    bandit.record(np.array([1, 4]), np.array([4, 8]))  # the first of a lesson: no gain
    assert bandit.get_state()["waiting"] == []
    bandit.record(np.array([4, 1, 2, 77]), np.array([2, 6, 3, 1]))
    assert bandit.get_state()["waiting"] == [(8 - 2) / 4, 4 - 6.0]


def test_gains_that_are_no_numbers_count_nothing():
    bandit = PredictionGain(1, 4)
    bandit.record(np.array([1, 2, 4]), np.zeros(3, int), np.array([np.nan, np.inf, 1.0]))
    assert bandit.get_state()["waiting"] == [1.0]
    assert np.all(np.isfinite(bandit.weights))


def test_one_lesson_needs_no_bandit():
    bandit = PredictionGain(5, 5)
    bandit.record(np.array([5, 5]), np.array([1, 2]), np.array([1.0, 2.0]))
    assert bandit.sample(rng(), 3).tolist() == [5, 5, 5]
    assert bandit.probabilities.tolist() == pytest.approx([1])


def practise(curriculum, generator, tapes=300):
    """Plays some tapes of fewer and fewer errors, and gives all lengths."""
    drawn = []
    for tape in range(tapes):
        lengths = curriculum.sample(generator, 3)
        curriculum.record(lengths, generator.integers(0, 1 + lengths * 30 // (30 + tape)))
        drawn += lengths.tolist()
    return drawn


@pytest.mark.slow
@pytest.mark.parametrize("name", CURRICULA)
def test_state_goes_through_json(name):
    first = make_curriculum(name, 2, 16)
    practise(first, rng(1))
    state = json.loads(json.dumps(first.get_state()))
    second = make_curriculum(name, 2, 16)
    second.set_state(state)
    assert second.get_state() == first.get_state() == state
    assert practise(second, rng(2)) == practise(first, rng(2))
    for wrong in (
        {**state, "more": 1},
        None,
        [1],
        {"errors": []} if name in ADAPTIVE else {"x": 1},
    ):
        with pytest.raises(ValueError, match="expected a state of"):
            second.set_state(wrong)


@pytest.mark.parametrize("name", CURRICULA)
def test_all_randomness_is_the_generators(name):
    np.random.seed(0)  # noqa: NPY002 (to show that it matters nothing)
    first = practise(make_curriculum(name, 1, 20), rng(4))
    np.random.seed(1)  # noqa: NPY002
    assert practise(make_curriculum(name, 1, 20), rng(4)) == first


@pytest.mark.slow
@pytest.mark.parametrize("name", ADAPTIVE)
@pytest.mark.parametrize("again", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_learn_alike(name, again):
    first = make_curriculum(name, 1, 20)
    practise(first, rng(1))
    second = again(first)
    assert practise(second, rng(2)) == practise(first, rng(2))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"lesson": 6, "errors": [[]] * 6}, "expected lesson as an integer from 0 to 5, got 6"),
        ({"lesson": "1", "errors": [[]] * 6}, "expected lesson"),
        ({"lesson": 1, "errors": [[]] * 5}, "expected errors of 6 lessons"),
    ],
)
def test_states_of_others_are_refused(state, message):
    with pytest.raises(ValueError, match=message):
        Naive(1, 20).set_state(state)
    bandit = PredictionGain(1, 20)
    with pytest.raises(ValueError, match="expected weights of 6 lessons"):
        bandit.set_state({**bandit.get_state(), "weights": [0.0]})


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"weights": ["a"] * 6},
        {"weights": [float("nan")] * 6},
        {"gains": [1.0, "a"]},
        {"waiting": None},
        {"errors": [None] * 6},
        {"errors": ["abc"] * 6},
        {"time": 0},
        {"time": "a"},
        {"offered": -1},
    ],
    ids=str,
)
def test_refused_states_change_nothing(change):
    bandit = PredictionGain(1, 20)
    practise(bandit, rng(1))
    before = bandit.get_state()
    others = {"errors": [[1.0]] * 6, "weights": [1.0] * 6, "gains": [2.0]}
    with pytest.raises(ValueError, match=r"expected .*, got"):
        bandit.set_state({**before, **others, **change})
    assert bandit.get_state() == before


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (Naive, {"lessons": (1, 2, 4)}, "expected lessons as ascending .*end with 20, got"),
        (Naive, {"lessons": (4, 2, 20)}, "expected lessons"),
        (Naive, {"lessons": (0, 20)}, "expected lessons as ascending integers from 1"),
        (Naive, {"lessons": (1, 2.5, 20)}, "expected lessons"),
        (Naive, {"window": 0}, "expected window as an integer of at least 1, got 0"),
        (Naive, {"window": 1.5}, "expected window"),
        (Naive, {"threshold": float("nan")}, "expected threshold as a number"),
        (Naive, {"threshold": "low"}, "expected threshold as a number"),
        (LookBack, {"back": 1.1}, "expected back as a number from 0 to 1, got 1.1"),
        (LookBack, {"back": 1}, "expected back below 1, .*got 1"),
        (LookBack, {"back": 10**400}, "expected back as a number from 0 to 1"),
        (LookBackAndForward, {"anywhere": -0.1}, "expected anywhere"),
        (PredictionGain, {"eta": -1}, "expected eta"),
        (PredictionGain, {"epsilon": 0}, "expected epsilon"),
        (PredictionGain, {"beta": None}, "expected beta"),
        (PredictionGain, {"quantile": 0.6}, "expected quantile"),
        (PredictionGain, {"reservoir": 0}, "expected reservoir"),
    ],
)
def test_impossible_settings(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind(1, 20, **settings)


@pytest.mark.parametrize("name", ADAPTIVE)
def test_lengths_without_errors_are_refused(name):
    curriculum = make_curriculum(name, 1, 5)
    with pytest.raises(ValueError, match="expected as many errors as lengths"):
        curriculum.record(np.array([1, 2]), np.zeros(3, int))


def test_gains_of_another_number_are_refused():
    with pytest.raises(ValueError, match="expected as many gains as lengths"):
        PredictionGain(1, 5).record(np.array([1, 2]), np.array([1, 2]), np.array([1.0]))
