"""What is published: built twice the same, holding what it should, and working on its own."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution, version

import pytest
from helpers.project import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAME = f"ntm_gym-{version('ntm-gym')}"
SOURCES = ("ntm_gym", "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", ".gitignore")

# Plays an episode of every environment, and draws one as text.
PROGRAM = """
import sys
import gymnasium as gym
import ntm_gym
for protocol in ntm_gym.PROTOCOLS.values():
    for env in (gym.make(protocol.env_id), gym.make_vec(protocol.env_id, 3)):
        _, info = env.reset(seed=0)
        total = 0
        for _ in range(500):
            _, reward, ended, _, info = env.step(info["target"])
            total += reward if env.unwrapped.__class__.__name__ == "TaskEnv" else reward[0]
            if total > 1 - 1e-9:
                break
        assert abs(total - 1) < 1e-9
env = gym.make("NTMCopy-v0", render_mode="ansi")
env.reset(seed=0)
assert "input" in env.render()
for extra in ("cells", "pictures"):
    try:
        if extra == "cells":
            import ntm_gym.cells
        else:
            gym.make("NTMCopy-v0", render_mode="rgb_array")
    except ImportError as error:
        assert "pip install" in str(error), error
    else:
        raise AssertionError(extra)
print(ntm_gym.__version__)
"""


def build(source, folder):
    """Wheel and sdist of a source tree: the paths, by kind."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=source, capture_output=True, check=True)
    return {path.name.rpartition(".")[2]: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two builds, from copies of the sources in different places and of different times."""
    builds = []
    for number in range(2):
        source = tmp_path_factory.mktemp(f"source{number}")
        for name in SOURCES:
            path = ROOT / name
            if path.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(path, source / name, ignore=ignored)
            else:
                shutil.copyfile(path, source / name)
        if number:
            for path in source.rglob("*"):
                os.utime(path, (1e9, 1e9))
                path.chmod(0o755 if path.is_dir() else 0o600)
        builds.append(build(source, tmp_path_factory.mktemp(f"dist{number}")))
    return builds


@pytest.mark.parametrize("kind", ["whl", "gz"])
def test_builds_are_the_same_byte_for_byte(built, kind):
    first, second = (hashlib.sha256(b[kind].read_bytes()).hexdigest() for b in built)
    assert first == second
    assert built[0][kind].name == built[1][kind].name


def test_the_sdist_holds_the_sources_and_nothing_else(built):
    with tarfile.open(built[0]["gz"]) as archive:
        names = {member.name for member in archive.getmembers() if member.isfile()}
        assert all(member.isfile() for member in archive.getmembers())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "ntm_gym").rglob("*.py")}
    others = {"ntm_gym/py.typed", *SOURCES[1:], "PKG-INFO"}
    assert names == {f"{NAME}/{name}" for name in modules | others}


def test_the_wheel_works_with_numpy_and_gymnasium_alone(built, tmp_path):
    with zipfile.ZipFile(built[0]["whl"]) as archive:
        archive.extractall(tmp_path)
    # Nothing of this environment but what the wheel asks for, and what that asks for.
    found = with_all_they_need(["numpy", "gymnasium"])
    for name in found:
        installed = distribution(name)
        for top in {path.parts[0] for path in installed.files or () if path.parts[0] != ".."}:
            if not (tmp_path / top).exists() and top != "__pycache__":
                (tmp_path / top).symlink_to(installed.locate_file(top))
    assert "tensorflow" not in found
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.stderr, done.stdout.strip()) == ("", version("ntm-gym"))


def with_all_they_need(names):
    """The packages of these names and all that they ask for here, by name."""
    waiting, found = list(names), set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needed = [Requirement(line) for line in distribution(name).requires or ()]
            waiting += [canonicalize_name(r.name) for r in needed if applies(r)]
    return found


def applies(requirement):
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def project():
    """What pyproject.toml says of the project."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def asked_for(extra, here=False):
    """What the project asks for directly with an extra, through the extras that it names."""
    lines = (
        project()["dependencies"] if extra is None else project()["optional-dependencies"][extra]
    )
    found = set()
    for requirement in map(Requirement, lines):
        if requirement.name == "ntm-gym":
            found |= set().union(*(asked_for(inner, here) for inner in requirement.extras))
        elif not here or applies(requirement):
            found.add(canonicalize_name(requirement.name))
    return found


def page_rows():
    """The rows of the tables in docs/dependencies.md, as lists of cells."""
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    return [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in page.splitlines()]


def test_every_dependency_is_justified():
    rows = {row[0]: row for row in page_rows() if len(row) == 3 and "ntm-gym" not in row[0]}
    declared = asked_for(None).union(*map(asked_for, project()["optional-dependencies"]))
    assert rows.keys() - {"installed by", "package", "---"} == declared
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert f"These are **{len(declared)}** that" in page
    for name, (_, extra, reason) in rows.items():
        if name in declared:
            assert reason
            lines = project()["optional-dependencies"].get(extra, project()["dependencies"])
            assert name in {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.slow
@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or sys.platform != "linux", reason="the counts are of these"
)
def test_dependencies_are_counted():
    rows = {row[0]: row[1:] for row in page_rows() if len(row) == 3 and "ntm-gym" in row[0]}
    counts = {}
    for extra in (None, *project()["optional-dependencies"]):
        directly = asked_for(None) | (asked_for(extra, here=True) if extra else set())
        name = "pip install ntm-gym" if extra is None else f"ntm-gym[{extra}]"
        counts[name] = [str(len(directly)), str(len(with_all_they_need(directly)))]
    assert rows == counts
