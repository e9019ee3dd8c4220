"""What holds of the whole project: import arrows, light imports, the wheel, pinned versions."""

import ast
import email
import re
import subprocess
import sys
import zipfile
from graphlib import TopologicalSorter
from importlib.metadata import version

import pytest
from helpers.project import IMPORTS, ROOT, TREE, foreign, imports, modules, within
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# The library in reading order: a module imports only what stands before it. cells/ is apart.
READING_ORDER = (
    *("checks", "arrays", "vectors", "task", "tasks", "metrics", "curriculum", "protocol"),
    *("render", "envs", "sampler", "registration"),
)
LIBRARY = {"numpy", "gymnasium"}
# What a function of a module imports when it is called, and not the module itself.
LATE = {"ntm_gym.sampler": {"tensorflow", "torch"}}
CELLS = {"numpy", "tensorflow", "keras"}
RENDER = {"numpy", "gymnasium", "PIL", "pygame"}

# The floors of agents/, from the bottom: a module imports from its own and from those before it.
FLOORS = (
    *("tensorflow", "recipes", "storage", "inspection", "policies", "training", "evaluation"),
    *("experiments", "views", "lab", "cli"),
)

# Packages that are imported by another name than they are installed by.
DISTRIBUTIONS = {"PIL": "pillow", "pygame": "pygame-ce"}


def test_imports_are_found_in_every_form(tmp_path):
    source = """
import os.path, a.b
from a import b, thing
from a.b import other
def late():
    from . import c
    from .c import more
    from ..a import b as again
"""
    (tmp_path / "p").mkdir()
    path = tmp_path / "p" / "m.py"
    path.write_text(source)
    assert modules("p", root=tmp_path) == {"p.m": path}
    found = imports("p.m", path, {"a", "a.b", "p.c"})
    assert found == {"os.path", "a.b", "a", "p.c"}
    assert foreign(found) == {"a", "p"}


def test_the_tree_is_seen():
    assert {"ntm_gym", "ntm_gym.task", "ntm_gym.tasks.copy", "ntm_gym.cells.ntm"} <= set(TREE)
    assert {"agents.recipes.supervised", "scripts.train"} <= set(TREE)


@pytest.mark.parametrize("name", TREE)
def test_arrows_between_packages(name):
    top = name.partition(".")[0]
    # A script imports no other script: what two of them need belongs to agents.
    forbidden = {"ntm_gym": ["agents", "scripts"], "agents": ["scripts"], "scripts": ["scripts"]}
    tops = {found.partition(".")[0] for found in IMPORTS[name]}
    assert not tops & set(forbidden[top])


@pytest.mark.parametrize("name", [name for name in TREE if within(name, "ntm_gym")])
def test_arrows_within_the_library(name):
    cells = {found for found in IMPORTS[name] if within(found, "ntm_gym.cells")}
    if within(name, "ntm_gym.cells"):
        assert foreign(IMPORTS[name]) <= CELLS
        ours = {found for found in IMPORTS[name] if within(found, "ntm_gym")}
        assert ours - {"ntm_gym.checks"} == cells
        return
    allowed = RENDER if within(name, "ntm_gym.render") else LIBRARY
    assert foreign(IMPORTS[name]) <= allowed | LATE.get(name, set())
    assert not cells
    if name == "ntm_gym":
        return
    part = name.split(".")[1]
    assert part in READING_ORDER, f"say where {name} stands in READING_ORDER"
    before = READING_ORDER[: READING_ORDER.index(part) + 1]
    own = {found for found in IMPORTS[name] if within(found, "ntm_gym")}
    # The package itself comes last: a module that imports from it imports back.
    assert {found for found in own if found.partition(".")[2].split(".")[0] not in before} == set()


@pytest.mark.parametrize("name", [name for name in TREE if within(name, "agents")])
def test_arrows_between_the_floors(name):
    if name == "agents":
        return
    floor = FLOORS.index(name.split(".")[1])
    found = {found.split(".")[1] for found in IMPORTS[name] if found.startswith("agents.")}
    assert {other for other in found if FLOORS.index(other) > floor} == set()


def test_the_floors_are_all_there_is():
    assert {name.split(".")[1] for name in TREE if name.startswith("agents.")} == set(FLOORS)
    assert {path.name for path in (ROOT / "agents").glob("*.py")} == {
        "__init__.py",
        "tensorflow.py",
    }


