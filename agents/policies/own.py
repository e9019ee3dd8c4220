"""A user's own agent, named on the command line as MODULE:NAME.

It is one of:

- a class with `act`: called with `env_id`, `task` and `seed`, for each environment and seed. One
  that learns there names `steps`, too, without a default: the environment steps that it may learn
  from; and if it likes `lengths`, the least and the greatest length of training. It may leave its
  learning curve in `curve`, as pairs of environment steps, ascending, and the mean return of
  training episodes;
- an object with `act`;
- a function, which is the `act` of an agent without memory.

If there is a `reset`, the agent keeps its memory itself: `reset(rows)` says that so many episodes
begin, and `act(observation)` returns the actions. Without it, `act` is that of
`agents.policies.agent.Agent`: `act(observation, state, episode_start)` returns actions and state. A
function is called with the observation alone.
"""

import importlib
import inspect
import shutil
import sysconfig
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from agents.storage.files import fingerprint
from agents.storage.metrics import Curve
from ntm_gym import Task


class OwnAgent:
    """Something of a user's own, with the interface of `agents.policies.agent.Agent.act`.

    Args:
        own: an object with `act`, or a function; see the module's text.

    Raises:
        ValueError: it takes other arguments.
    """

    def __init__(self, own: Any) -> None:
        self._own = own
        self._stateful = hasattr(own, "reset")
        if not hasattr(own, "act"):
            _expect_call("a function of the observation", own, None)
        elif self._stateful:
            _expect_call("act(observation), of an agent with reset", own.act, None)
        else:
            _expect_call("act(observation, state, episode_start)", own.act, None, None, None)
        if not self._stateful and hasattr(own, "logits"):
            self.logits = own.logits

    def act(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int8], Any]:
        """Answers one step of B episodes that begin together; see `Agent.act`.

        Raises:
            ValueError: the agent's answer is of another kind than it should be.
        """
        if not hasattr(self._own, "act"):
            return self._actions(self._own(observation), observation), True
        if self._stateful:
            if state is None:
                self._own.reset(len(observation))
            return self._actions(self._own.act(observation), observation), True
        answer = self._own.act(observation, state, episode_start)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise ValueError(
                "expected act to return actions and a state (an agent with reset returns actions "
                f"alone), got {type(answer).__name__}"
            )
        return self._actions(answer[0], observation), answer[1]

    def curve(self) -> Curve:
        """Returns the learning curve of one that has learned; empty if it has left none.

        Raises:
            ValueError: it is no such curve.
        """
        left: Any = getattr(self._own, "curve", [])
        try:
            curve = [(int(steps), float(mean)) for steps, mean in left]
            times, means = np.array(curve).reshape(-1, 2).T
            fits = bool((np.diff(times, prepend=0) > 0).all() and np.isfinite(means).all())
        except (TypeError, ValueError, OverflowError):
            fits = False
        if not fits:
            raise ValueError(
                "expected a curve of pairs, environment steps, ascending, and mean return, "
                f"got {left!r}"
            )
        return curve

    def _actions(self, answer: Any, observation: NDArray[np.float32]) -> NDArray[Any]:
        """The actions as an array; torch's and TensorFlow's tensors are such, too."""
        actions = np.asarray(answer)
        if actions.ndim != 2 or len(actions) != len(observation):
            raise ValueError(
                f"expected actions [B, W] for B = {len(observation)} observations, "
                f"got shape {actions.shape}"
            )
        return actions


def find_own(source: str) -> Any:
    """Returns what MODULE:NAME names: a class or an object with `act`, or a function.

    Raises:
        ValueError: there is no such module or name, or it is something else.
    """
    import agents.tensorflow  # noqa: F401  (the module may load TensorFlow and torch)

    module_name, _, name = source.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the module does when it is imported
        raise ValueError(
            f"expected a module to import before the colon, got {source!r}: "
            f"{type(error).__name__}: {error}"
        ) from error
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"expected a name of the module {module_name}, got {name!r}")
        found = getattr(found, part)
    is_function = callable(found) and not inspect.isclass(found)
    if not is_function and not callable(getattr(found, "act", None)):
        raise ValueError(
            f"expected a class or an object with act, or a function, at {source}, got {found!r}"
        )
    if inspect.isclass(found):
        words = f"{source}(env_id=..., task=..., seed=...), and steps and lengths if it learns"
        _expect_call(words, found, env_id=None, task=None, seed=None, **dict.fromkeys(_asks(found)))
    else:
        OwnAgent(found)
    return found


def _asks(found: Any) -> list[str]:
    """Returns which of steps and lengths a class that learns asks for: steps at least."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):  # not known of everything that is not Python
        return []
    names = [each.name for each in parameters if each.default is inspect.Parameter.empty]
    return [name for name in ("steps", "lengths") if name in names] if "steps" in names else []


def own_learns(source: str) -> bool:
    """Whether what MODULE:NAME names learns from environment steps; raises as `find_own` does."""
    found = find_own(source)
    return inspect.isclass(found) and "steps" in _asks(found)


def _expect_call(words: str, called: Any, *arguments: Any, **named: Any) -> None:
    """Raises ValueError unless something can be called with such arguments."""
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):  # not known of everything that is not Python
        return
    try:
        signature.bind(*arguments, **named)
    except TypeError as error:
        raise ValueError(f"expected {words}, got one with {error}") from None


def make_own(
    source: str, env_id: str, *, task: Task, seed: int, steps: int, lengths: tuple[int, int]
) -> OwnAgent:
    """Returns the agent that MODULE:NAME names, for one environment and seed, once it has learned.

    Args:
        source: what was named.
        env_id: id of the environment.
        task: its task.
        seed: the seed.
        steps: environment steps that it may learn from.
        lengths: the least and the greatest length of training.

    Raises:
        ValueError: as `find_own` does.
    """
    found = find_own(source)
    if inspect.isclass(found):
        budget = {"steps": steps, "lengths": lengths}
        asked = {name: budget[name] for name in _asks(found)}
        found = cast(Any, found)(env_id=env_id, task=task, seed=seed, **asked)
    return OwnAgent(found)


def copy_module(source: str, folder: Path) -> None:
    """Copies the module of MODULE:NAME, or its whole package, into a folder.

    Nothing is copied of what is installed, or comes with this project: other machines have it.
    """
    package = source.partition(":")[0].partition(".")[0]
    file = importlib.import_module(package).__file__
    installed = [sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")]
    if file is None or package in ("agents", "ntm_gym"):
        return
    path = Path(file)
    if any(path.is_relative_to(place) for place in installed):
        return
    folder.mkdir(parents=True, exist_ok=True)
    if path.name == "__init__.py":
        ignored = shutil.ignore_patterns("__pycache__")
        target = folder / package
        shutil.copytree(path.parent, target, ignore=ignored, dirs_exist_ok=True)
    else:
        shutil.copyfile(path, folder / path.name)


def own_fingerprint(source: str) -> str:
    """Returns what changes with the agent's module: a hash of its file."""
    path = importlib.import_module(source.partition(":")[0]).__file__
    return "" if path is None else fingerprint(Path(path))
