"""Where results come from: settings, commands, versions, plan, and the machine of the report."""

import json
import platform
import shlex
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

from agents.experiments.comparison.plan import Place
from agents.storage.checkout import ROOT, commit
from agents.storage.files import read_file
from agents.storage.hardware import hardware
from agents.views.report.results import COMPARISON, Results
from agents.views.report.tables import Cell, Table


class Settings(NamedTuple):
    """All settings of a run, as text."""

    title: str
    text: str


def settings_of(results: Results) -> list[Settings]:
    """Returns the settings of the first seed of each task and variant or agent."""
    return [
        Settings(
            f"{place.task}, {place.variant}, seed {place.seed}",
            json.dumps(record.get("settings"), indent=2, ensure_ascii=False),
        )
        for place, record in _first_seeds(results).items()
    ]


def differences(results: Results, task: str) -> Table | None:
    """Returns the settings in which a comparison's variants differ on a task; None if in none.

    A benchmark's agents have hardly a setting in common.
    """
    if results.kind is not COMPARISON:
        return None
    flat = {
        place.variant: dict(_flat(record.get("settings"), ""))
        for place, record in _first_seeds(results).items()
        if place.task == task
    }
    names = list(dict.fromkeys(name for settings in flat.values() for name in settings))
    rows = []
    for name in names:
        values = [settings.get(name, "-") for settings in flat.values()]
        if len(set(values)) > 1:
            rows.append([Cell(name), *map(Cell, values)])
    if not rows:
        return None
    return Table(f"Where settings of {task} differ", ["setting", *flat], rows)


def commands_of(results: Results) -> list[str]:
    """Returns the command lines that were recorded, each once."""
    lines = []
    for record in results.records.values():
        command = record.get("command")
        if isinstance(command, list) and command:
            lines.append(shlex.join(["python", *map(str, command)]))
    return list(dict.fromkeys(lines))


def versions_table(results: Results) -> Table | None:
    """Returns what the runs recorded of versions, commit and hardware; None if they did not."""
    found: dict[tuple[tuple[str, str], ...], int] = {}
    for record in results.records.values():
        versions = record.get("versions")
        if isinstance(versions, Mapping):
            machine = record.get("hardware")
            pairs = [*versions.items(), ("commit", record.get("commit") or "-")]
            pairs += machine.items() if isinstance(machine, Mapping) else ()
            key = tuple((str(name), str(value)) for name, value in pairs)
            found[key] = found.get(key, 0) + 1
    if not found:
        return None
    names = list(dict.fromkeys(name for key in found for name, _ in key))
    rows = [
        [Cell(str(count), count), *(Cell(dict(key).get(name, "-")) for name in names)]
        for key, count in found.items()
    ]
    return Table("Versions and hardware of the runs", ["runs", *names], rows)


def plan_of(results: Results) -> Settings | None:
    """Returns this checkout's plan of a comparison's name, which its runs may have come from."""
    path = ROOT / "plans" / f"{results.folder.resolve().name}.toml"
    if results.kind is not COMPARISON or not path.is_file():
        return None
    return Settings(f"plans/{path.name}", read_file(path).decode())


def this_machine() -> dict[str, str]:
    """Returns what the report was made with and on."""
    made_with = {"python": platform.python_version(), "plotly": version("plotly")}
    return {"commit": commit() or "-", **made_with, **hardware()}


def _first_seeds(results: Results) -> dict[Place, Mapping[str, Any]]:
    places = sorted(results.records, key=lambda place: place.seed)
    return {place: results.records[place] for place in results.first_of_each(places)}


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yields the names and values of nested settings, the seed aside."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}".lstrip("."))
    elif name != "seed":
        yield name, json.dumps(value, ensure_ascii=False)
