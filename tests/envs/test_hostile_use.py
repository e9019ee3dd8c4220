"""Whatever is asked of the environments, in any order: the documented result or a clear error.

A twin environment gets the calls that are right and no others. After any error both must still do
the same, so a refused call changes nothing, not even the state of the random generator.
"""

import tracemalloc
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import ntm_gym
from ntm_gym import PROTOCOLS, Copy, Sampler

ONE = 1  # which is a length of some tasks
CLEAR = r"expected .*got|Seed must be"


class Raising:
    """An object that cannot be looked at."""

    def __array__(self, *_, **__):
        raise RuntimeError("no array")

    def __repr__(self):
        return "Raising()"


class TooMany:
    """A curriculum whose lengths are one too many."""

    def sample(self, rng, n):
        return rng.integers(6, 9, n + 1)

    def record(self, lengths, errors):
        pass


class Endless:
    """A sequence of 10^12 zeros."""

    def __len__(self):
        return 10**12

    def __getitem__(self, _):
        return 0


ODD = st.sampled_from(
    [
        *(None, "", "1" * 8, b"\1\0", ONE, 0.5, 10**400, -1, float("nan"), 1j, {}, {1}, (), [[]]),
        *({"a": 1}, object(), object, len, Raising(), [Raising()], Endless(), range(10**12)),
        *([[1], [0, 1]], [np.zeros((2, 3)), np.zeros((2, 4))], [None] * 8, ["1"] * 8, "\ud800"),
        np.broadcast_to(np.int8(0), (10**12,)),
        np.array([1, 0], "M8[s]"),
        np.zeros(8, [("a", "i1")]),
        np.ma.masked_array([1] * 8, [1] * 8),
        np.array(["0"] * 8, object),
    ]
)
ANYTHING = ODD | arrays(scalar_dtypes(), array_shapes(min_dims=0, max_side=10))
KINDS = st.sampled_from([bool, np.int8, np.uint8, ">i4", np.int64, np.float16, np.float64, list])
SEEDS = st.none() | st.integers(0, 2**32)
SHORT = st.integers(6, 12)
LONG = st.sampled_from([30, 1_000])
HOSTILE_LENGTHS = ODD.filter(
    lambda value: value is not None and value is not ONE
) | st.sampled_from([0, -1, 10**9, 2**63, 10**30, True, 2.0, [3, 4, 5], [0]])
HOSTILE_OPTIONS = st.one_of(
    st.sampled_from([1, "length", [1], object(), {"lenght": 3}, {1: 2}, {"length": 3, "tape": 3}]),
    HOSTILE_LENGTHS.map(lambda length: {"length": length}),
    ODD.map(lambda tape: {"tape": tape}),
    ODD.filter(lambda value: value is not None).map(lambda value: {"curriculum": value}),
    HOSTILE_LENGTHS.map(lambda length: {"max_length": length}),
    st.just({"tape": Copy(width=3).sample(np.random.default_rng(0), [2])}),
    st.sampled_from(
        [{"lengths": np.array([-7])}, {"lengths": [2]}, {"mask": None}, {"mask": np.array(True)}]
    ).map(lambda change: {"tape": replace(Copy().sample(np.random.default_rng(0), [2]), **change)}),
)


def as_kind(bits, kind):
    return bits.tolist() if kind is list else bits.astype(kind)


def is_answer(action, shape):
    """Whether these are answers, seen with no help of the environment."""
    try:
        array = np.asarray(action)
    except Exception:
        return False
    fits = array.shape == shape and array.dtype.kind in "biuf"
    return fits and set(array.ravel().tolist()) <= {0, 1}


def refused(call, *arguments, **keywords):
    """A call that must fail with an error that says what was expected."""
    with pytest.raises((ValueError, gym.error.Error), match=CLEAR):
        call(*arguments, **keywords)


