"""Scores on held-out tapes, far beyond the training lengths, beside random and oracle.

TensorFlow is loaded where it is needed only: agents without it are scored, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.policies.agent import Agent, OracleAgent, RandomAgent
from agents.recipes.settings import checked
from agents.recipes.tasks import with_fields
from agents.storage.files import RunError, read_json
from agents.training.streams import Stream
from ntm_gym import PROTOCOLS, Batch, Task
from ntm_gym.checks import expect_at_least
from ntm_gym.metrics import bit_errors, cost_bits, solved_fraction, tape_return

if TYPE_CHECKING:
    from agents.policies.recurrent import RecurrentAgent
    from agents.storage.runs import Run


class Score(NamedTuple):
    """How an agent did on tapes of one length.

    Attributes:
        agent: the agent's name.
        length: the tapes' length in their task's measure.
        slots: memory slots, or None for agents without.
        episodes: number of tapes.
        bit_errors: wrong bits per tape, mean.
        bit_errors_deviation: their standard deviation over the tapes.
        scored_bits: bits to answer in a tape.
        perfect: fraction of tapes without a wrong bit.
        cost_bits: -log2 of the probability of the right answers, mean over tapes.
    """

    agent: str
    length: int
    slots: int | None
    episodes: int
    bit_errors: float
    bit_errors_deviation: float
    scored_bits: float
    perfect: float
    cost_bits: float


def held_out(task: Task, length: int, episodes: int, seed: int) -> Batch:
    """Returns the tapes that every agent is scored on for this length and seed."""
    rng = Stream.EVALUATION.generator(seed, length)
    return task.sample(rng, np.full(episodes, length))


def score(name: str, agent: Agent, batch: Batch, slots: int | None = None) -> Score:
    """Scores an agent on tapes of one length."""
    logits = agent.logits(batch)
    errors = _errors(logits, batch)
    return Score(
        agent=name,
        length=int(batch.lengths[0]),
        slots=slots,
        episodes=len(batch),
        bit_errors=float(errors.mean()),
        bit_errors_deviation=float(errors.std()),
        scored_bits=float(batch.mask.sum() * batch.targets.shape[2] / len(batch)),
        perfect=solved_fraction(errors),
        cost_bits=float(cost_bits(logits, batch.targets, batch.mask).mean()),
    )


def _errors(logits: NDArray[np.floating], batch: Batch) -> NDArray[np.int64]:
    """The wrong bits of each tape, int64[B]."""
    answers = np.where(np.isnan(logits), np.nan, logits > 0)  # what is no number is wrong
    return bit_errors(answers, batch.targets, batch.mask)


def evaluate_run(
    run: "Run",
    lengths: Sequence[int] = (),
    slots: int | None = None,
    episodes: int = 640,
    seed: int = 0,
    fields: Mapping[str, Any] | None = None,
) -> Iterator[list[Score]]:
    """Yields the scores of a run's network, the random agent and the oracle, length by length.

    When all are yielded, they are written to the run's `evaluation.json`; those with changed fields
    to a file whose name says which, such as `evaluation-max_repeats=20.json`.

    Args:
        run: the run.
        lengths: lengths to test; those of the task's protocol if empty.
        slots: memory slots at every length; what `enough_slots` says if None. A cell without a
            memory has none.
        episodes: tapes for each length.
        seed: seed of the tapes and of the random agent.
        fields: fields of the task to change, to test beyond training.

    Raises:
        RunError: the run has no trained network.
        ValueError: a length, the slots, the number of episodes or a field is impossible.
    """
    from agents.policies.recurrent import RecurrentAgent

    fields = fields or {}
    task = with_fields(expect_task(run), fields)
    if slots is not None:
        expect_at_least("slots", slots, 1)
    lengths = lengths or PROTOCOLS[run.config.name].evaluation_lengths
    task.check_lengths(np.array(lengths))
    expect_at_least("episodes", episodes, 1)
    network = AnyLength(RecurrentAgent.load(run.folder).cell, task, slots)
    scores: list[Score] = []
    for length in lengths:
        agent = network.agent(length)
        batch = held_out(task, length, episodes, seed)
        rows = [
            score(run.config.cell.name, agent, batch, agent.cell.slots),
            score("random", RandomAgent(task.target_width, seed), batch),
            score("oracle", OracleAgent(task), batch),
        ]
        scores += rows
        yield rows
    run.write_json(
        f"evaluation{file_suffix(fields)}.json",
        {"seed": seed, "slots": slots, "scores": [row._asdict() for row in scores]},
    )


def expect_task(run: "Run") -> Task:
    """Returns a run's task; raises ValueError if its environment is none of a task."""
    if run.config.task is None:
        raise ValueError(
            f"expected a run on a task of ntm_gym, got one on {run.config.name}, "
            "which has no tapes to answer"
        )
    task: Task = run.config.task
    return task


