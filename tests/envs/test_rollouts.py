"""`rollouts=K` of the vector environment: each K consecutive rows play one tape."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from ntm_gym import PROTOCOLS, TaskEnv, TaskVectorEnv
from ntm_gym.curriculum import Naive

each_id = pytest.mark.parametrize("env_id", [protocol.env_id for protocol in PROTOCOLS.values()])
each_mode = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)


class Heard:
    """Draws lengths 1 to 4 and keeps what it is asked for and hears."""

    def __init__(self):
        self.asked, self.lengths, self.errors = [], [], []

    def sample(self, rng, n):
        self.asked.append(n)
        return rng.integers(1, 5, n)

    def record(self, lengths, errors):
        assert lengths.shape == errors.shape
        self.lengths += lengths.tolist()
        self.errors += errors.tolist()


def shown(infos, ended, mode):
    """The results of the ended rows, whatever the mode calls them."""
    return infos["final_info"] if mode is AutoresetMode.SAME_STEP and ended.any() else infos


@pytest.mark.slow
@each_id
@each_mode
def test_a_group_is_one_row_of_a_plain_environment_several_times(env_id, mode):
    """From reset on and over many autoresets; each row answers, errs and earns for itself."""
    groups, rollouts = 3, 4
    many = gym.make_vec(env_id, groups * rollouts, rollouts=rollouts, autoreset_mode=mode)
    plain = gym.make_vec(env_id, groups, autoreset_mode=mode)
    seen = many.reset(seed=5)[0]
    np.testing.assert_array_equal(seen, plain.reset(seed=5)[0].repeat(rollouts, axis=0))
    rng = np.random.default_rng(0)
    ends, errors = 0, np.zeros(groups * rollouts, int)
    for _ in range(430):
        right = many._targets
        answers = right ^ (rng.random(right.shape) < 0.2)
        due = many._scored & ~many._tapes.ended
        wrong = (answers != right).sum(axis=1) * due
        errors += wrong
        first, second = many.step(answers), plain.step(answers[::rollouts])
        np.testing.assert_array_equal(first[0], second[0].repeat(rollouts, axis=0))
        np.testing.assert_array_equal(first[1][::rollouts], second[1])
        # A group's rewards fall with the wrong bits of each row.
        assert (np.sign(first[1]) == np.sign(right.shape[1] - 2 * wrong) * due).all()
        ended = first[2]
        np.testing.assert_array_equal(ended, second[2].repeat(rollouts))
        if ended.any():
            infos = shown(first[4], ended, mode)
            np.testing.assert_array_equal(infos["bit_errors"][ended], errors[ended])
            ends += ended.sum() // rollouts
            errors[ended] = 0
            if mode is AutoresetMode.DISABLED:
                seen, _ = many.reset(options={"reset_mask": ended})
                part, _ = plain.reset(options={"reset_mask": second[2]})
                np.testing.assert_array_equal(seen, part.repeat(rollouts, axis=0))
    assert ends >= groups * 2
    # The groups play tapes of their own.
    assert len(np.unique(many._tapes._inputs[::rollouts], axis=0)) == groups


@each_id
@each_mode
def test_one_rollout_is_the_default(env_id, mode):
    first, second = (
        gym.make_vec(env_id, 4, autoreset_mode=mode, **more) for more in ({}, {"rollouts": 1})
    )
    assert (first.unwrapped.rollouts, second.unwrapped.rollouts) == (1, 1)
    assert data_equivalence(first.reset(seed=1), second.reset(seed=1), exact=True)
    for _ in range(60):
        actions = np.zeros(first.action_space.shape, np.int8)
        steps = first.step(actions), second.step(actions)
        assert data_equivalence(*steps, exact=True)
        if mode is AutoresetMode.DISABLED and steps[0][2].any():
            for env in (first, second):
                env.reset(options={"reset_mask": steps[0][2]})


@each_id
def test_a_group_plays_what_a_single_environment_plays(env_id):
    task = next(p.task for p in PROTOCOLS.values() if p.env_id == env_id)
    tape = task.sample(np.random.default_rng(3), [7, 6])
    envs = gym.make_vec(env_id, 4, rollouts=2)
    singles = [gym.make(env_id) for _ in range(4)]
    seen, _ = envs.reset(options={"tape": tape})
    firsts = [
        env.reset(options={"tape": tape.select([row // 2])})[0] for row, env in enumerate(singles)
    ]
    np.testing.assert_array_equal(seen, firsts)
    for step in range(int(tape.steps.min())):
        actions = np.random.default_rng(step).integers(0, 2, envs.action_space.shape, np.int8)
        seen, rewards, ended, _, _ = envs.step(actions)
        for row, env in enumerate(singles):
            one, reward, terminated, _, _ = env.step(actions[row])
            np.testing.assert_array_equal(seen[row], one)
            assert (rewards[row], ended[row]) == (reward, terminated)


def test_options_are_for_groups():
    envs = gym.make_vec("NTMCopy-v0", 6, rollouts=3, autoreset_mode="Disabled")
    envs.reset(seed=0, options={"length": [1, 2]})
    ends = []
    for _ in range(3):
        *_, ended, _, infos = envs.step(np.zeros((6, 8), np.int8))
        ends.append(ended.tolist())
    assert ends[-1] == [True] * 3 + [False] * 3
    assert infos["length"].tolist() == [1, 1, 1, 0, 0, 0]
    before = envs.unwrapped._tapes.show()[0][3:].copy()
    seen, infos = envs.reset(options={"reset_mask": ended, "length": 5})
    assert (seen[:3] == seen[0]).all()
    np.testing.assert_array_equal(seen[3:], before)
    assert infos["_target"].tolist() == ended.tolist()
    envs.reset(options={"reset_mask": ended, "length": [4]})
    assert envs.unwrapped._tapes.lengths.tolist() == [4, 4, 4, 2, 2, 2]
    envs.reset(options={"max_length": 2})
    assert envs.unwrapped.max_length == 2


@each_mode
def test_the_curriculum_hears_of_each_tape_once(mode):
    heard = Heard()
    envs = TaskVectorEnv(
        *("copy", 6), min_length=1, max_length=4, rollouts=3, curriculum=heard, autoreset_mode=mode
    )
    envs.reset(seed=0)
    means = []
    for _ in range(40):
        answers = envs._targets.copy()
        answers[1::3, 0] ^= 1  # the middle row of each group errs by one bit a step
        *_, ended, _, infos = envs.step(answers)
        if ended.any():
            infos = shown(infos, ended, mode)
            means += infos["bit_errors"][ended].reshape(-1, 3).mean(axis=1).tolist()
            if mode is AutoresetMode.DISABLED:
                envs.reset(options={"reset_mask": ended})
    assert heard.errors == means
    # Of a tape's three rows one errs, at each of its scored steps: as often as it is long.
    np.testing.assert_allclose(heard.errors, np.array(heard.lengths) / 3)
    assert heard.asked[0] == 2
    assert sum(heard.asked) - len(heard.lengths) in (0, 1, 2)


def test_a_curriculum_goes_on_by_the_mean_of_a_tapes_rollouts():
    """With 0.75 wrong bits a tape on the mean it goes on, with 1.25 not."""
    for wrong, lesson in ((3, 1), (5, 0)):
        curriculum = Naive(1, 2, window=4)
        envs = TaskVectorEnv(
            *("copy", 4), min_length=1, max_length=2, rollouts=4, curriculum=curriculum
        )
        envs.reset(seed=0, options={"length": 1})
        for _ in range(16):  # four episodes of three steps and one that begins the next
            answers = envs._targets.copy()
            if envs._scored.all():
                answers[0, :wrong] ^= 1
            envs.step(answers)
        assert curriculum.lesson == lesson
        assert curriculum.get_state()["errors"][0] == [wrong / 4] * 4


@pytest.mark.parametrize("rollouts", [0, -1, 3, 16, 2.0, True, None, "2"])
def test_impossible_rollouts(rollouts):
    with pytest.raises(ValueError, match=r"expected rollouts as .* divides num_envs, got .* 8 row"):
        gym.make_vec("NTMCopy-v0", 8, rollouts=rollouts)


@pytest.mark.parametrize(
    "options",
    [
        {"reset_mask": np.array([True, False, False, False])},
        {"reset_mask": np.array([True, True, False, True])},
        {"length": [3, 3, 4, 4]},
        {"tape": PROTOCOLS["copy"].task.sample(np.random.default_rng(0), [2, 2, 3, 3])},
    ],
    ids=str,
)
def test_impossible_options(options):
    envs = gym.make_vec("NTMCopy-v0", 4, rollouts=2)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=r"expected .*got"):
        envs.reset(options=options)
    envs.step(np.zeros((4, 8)))


def test_a_single_environment_has_no_rollouts():
    with pytest.raises(ValueError, match=r"expected keyword .* got rollouts"):
        TaskEnv("copy", min_length=1, max_length=2, rollouts=2)
