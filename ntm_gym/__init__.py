"""The memory tasks of Neural Turing Machines (Graves et al. 2014) as Gymnasium environments.

Importing this package registers `NTMCopy-v0`, `NTMRepeatCopy-v0`, `NTMAssociativeRecall-v0`,
`NTMDynamicNGrams-v0` and `NTMPrioritySort-v0`, so that `gymnasium.make` and `gymnasium.make_vec`
know them.
"""

from importlib.metadata import version

from ntm_gym.envs import TaskEnv, TaskVectorEnv
from ntm_gym.protocol import PROTOCOLS, Protocol
from ntm_gym.registration import register, register_all
from ntm_gym.sampler import Sampler
from ntm_gym.task import Batch, Task
from ntm_gym.tasks import AssociativeRecall, Copy, DynamicNGrams, PrioritySort, RepeatCopy

__all__ = [
    "PROTOCOLS",
    "AssociativeRecall",
    "Batch",
    "Copy",
    "DynamicNGrams",
    "PrioritySort",
    "Protocol",
    "RepeatCopy",
    "Sampler",
    "Task",
    "TaskEnv",
    "TaskVectorEnv",
    "register",
]

__version__ = version("ntm-gym")

register_all()
