"""Files with bad intent are refused with a clear error; nothing is executed or overwritten."""

import ast
import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from helpers.marks import SAVING
from helpers.project import TREE

from agents.experiments.comparison.plan import PlanError, load_plan
from agents.lab.reliability.fuzzing import fuzz
from agents.recipes.cells import NTMConfig
from agents.recipes.supervised import CopyConfig
from agents.storage.checkpoints import Checkpoint, Checkpoints
from agents.storage.files import read_file, replacing
from agents.storage.networks import build_network, make_cell, read_network
from agents.storage.runs import Run, RunError
from agents.training import supervised
from agents.training.reports import Report
from ntm_gym import Copy
from ntm_gym.cells import CELLS, NTMCell

pytestmark = SAVING
CONFIG = CopyConfig(
    task=Copy(width=2),
    cell=NTMConfig(units=4, slots=5, width=3),
    max_length=2,
    report_sequences=16,
    max_sequences=16,
)


@pytest.mark.slow
def test_damaged_files_are_read_or_refused_and_nothing_else_happens(tmp_path):
    """A short run of what scripts/dev/fuzz.py does at length."""
    tally = fuzz(tmp_path, 350, seed=1)
    assert tally.failures == []
    assert sum(tally.outcomes.values()) == 350
    refused = sum(n for (_, outcome), n in tally.outcomes.items() if outcome != "read")
    assert refused > 250
    assert tally.peak_growth < 300


def test_the_fuzzer_sees_what_it_must(tmp_path, monkeypatch):
    """Another error, a written file and an import are failures."""

    def load(path):
        calls.append(path)
        if len(calls) == 1:  # the whole file
            return True
        if len(calls) == 2:
            raise KeyError
        return (tmp_path / "written").write_text("x") if len(calls) == 3 else __import__("this")

    calls = []
    monkeypatch.setattr("agents.lab.reliability.fuzzing.load_plan", load)
    tally = fuzz(tmp_path, 28)
    assert [failure.split(":")[0] for failure in tally.failures] == [
        "file 6, plan",
        "file 13, plan",
        "file 20, plan",
        "file 27, plan",
    ]
    for word, failure in zip(("KeyError", "open", "import"), tally.failures, strict=False):
        assert word in failure
    assert not (tmp_path / "written").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A saved network, which no test changes."""
    run = Run.create(tmp_path_factory.mktemp("whole"), CONFIG)
    run.save_network(build_network(make_cell(CONFIG), CONFIG.task.input_width))
    return run.folder / "model.keras"


def rewritten(whole, path, change=None, weights=None, extra=None):
    """The network's file with its configuration or weights changed, its checksums right."""
    with zipfile.ZipFile(whole) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    if change is not None:
        change(config["config"]["layers"])
    members["config.json"] = json.dumps(config).encode()
    if weights is not None:
        inner = path.with_suffix(".h5")
        inner.write_bytes(members["model.weights.h5"])
        with h5py.File(inner, "r+") as file:
            weights(file["layers/rnn/cell"])
        members["model.weights.h5"] = inner.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**members, **(extra or {})}.items():
            archive.writestr(name, content)
    return path