class Play(RuleBasedStateMachine):
    """What the single and the vector environment share."""

    env: gym.Env
    twin: gym.Env

    def both(self, name, *arguments, **keywords):
        """A right call, of both; their results are the same."""
        pair = self.env, self.twin
        first, second = (getattr(env, name)(*arguments, **keywords) for env in pair)
        assert data_equivalence(first, second, exact=True)
        return first

    def begin(self, makers, mode, curriculum):
        arguments = {"min_length": 6, "max_length": 9, "curriculum": curriculum}
        self.env, self.twin = (makers(render_mode=mode, **arguments).unwrapped for _ in range(2))
        for env in (self.env, self.twin):
            env.np_random = np.random.default_rng(0)
        self.shape = self.env.action_space.shape
        self.started = False

    def after_reset(self, result):
        self.started = True
        assert result[0] in self.env.observation_space
        self.due = result[1]["target"]

    @rule(seed=SEEDS)
    def reset(self, seed):
        self.after_reset(self.both("reset", seed=seed))

    @rule(length=SHORT | LONG)
    def reset_to_a_length(self, length):
        self.after_reset(self.both("reset", options={"length": length}))

    @rule(name=st.sampled_from(sorted(ntm_gym.curriculum.CURRICULA)), longest=SHORT)
    def reset_to_a_curriculum(self, name, longest):
        options = {"curriculum": name, "min_length": 6, "max_length": longest}
        self.after_reset(self.both("reset", options=options))

    @rule(seed=SEEDS, options=HOSTILE_OPTIONS)
    def reset_to_anything(self, seed, options):
        refused(self.env.reset, seed=seed, options=options)

    @rule(seed=SEEDS)
    def reset_to_a_curriculum_that_draws_too_many(self, seed):
        refused(self.env.reset, seed=seed, options={"curriculum": TooMany()})

    @rule(seed=st.sampled_from([-1, 1.5, "a", [1], 2.0]))
    def seed_with_anything(self, seed):
        refused(self.env.reset, seed=seed)

    @rule(action=ANYTHING)
    def answer_anything(self, action):
        if not is_answer(action, self.shape):
            refused(self.env.step, action)

    @rule(value=HOSTILE_LENGTHS)
    def set_any_curriculum(self, value):
        refused(self.env.set_curriculum, curriculum=value)
        refused(self.env.set_curriculum, min_length=value, max_length=value)

    @precondition(lambda self: self.started)
    @rule()
    def render(self):
        self.both("render")

    @precondition(lambda self: not self.started)
    @rule()
    def render_nothing(self):
        refused(self.env.render)

    @rule()
    def close(self):
        self.both("close")  # and it can go on


class SinglePlay(Play):
    @initialize(
        name=st.sampled_from(sorted(PROTOCOLS)),
        mode=st.sampled_from(["ansi", "rgb_array"]),
        curriculum=st.sampled_from(sorted(ntm_gym.curriculum.CURRICULA)),
    )
    def make(self, name, mode, curriculum):
        env_id = PROTOCOLS[name].env_id
        self.begin(lambda **arguments: gym.make(env_id, **arguments), mode, curriculum)
        self.running = False

    def after_reset(self, result):
        super().after_reset(result)
        self.running, self.info = True, result[1]
        self.total, self.wrong, self.scored = 0.0, 0, 0

    @precondition(lambda self: self.started and not self.running)
    @rule()
    def step_after_the_end(self):
        refused(self.env.step, np.zeros(self.shape))

    @precondition(lambda self: not self.started)
    @rule()
    def step_before_the_start(self):
        refused(self.env.step, np.zeros(self.shape))

    @precondition(lambda self: self.started and self.running)
    @rule(kind=KINDS, errs=st.booleans(), steps=st.integers(1, 60))
    def answer(self, kind, errs, steps):
        while self.running and steps:
            steps -= 1
            bits = self.info["target"] ^ errs
            scored = self.info["scored"]
            self.scored += scored * bits.size
            self.wrong += scored * errs * bits.size
            observation, reward, ended, cut, self.info = self.both("step", as_kind(bits, kind))
            assert observation in self.env.observation_space
            assert not cut
            self.total += reward
            if ended:
                self.running = False
                assert self.info["bit_errors"] == self.wrong
                assert self.info["is_success"] == (self.wrong == 0)
                assert self.total == pytest.approx(1 - 2 * self.wrong / self.scored)