def test_no_module_imports_in_a_circle():
    arrows = {name: found & TREE.keys() - {name} for name, found in IMPORTS.items()}
    for name, found in arrows.items():
        # What imports a module imports the packages that it is in, which say nothing of it here.
        arrows[name] = {other for other in found if not within(name, other)}
    TopologicalSorter(arrows).prepare()  # raises CycleError


def test_experiments_of_one_kind_know_nothing_of_the_other():
    for one, other in (("comparison", "benchmark"), ("benchmark", "comparison")):
        for name, found in IMPORTS.items():
            if within(name, f"agents.experiments.{one}"):
                assert not any(within(each, f"agents.experiments.{other}") for each in found)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TREE if within(name, "agents")])
def test_only_the_command_line_knows_a_terminal(name):
    if within(name, "agents.cli"):
        return
    assert not foreign(IMPORTS[name]) & {"rich", "tyro"}
    source = TREE[name].read_text(encoding="utf-8")
    used = {ast.unparse(node) for node in ast.walk(ast.parse(source))}
    assert not used & {"print", "sys.stderr", "sys.stdout"}


@pytest.mark.parametrize("name", TREE)
def test_every_module_is_described_and_short(name):
    source = TREE[name].read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source)), f"{name} has no docstring"
    lines = len(source.splitlines())
    assert lines <= 300, f"{name} has {lines} lines: split it"


def test_importing_the_library_loads_nothing_heavy():
    heavy = "{'tensorflow', 'keras', 'torch', 'matplotlib', 'PIL', 'pygame'}"
    code = f"import sys, ntm_gym; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (path,) = folder.iterdir()
    with zipfile.ZipFile(path) as archive:
        yield archive


def metadata(wheel):
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(path))


def requirements(wheel, extra="", **environment):
    """What an extra asks for, through the extras that it names: name -> Requirement.

    It is asked on this Python, or on what the environment of the markers says.
    """
    found = {}
    for line in metadata(wheel).get_all("Requires-Dist"):
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra, **environment}):
            continue
        if canonicalize_name(requirement.name) == "ntm-gym":
            for inner in requirement.extras:
                found |= requirements(wheel, inner, **environment)
        else:
            found[canonicalize_name(requirement.name)] = requirement
    return found


def pins():
    """The lines of constraints.txt: (name, Requirement)."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [(canonicalize_name(requirement.name), requirement) for requirement in found]


def test_the_wheel_holds_the_library_alone(wheel):
    names = wheel.namelist()
    assert {name.split("/")[0] for name in names} == {
        "ntm_gym",
        f"ntm_gym-{version('ntm-gym')}.dist-info",
    }
    assert "ntm_gym/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    sources = {path.relative_to(ROOT).as_posix() for path in modules("ntm_gym").values()}
    assert {name for name in names if name.endswith(".py")} == sources
    assert not any("__pycache__" in name for name in names)


def test_the_installed_version_is_the_declared_one(wheel):
    assert metadata(wheel)["Version"] == version("ntm-gym")


def test_torch_is_only_in_the_extras_that_need_it(wheel):
    extras = metadata(wheel).get_all("Provides-Extra")
    torch = {"torch", "stable-baselines3", "sb3-contrib"}
    with_torch = {extra for extra in extras if torch & set(requirements(wheel, extra))}
    assert with_torch == {"sb3", "dev"}
    assert set(requirements(wheel)) == LIBRARY
    assert {"tensorflow", "keras", "matplotlib"} <= set(requirements(wheel, "agents"))


def test_programs_import_only_what_an_extra_declares(wheel):
    extras = set(metadata(wheel).get_all("Provides-Extra")) - {"dev"}
    # An older Python needs more: what its standard library lacks.
    oldest = {"python_version": "3.10"}
    declared = {name for extra in extras for name in requirements(wheel, extra, **oldest)}
    for name in TREE:
        found = {DISTRIBUTIONS.get(package, package) for package in foreign(IMPORTS[name])}
        assert {canonicalize_name(package) for package in found} <= declared, name


def test_every_constraint_is_exact_and_portable():
    for name, requirement in pins():
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(requirement.specifier)), name
        assert not requirement.url, name
        assert not requirement.extras, name


def test_every_requirement_has_one_fitting_pin(wheel):
    here = {}
    for name, pin in pins():
        if pin.marker is None or pin.marker.evaluate():
            assert name not in here, f"{name} is pinned twice"
            here[name] = pin
    for name, requirement in requirements(wheel, "dev").items():
        (pinned,) = here[name].specifier
        assert requirement.specifier.contains(pinned.version), f"{requirement} against {here[name]}"


def test_training_installs_no_torch():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^train: \.venv/installed-agents ", makefile, re.MULTILINE)