def test_a_whole_network_comes_back(whole, tmp_path):
    expected = keras.saving.load_model(whole)
    got = read_network(rewritten(whole, tmp_path / "model.keras"))
    assert got.layers[0].name == "recurrent"
    tape = np.random.default_rng(0).random((2, 5, 3), np.float32)
    np.testing.assert_array_equal(got(tape), expected(tape))
    for ours, theirs in zip(got.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def cell_with(**changes):
    return lambda layers: layers[1]["config"]["cell"]["config"].update(changes)


def other_cell(layers):
    layers[1]["config"]["cell"]["registered_name"] = "keras.layers>LSTMCell"


def lambda_layer(layers):
    ran = keras.layers.Lambda(lambda x: x)
    layers[1] = keras.saving.serialize_keras_object(ran)


def more_layers(layers):
    layers.append(layers[1])


def wide_input(layers):
    layers[0]["config"]["batch_shape"] = [None, None, 10**12]


def hostile_dtype(layers):
    layers[1]["config"]["cell"]["config"]["dtype"] = {"class_name": "Lambda", "config": {}}


NETWORKS = {
    "another cell": other_cell,
    "a Lambda layer": lambda_layer,
    "more layers": more_layers,
    "an argument": cell_with(function="os.system"),
    "10^12 slots": cell_with(slots=10**12),
    "10^12 units": cell_with(units=10**12),
    "many layers": cell_with(controller_layers=10**6),
    "products of sizes": cell_with(width=2**20, read_heads=2**20),
    "weights": cell_with(units=2**16),
    "learned memory": cell_with(slots=2**20, width=2**10, memory_init="learned"),
    "wide inputs": wide_input,
    "an object as dtype": hostile_dtype,
    "a name that is a path": cell_with(name="../../x"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_anything_else_are_refused(name, whole, tmp_path):
    with pytest.raises(ValueError, match="expected"):
        read_network(rewritten(whole, tmp_path / "model.keras", NETWORKS[name]))


def outside(group):
    group["input_layer/vars/2"] = h5py.ExternalLink("/etc/passwd", "/")


def larger_than_stored(group):
    group.create_dataset("input_layer/vars/2", (10**9, 10**3), "f4", chunks=(1, 1))


def compressed(group):
    group.create_dataset("input_layer/vars/2", data=np.zeros(10**6), compression="gzip")


def within_itself(group):
    group["again"] = group


def of_objects(group):
    group["input_layer/vars/2"] = "text"


def of_another_shape(group):
    del group["input_layer/vars/0"]
    group["input_layer/vars/0"] = np.zeros((3, 17), np.float32)


WEIGHTS = [outside, larger_than_stored, compressed, within_itself, of_objects, of_another_shape]


@pytest.mark.parametrize("change", WEIGHTS)
def test_weights_of_anything_else_are_refused(change, whole, tmp_path):
    with pytest.raises(ValueError, match="expected"):
        read_network(rewritten(whole, tmp_path / "model.keras", weights=change))


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "assets/x"])
def test_archives_with_other_names_are_refused(name, whole, tmp_path):
    path = rewritten(whole, tmp_path / "model.keras", extra={name: b"x"})
    with pytest.raises(ValueError, match=r"expected config\.json, metadata\.json"):
        read_network(path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_links_within_a_run_are_refused(tmp_path):
    target = tmp_path / "target"
    target.write_text("kept")
    for name in ("metrics.csv", "figures/learning.png", "checkpoints"):
        run = Run.create(tmp_path / "run", CONFIG, overwrite=True)
        (run.folder / name).parent.mkdir(exist_ok=True)
        (run.folder / name).symlink_to(target)
        with pytest.raises(RunError, match="expected a run without symbolic links"):
            Run.open(run.folder)
        with pytest.raises(RunError, match="expected a run without symbolic links"):
            Run.resume(run.folder, CONFIG)
    assert target.read_text() == "kept"
    # The folder itself may be one.
    (tmp_path / "latest").symlink_to(Run.create(tmp_path / "new", CONFIG).folder)
    Run.open(tmp_path / "latest")


def test_a_link_in_a_temporary_files_place_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("kept")
    (tmp_path / ".new-x").symlink_to(tmp_path / "target")
    with replacing(tmp_path / "x") as path:
        path.write_text("new")
    assert (tmp_path / "target").read_text() == "kept"
    assert (tmp_path / "x").read_text() == "new"
    assert not (tmp_path / "x").is_symlink()


def test_giants_are_not_read(tmp_path):
    path = tmp_path / "giant"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match="expected a file of at most 4,194,304 bytes"):
        read_file(path)


def test_an_environment_that_would_import_a_module_is_refused(tmp_path):
    named = {"format": 1, "learning": "reward", "cell": "ntm"}
    settings = {**named, "settings": {"env_id": "os:Env-v0"}}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(RunError, match=r"env_id: expected .* without a module to import"):
        Run.open(tmp_path)


def test_a_plan_whose_folder_would_lie_elsewhere_is_refused(tmp_path):
    path = tmp_path / "...toml"
    path.write_text("")
    with pytest.raises(PlanError, match="expected one that begins with no dot"):
        load_plan(path)


@pytest.mark.parametrize(
    "setting",
    [
        "task.width = 1_048_576",
        "max_length = 1_000_000_000",
        "batch_size = 1_000_000_000_000",
        "cell.slots = 1_000_000_000_000",
        "cell.units = 1_000_000",
    ],
)
def test_plans_of_absurd_sizes_are_refused(setting, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(f'tasks = ["copy"]\nseeds = [0]\n[[variants]]\nname = "x"\n{setting}\n')
    with pytest.raises(PlanError, match="expected"):
        load_plan(path)


@pytest.mark.slow
def test_a_signed_checkpoint_of_anything_else_is_refused(tmp_path):
    run = Run.create(tmp_path, CONFIG)
    kept = Checkpoints(run.folder / "checkpoints")
    # What training would compile first.
    arrays, values = supervised.SupervisedTraining(CONFIG).checkpoint()
    values["rows"] = [dict.fromkeys(Report._fields, 1.0)]
    for change in (
        {"rows": []},
        {"rows": [{"sequences": "many"}]},
        {"rows": 3},
        {"rng": {"state": "os.system"}},
        {"curriculum": [1]},
    ):
        kept.write(10**9, Checkpoint(arrays, {**values, **change}))
        with pytest.raises(RunError, match="expected a checkpoint of this training, got"):
            supervised.train(CONFIG, run)
    kept.write(10**9, Checkpoint([array[..., None] for array in arrays], values))
    with pytest.raises(RunError, match="expected a checkpoint of weights"):
        supervised.train(CONFIG, run)


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_of_absurd_sizes_is_refused(kind):
    sizes = {"units": 4} if kind == "lstm" else {"units": 4, "slots": 5}
    for name in sizes:
        with pytest.raises(ValueError, match=f"{name}: expected at most 1,048,576"):
            CELLS[kind](2, **{**sizes, name: 10**12})
    with pytest.raises(ValueError, match="weights: expected at most 67,108,864 numbers"):
        CELLS[kind](2, **{**sizes, "units": 2**16}).build((None, 3))
    with pytest.raises(ValueError, match="input_dim: expected at most"):
        CELLS[kind](2, **sizes).build((None, 10**12))


def test_a_memory_is_not_grown_beyond_its_bounds():
    cell = NTMCell(2, units=4, slots=5)
    cell.build((None, 3))
    with pytest.raises(ValueError, match="slots: expected at most 1,048,576, got 1000000000000"):
        cell.with_slots(10**12)
    dnc = CELLS["dnc"](2, units=4, slots=5)
    dnc.build((None, 3))
    with pytest.raises(ValueError, match="state: expected at most 268,435,456 numbers"):
        dnc.with_slots(2**15)


UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"}
UNSAFE_NAMES = {"eval", "exec", "compile", "load_model", "enable_unsafe_deserialization"}


def unsafe(source):
    """What of a module's source executes what it reads."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names} & UNSAFE_MODULES
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module or "").partition(".")[0]} & UNSAFE_MODULES
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", None)
            found |= {name or getattr(node.func, "attr", "")} & (
                UNSAFE_NAMES if name else UNSAFE_NAMES - {"compile"}  # model.compile is another
            )
            found |= {
                word.arg
                for word in node.keywords
                if word.arg in ("allow_pickle", "safe_mode")
                and getattr(word.value, "value", None) != (word.arg == "safe_mode")
            }
    return found


def test_unsafe_code_is_seen():
    source = "import pickle.x\nfrom marshal import loads\neval('1')\nm.compile()\ncompile('')\n"
    source += "np.load(f, allow_pickle=True)\nnp.save(f, allow_pickle=False)\nk.load_model(f)\n"
    expected = {"pickle", "marshal", "eval", "compile", "allow_pickle", "load_model"}
    assert unsafe(source) == expected


@pytest.mark.parametrize("name", TREE)
def test_nothing_in_the_project_executes_what_it_reads(name):
    assert unsafe(Path(TREE[name]).read_text(encoding="utf-8")) == set()