class VectorPlay(Play):
    @initialize(
        name=st.sampled_from(sorted(PROTOCOLS)),
        mode=st.sampled_from(["ansi", "rgb_array"]),
        autoreset=st.sampled_from(["NextStep", "SameStep", "Disabled"]),
        rollouts=st.sampled_from([1, 2]),
    )
    def make(self, name, mode, autoreset, rollouts):
        self.rollouts, self.disabled = rollouts, autoreset == "Disabled"
        self.ended = np.zeros(4, bool)

        def make(**arguments):
            return gym.make_vec(
                PROTOCOLS[name].env_id, 4, autoreset_mode=autoreset, rollouts=rollouts, **arguments
            )

        self.begin(make, mode, "uniform")

    def after_reset(self, result):
        super().after_reset(result)
        self.ended = np.zeros(4, bool)

    @rule(mask=ANYTHING)
    def reset_any_rows(self, mask):
        if getattr(mask, "shape", None) != (4,) or mask.dtype != bool or not mask.any():
            refused(self.env.reset, options={"reset_mask": mask})

    @precondition(lambda self: self.started)
    @rule(groups=st.lists(st.booleans(), min_size=2, max_size=2).filter(any))
    def reset_some_rows(self, groups):
        mask = np.repeat(groups, 2)
        _, infos = self.both("reset", options={"reset_mask": mask})
        np.testing.assert_array_equal(infos["_target"], mask)
        self.due = np.where(mask[:, None], infos["target"], self.due)
        self.ended &= ~mask

    @precondition(lambda self: self.started)
    @rule()
    def reset_half_a_group(self):
        if self.rollouts == 2:
            mask = np.array([True, False, False, False])
            refused(self.env.reset, options={"reset_mask": mask})

    @precondition(lambda self: not self.started or (self.disabled and self.ended.any()))
    @rule()
    def step_without_a_reset(self):
        refused(self.env.step, np.zeros(self.shape))

    @precondition(lambda self: self.started and not (self.disabled and self.ended.any()))
    @rule(kind=KINDS, errs=st.booleans(), steps=st.integers(1, 60))
    def answer(self, kind, errs, steps):
        while steps and not (self.disabled and self.ended.any()):
            steps -= 1
            result = self.both("step", as_kind(self.due ^ errs, kind))
            observations, rewards, self.ended, cut, infos = result
            assert observations in self.env.observation_space
            assert (np.abs(rewards) <= 1).all()
            assert not cut.any()
            self.due = infos["target"]


# A failing case is shown as it is found: to shrink it takes minutes.
few = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
TestSinglePlay = SinglePlay.TestCase
TestSinglePlay.settings = few
TestVectorPlay = VectorPlay.TestCase
TestVectorPlay.settings = few


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_a_tape_of_100_000(name):
    env = gym.make(PROTOCOLS[name].env_id, render_mode="ansi").unwrapped
    _, info = env.reset(seed=0, options={"length": 100_000})
    for _ in range(20):
        *_, info = env.step(info["target"])
    assert env.render()
    env.reset(options={"length": 6})


ABSURD = {
    "a width": lambda: gym.make("NTMCopy-v0", width=10**12),
    "two sizes": lambda: gym.make("NTMAssociativeRecall-v0", width=2**20, vectors_per_item=2**20),
    "a length": lambda: gym.make("NTMCopy-v0", max_length=10**9),
    "rows": lambda: gym.make_vec("NTMCopy-v0", 10**9),
    "rows of a length": lambda: gym.make_vec("NTMCopy-v0", 10**4, max_length=10**4),
    "a drawn length": lambda: gym.make("NTMCopy-v0").reset(options={"length": 10**9}),
    "drawn rows": lambda: gym.make_vec("NTMCopy-v0", 3).reset(options={"length": 10**9}),
    "a batch": lambda: Sampler("copy", batch_size=10**12),
    "samplers": lambda: Sampler("copy").spawn(10**12),
    "lengths": lambda: Copy().sample(np.random.default_rng(0), np.broadcast_to(3, 10**12)),
    "a long tape": lambda: Copy().sample(np.random.default_rng(0), [10**9]),
}


@pytest.mark.parametrize("what", ABSURD)
def test_absurd_sizes_are_refused_before_memory_is_taken(what):
    tracemalloc.start()
    try:
        refused(ABSURD[what])
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
