"""The Keras model of a cell, and how it is read from a file that nobody vouches for.

Keras can make any of its layers from a file's configuration, and with it run what the file says.
Here the file only chooses one of this package's cells and its sizes, within their bounds: the
model is made anew by `build_network`, and nothing but arrays of numbers comes from the file.
"""

import dataclasses
import inspect
import io
import math
from pathlib import Path
from typing import Any

import h5py
import keras

from agents.recipes.reward import RewardConfig
from agents.recipes.supervised import TrainConfig
from agents.storage.archives import read_members
from agents.storage.files import parse_json, read_file
from ntm_gym.cells import CELLS

LARGEST_MODEL = 2**30
"""Bytes of a model's file; larger ones are refused before they are read."""

MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
"""What a model's file holds, and nothing else."""

MOST_OBJECTS = 2_000
"""Arrays and folders within a model's weights."""


def make_cell(config: TrainConfig | RewardConfig) -> Any:
    """Returns the cell of a recipe, not built yet."""
    return CELLS[config.cell.name](config.task.target_width, **dataclasses.asdict(config.cell))


def count_parameters(config: TrainConfig) -> int:
    """Returns how many numbers a recipe's cell trains."""
    cell = make_cell(config)
    cell.build((None, config.task.input_width))
    return sum(math.prod(variable.shape) for variable in cell.trainable_variables)


def build_network(cell: keras.layers.Layer, input_width: int) -> keras.Model:
    """Returns the Keras model of a cell: sequences float32[B, T, D] to logits float32[B, T, W]."""
    return keras.Sequential(
        [
            keras.Input((None, input_width)),
            keras.layers.RNN(cell, return_sequences=True, name="recurrent"),
        ]
    )


def cell_of(network: keras.Model) -> keras.layers.Layer:
    """Returns the cell inside a model of `build_network`."""
    return network.get_layer("recurrent").cell


def read_network(path: Path) -> keras.Model:
    """Returns a model of `build_network` that was saved as a `.keras` file.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: it is no such file, or damaged.
    """
    members = read_members(read_file(path, LARGEST_MODEL))
    if members.keys() != MEMBERS:
        raise ValueError(f"expected {', '.join(sorted(MEMBERS))} in {path}, got {sorted(members)}")
    weights = members["model.weights.h5"]
    _check_weights(weights)
    try:
        network = _build_from(parse_json(members["config.json"]))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"expected the network of a cell, got one without {error}") from error
    try:
        network.load_weights(path)
    except Exception as error:  # whatever h5py and Keras say of arrays that are not those
        raise ValueError(f"expected the weights of {cell_of(network).name}, got {error}") from error
    return network


def _build_from(config: Any) -> keras.Model:
    """Makes the network that a file's configuration describes, if it is one of a cell alone."""
    names = {f"ntm_gym>{kind.__name__}": name for name, kind in CELLS.items()}
    first, recurrent = config["config"]["layers"]
    kinds = [layer["class_name"] for layer in (config, first, recurrent)]
    if kinds != ["Sequential", "InputLayer", "RNN"] or recurrent["config"]["name"] != "recurrent":
        raise ValueError(f"expected Sequential of InputLayer and RNN, got {kinds}")
    described = recurrent["config"]["cell"]
    kind = described["registered_name"]
    if not isinstance(kind, str) or kind not in names:
        raise ValueError(f"expected a cell of {', '.join(names)}, got {kind!r}")
    cell_type = CELLS[names[kind]]
    cell = cell_type(**_arguments(cell_type, described["config"]))
    input_width = first["config"]["batch_shape"][-1]
    cell.build((None, input_width))  # refuses what is too large
    return build_network(cell, input_width)


def _arguments(kind: type, config: Any) -> dict[str, Any]:
    """Returns the arguments of a cell's class, of a configuration that has no others."""
    arguments = dict(config)
    known = inspect.signature(kind).parameters.keys() - {"kwargs"}
    if arguments.keys() - {"name", "trainable", "dtype"} != known:
        raise ValueError(f"expected the arguments {sorted(known)}, got {sorted(arguments)}")
    name, trainable, dtype = (arguments.pop(key) for key in ("name", "trainable", "dtype"))
    if not isinstance(name, str) or not name.isidentifier() or type(trainable) is not bool:
        raise ValueError(f"expected a cell's name and trainable, got {name!r} and {trainable!r}")
    # Keras would make an object of any class from a dictionary; the cell checks the dtype's name.
    dtype = dtype["config"]["name"] if isinstance(dtype, dict) else dtype
    if dtype not in ("float32", "float64"):
        raise ValueError(f"expected float32 or float64, got {dtype!r}")
    return {**arguments, "name": name, "trainable": trainable, "dtype": dtype}


def _check_weights(content: bytes) -> None:
    """Raises ValueError unless these are HDF5 arrays that lie whole within the file.

    HDF5 knows links into other files, arrays larger than what is stored of them, and filters that
    it loads from libraries.
    """
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            waiting, seen = [file["/"]], 0
            while waiting:
                group = waiting.pop()
                for name in group:
                    seen += 1  # a group that is within itself never ends
                    if seen > MOST_OBJECTS:
                        raise ValueError(f"expected at most {MOST_OBJECTS:,} arrays")
                    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                        raise ValueError(f"expected no links, got {name!r}")
                    child = group[name]
                    if isinstance(child, h5py.Group):
                        waiting.append(child)
                    else:
                        _check_array(child, len(content))
    except ValueError:
        raise
    except Exception as error:  # h5py says whatever it wants of a damaged file
        raise ValueError(f"expected arrays as HDF5, got {error}") from error


def _check_array(array: Any, largest: int) -> None:
    """Raises ValueError unless it is an array of floats that lies whole within the file."""
    plain = isinstance(array, h5py.Dataset) and array.dtype.kind == "f"
    plain = plain and array.chunks is None and not array.external and not array.is_virtual
    if not plain or not array.id.get_storage_size() == array.nbytes <= largest:
        raise ValueError(f"expected an array of floats as it is, got {array}")
