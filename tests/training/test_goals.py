"""What reports are worth, what training sequences are drawn from, and that streams are apart."""

import dataclasses
import itertools
import math

import gymnasium as gym
import numpy as np
import pytest

from agents.recipes.reward import RewardConfig, reward_recipe
from agents.recipes.supervised import AssociativeRecallConfig, CopyConfig
from agents.training.goals import TaskGoal, ThresholdGoal, goal_of
from agents.training.streams import Stream

COPY = CopyConfig(anneal_below=0.5, lost_above=4.0)
CARTPOLE = reward_recipe("CartPole-v1", "lstm")


def rows_of(*errors):
    return [{"held_out_bit_errors": error, "mean_return": -1.0} for error in errors]


@pytest.mark.parametrize(
    ("errors", "solved", "falls", "kept", "lost"),
    [
        (0.0, True, True, True, False),
        (0.4, False, True, True, False),
        (0.5, False, False, True, False),
        (1.9, False, False, True, False),
        (2.0, False, False, False, False),
        (4.0, False, False, False, False),
        (4.1, False, False, False, True),
    ],
)
def test_a_task_is_judged_by_held_out_errors(errors, solved, falls, kept, lost):
    goal = goal_of(COPY)
    assert isinstance(goal, TaskGoal)
    (row,) = rows_of(errors)
    judged = goal.counts_as_solved(row), goal.lets_fall(row), goal.is_kept(row), goal.is_lost(row)
    assert judged == (solved, falls, kept, lost)


@pytest.mark.parametrize("reward", [474.9, 475.0])
def test_other_environments_are_judged_by_their_threshold(reward):
    goal = goal_of(CARTPOLE)
    assert isinstance(goal, ThresholdGoal)
    row = {"mean_return": reward, "held_out_bit_errors": math.nan}
    assert goal.counts_as_solved(row) == goal.lets_fall(row) == (reward >= 475)
    assert not goal.is_kept(row)
    assert not goal.is_lost(row)
    assert gym.spec("CartPole-v1").reward_threshold == 475


def test_without_a_threshold_nothing_is_solved():
    goal = goal_of(RewardConfig("Unknown-v0"))
    assert not goal.counts_as_solved({"mean_return": 1e9})


@pytest.mark.parametrize(
    ("errors", "first"),
    [((0, 0, 0), 0), ((0, 0, 1, 0, 0, 0, 0), 3), ((0, 0), None), ((0, 0, 1), None), ((), None)],
)
def test_solved_is_the_first_of_three_in_a_row(errors, first):
    rows = rows_of(*errors)
    assert goal_of(COPY).first_solved(rows) is (None if first is None else rows[first])


@pytest.mark.parametrize(
    ("config", "falls", "harder"),
    [
        (CopyConfig(training_fields={"sparse": 1.0}), 0, True),
        (AssociativeRecallConfig(training_fields={"alike": 1.0}), 0, False),
        (AssociativeRecallConfig(training_fields={"alike": 1.0}), 1, True),
        (CopyConfig(training_fields={}), 1, False),
    ],
    ids=str,
)
def test_training_tapes_are_of_the_training_task_once_it_is_due(config, falls, harder):
    goal = goal_of(config)
    curriculum = goal.make_curriculum()
    drawn = goal.draw(curriculum, Stream.TRAINING.generator(3), (5, 4), falls)
    assert drawn.inputs.shape[:3] == (5, 4, config.longest)
    rng = np.random.default_rng([3, 1])
    task = config.training_task if harder else config.task
    batch = task.sample(rng, curriculum.sample(rng, 20))
    steps = batch.inputs.shape[1]
    np.testing.assert_array_equal(drawn.flat().inputs[:, :steps], batch.inputs)
    np.testing.assert_array_equal(drawn.flat().lengths, batch.lengths)
    assert not drawn.flat().inputs[:, steps:].any()


def test_where_there_are_no_right_answers_nothing_is_drawn_or_known():
    goal = goal_of(CARTPOLE)
    curriculum = goal.make_curriculum()
    assert goal.draw(curriculum, np.random.default_rng(0), (1, 4), 0) is None
    assert all(map(math.isnan, goal.make_test(None)()))
    curriculum.set_state(curriculum.get_state())
    assert curriculum.lesson == 0


def test_streams_of_a_seed_are_apart_and_repeat():
    drawn = {stream: stream.generator(7).integers(2**62) for stream in Stream}
    drawn["more"] = Stream.EVALUATION.generator(7, 20).integers(2**62)
    drawn["another seed"] = Stream.TRAINING.generator(8).integers(2**62)
    for one, other in itertools.combinations(drawn.values(), 2):
        assert one != other
    assert drawn[Stream.TRAINING] == Stream.TRAINING.generator(7).integers(2**62)


def test_a_recipe_by_reward_takes_its_training_task_when_the_supervised_one_does():
    assert reward_recipe("NTMCopy-v0").fields_from_start
    recall = reward_recipe("NTMAssociativeRecall-v0")
    assert not recall.fields_from_start
    assert recall.training_task == dataclasses.replace(recall.task, alike=0.5)
