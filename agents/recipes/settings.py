"""Checks of what a file says: of settings, that each is known, of its type, and not too many."""

import dataclasses
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ntm_gym.checks import check_choice, expect

LONGEST_LIST = 1_000
"""A list in a file has at most so many values."""


def changed(base: Any, settings: Any, prefix: str = "") -> Any:
    """Returns a dataclass with some fields changed, those of dataclasses within it too.

    Args:
        base: the dataclass.
        settings: the new values by the fields' names; nested for dataclasses within it.
        prefix: what stands before a field's name in an error.

    Raises:
        ValueError: a field is unknown, or a value of another type or out of its range.
    """
    expect(isinstance(settings, Mapping), prefix.rstrip(".") or "settings", "a table", settings)
    kinds = get_type_hints(type(base))
    known = [field.name for field in dataclasses.fields(base)]
    changes = {}
    for name, value in settings.items():
        full = f"{prefix}{name}"
        names = ", ".join(prefix + field for field in known)
        expect(name in known, "settings", f"some of {names}", full)
        present = getattr(base, name)
        if dataclasses.is_dataclass(present):
            expect(isinstance(value, Mapping), full, f"settings such as {full}.x = ...", value)
            changes[name] = changed(present, value, f"{full}.")
        else:
            changes[name] = checked(full, kinds[name], value)
    return dataclasses.replace(base, **changes)


def checked(name: str, kind: Any, value: Any) -> Any:
    """Returns the value, if it is of the kind; an integer can stand for a float.

    Args:
        name: what stands in an error.
        kind: bool, int, float, str, dict, a Literal of texts, a dict of one of these by texts, or
            one of these or None.
        value: the value.

    Raises:
        ValueError: it is of another kind.
    """
    if get_origin(kind) in (Union, UnionType):
        if value is None and NoneType in get_args(kind):
            return None
        (kind,) = (option for option in get_args(kind) if option is not NoneType)
    if get_origin(kind) is Literal:
        check_choice(name, value, get_args(kind))
    elif get_origin(kind) is dict:
        expect(isinstance(value, dict), name, "a table", value)
        _, inner = get_args(kind)
        value = {key: checked(f"{name}.{key}", inner, each) for key, each in value.items()}
    elif kind is float:
        # An integer beyond all floats cannot stand for one.
        fits = type(value) is float or (type(value) is int and abs(value) < 2**1000)
        expect(fits, name, "a number", value)
        value = float(value)
    elif kind is not Any:
        words = {int: "an integer", bool: "true or false", str: "a text", dict: "a table"}
        expect(type(value) is kind, name, words.get(kind, str(kind)), value)
    return value


def several(name: str, values: Any, kind: type) -> list[Any]:
    """Returns a list with something in it, all of one kind and nothing twice.

    Raises:
        ValueError: it is no such list, or longer than `LONGEST_LIST`.
    """
    fits = isinstance(values, list) and values
    expect(bool(fits), name, "a list with something in it", values)
    expect(len(values) <= LONGEST_LIST, name, f"at most {LONGEST_LIST} values", len(values))
    for value in values:
        checked(name, kind, value)
        expect(values.count(value) == 1, name, "nothing twice", value)
    return list(values)