def read_scores(run: "Run") -> list[Score]:
    """Returns the scores that `evaluate_run` wrote.

    Raises:
        RunError: the run has not been evaluated, or the file is damaged.
    """
    path = run.folder / "evaluation.json"
    kinds = get_type_hints(Score)
    try:
        return [
            Score(**{name: checked(name, kinds[name], value) for name, value in row.items()})
            for row in read_json(path)["scores"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"expected scores in {path}, got {error}") from error


def is_evaluated(run: "Run", lengths: Sequence[int], episodes: int) -> bool:
    """Whether a run's scores are there, for so many tapes of each length.

    Those of another seed, or on other slots than are enough, are not those that others are
    compared with.
    """
    path = run.folder / "evaluation.json"
    if not path.exists():
        return False
    scored = {(score.length, score.episodes) for score in read_scores(run)}
    asked = read_json(path)
    usual = (asked.get("seed"), asked.get("slots")) == (0, None)
    return usual and scored >= {(length, episodes) for length in lengths}


def file_suffix(fields: Mapping[str, Any]) -> str:
    """Returns what names of files end with that are about a task with changed fields."""
    return "".join(f"-{name}={value}" for name, value in fields.items())


def enough_slots(cell: Any, task: Task, length: int) -> int:
    """Returns a number of slots on which a tape of this length can be stored, one row in each.

    Args:
        cell: the cell with the memory.
        task: the task.
        length: the length of the tape.

    Returns:
        128, the paper's number, or if a tape shows more rows before its first answer is due, the
        next power of two that holds them. The cell's own number if it runs on no other.
    """
    if not cell.any_slots:
        return int(cell.slots)
    tape = task.sample(np.random.default_rng(0), np.array([length]))
    shown = int(tape.mask[0].argmax())
    return max(128, 2 ** (shown - 1).bit_length())


class AnyLength:
    """A trained cell, on as many memory slots as the tapes of each length need.

    Args:
        cell: the built cell.
        task: the task that it answers.
        slots: memory slots at every length; what `enough_slots` says if None. A cell without a
            memory has none.
    """

    def __init__(self, cell: Any, task: Task, slots: int | None = None) -> None:
        self._cell, self._task, self._slots = cell, task, slots
        self._agents: dict[int | None, Any] = {}

    def agent(self, length: int) -> "RecurrentAgent":
        """Returns the agent for tapes of this length; one for all that need the same slots.

        Raises:
            ValueError: the cell cannot be given so many.
        """
        from agents.policies.recurrent import RecurrentAgent

        cell = self._cell
        size = cell.slots and (self._slots or enough_slots(cell, self._task, length))
        if size not in self._agents:
            self._agents[size] = RecurrentAgent(cell if size is None else cell.with_slots(size))
        return self._agents[size]


def tape_returns(agent: Any, env_id: str, task: Task, batch: Batch) -> NDArray[np.float64]:
    """Returns what an agent earns on each tape, float64[B], from -1 to 1.

    An agent with `logits` answers whole tapes, one that only acts plays them in the environment;
    the returns are the same, since actions change nothing of what is shown.

    Args:
        agent: an `Agent`, or an object with its `act` alone.
        env_id: id of the environment.
        task: its task, of which the tapes are.
        batch: the tapes.
    """
    if not hasattr(agent, "logits"):
        envs = gym.make_vec(env_id, len(batch), task=task)
        return play(envs, agent, batch)
    wrong = _errors(agent.logits(batch), batch).astype(np.float64)
    return tape_return(wrong, task.target_width, batch.mask.sum(axis=1, dtype=np.float64))


def play(env: Any, agent: Agent, batch: Batch) -> np.ndarray:
    """Plays tapes in an environment and returns each one's return, float64[B].

    Args:
        env: a `TaskVectorEnv` of as many rows as the batch has, with next-step autoreset, such as
            `gym.make_vec` makes.
        agent: acts step by step.
        batch: the tapes.
    """
    observation, _ = env.reset(options={"tape": batch})
    returns = np.zeros(len(batch))
    running = np.ones(len(batch), bool)
    state = None
    while running.any():
        action, state = agent.act(observation, state)
        observation, reward, terminated, truncated, _ = env.step(action)
        returns += reward * running
        running &= ~(terminated | truncated)
    return returns
