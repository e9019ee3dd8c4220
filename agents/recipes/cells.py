"""The settings of each cell: the arguments of the classes in `ntm_gym.cells.CELLS`.

The docs of the fields are the help of ``scripts/train.py``.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True)
class MemoryConfig:
    """What the cells with a memory share."""

    units: int = 100
    """Units in each controller layer."""
    slots: int = 128
    """Memory slots."""
    width: int = 20
    """Size of a slot."""
    read_heads: int = 1
    """Read heads."""
    controller: Literal["lstm", "feedforward"] = "lstm"
    """Kind of controller."""
    controller_layers: int = 1
    """Controller layers."""
    clip: float = 20.0
    """Bound on the heads' raw parameters and on the outputs."""


@dataclass(frozen=True)
class NTMConfig(MemoryConfig):
    """The Neural Turing Machine; the arguments of ``ntm_gym.cells.NTMCell``."""

    name: ClassVar[str] = "ntm"
    write_heads: int = 1
    """Write heads."""
    shift_range: int = 1
    """Slots that a head may move by in a step, either way."""
    memory_init: Literal["constant", "learned", "random"] = "constant"
    """Contents of the memory before the first step."""
    address_init: Literal["slot", "learned", "uniform"] = "slot"
    """Addresses of the heads before the first step."""
    read_first: bool = False
    """Whether a step reads the memory before it writes, or after."""


@dataclass(frozen=True)
class DNCConfig(MemoryConfig):
    """The Differentiable Neural Computer; the arguments of ``ntm_gym.cells.DNCCell``."""

    name: ClassVar[str] = "dnc"
    slots: int = 32
    """Memory slots; a step costs their square."""
    mask_content: bool = False
    """Whether a lookup by content can leave out a part of it."""
    erase_freed: bool = False
    """Whether freeing a slot also erases it."""
    sharpen_links: bool = False
    """Whether addresses that follow the order of writing can be sharpened."""


@dataclass(frozen=True)
class LSTMConfig:
    """Stacked LSTM layers without a memory; the arguments of ``ntm_gym.cells.LSTMCell``."""

    name: ClassVar[str] = "lstm"
    controller: ClassVar[str] = "lstm"
    units: int = 100
    """Units in each layer; the paper has 256, and for some tasks 128 or 512."""
    layers: int = 1
    """Layers; the paper has 3."""
    clip: float = 20.0
    """Bound on the outputs."""


CellConfig = NTMConfig | DNCConfig | LSTMConfig

CELL_CONFIGS: dict[str, type[CellConfig]] = {
    config.name: config for config in (NTMConfig, DNCConfig, LSTMConfig)
}
"""The settings of each cell, by the cell's short name."""
