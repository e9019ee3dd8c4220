import numpy as np
import pytest

from ntm_gym.curriculum import CURRICULA, Curriculum, Fixed, Uniform, make_curriculum


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
