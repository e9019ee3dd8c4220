"""Checks of a cell's arguments: errors that say what was expected and what came."""


def check(holds: bool, name: str, expected: str, got: object) -> None:
    """Raises ValueError unless the condition holds."""
    if not holds:
        raise ValueError(f"{name}: expected {expected}, got {got!r}")


def is_integer(value: object) -> bool:
    """Whether the value is an int and no bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises ValueError unless the value is one of the choices."""
    check(value in choices, name, f"one of {', '.join(map(repr, choices))}", value)


def check_sizes(**sizes: object) -> None:
    """Raises ValueError unless each size is an int of at least 1."""
    for name, size in sizes.items():
        check(is_integer(size) and size >= 1, name, "an integer of at least 1", size)  # type: ignore[operator]
