"""Sweeps on Ray: several nodes on this machine, one of which is killed; and a Ray of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers.marks import SAVING
from helpers.quick_jobs import Fails, LosesItsWorker
from helpers.tiny_plan import TINY, plan_of, write_plan

from agents.cli.sweeps import chosen_executor
from agents.experiments.benchmark.grid import make_jobs
from agents.experiments.sweeps.local_processes import LocalProcesses
from agents.experiments.sweeps.ray_cluster import RayCluster
from agents.experiments.sweeps.sweep import run_missing
from agents.storage.runs import Run

ROOT = Path(__file__).resolve().parents[3]
AGENTS_PORTS = (
    "metrics_agent_port",
    "metrics_export_port",
    "dashboard_agent_listen_port",
    "runtime_env_agent_port",
)


def node(cpus, **options):
    """A node's arguments: it is reached from this machine only.

    The ports are given since Ray else waits 15 seconds for them, which a busy machine exceeds.
    """
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in AGENTS_PORTS]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    found = dict(zip(AGENTS_PORTS, ports, strict=True))
    return {"num_cpus": cpus, "node_ip_address": "127.0.0.1", **found, **options}


@pytest.fixture(scope="module")
def cluster():
    """A node without cores and one with a core, reached from this machine only."""
    with pytest.MonkeyPatch.context() as patch:
        folders = [str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(folders))
        patch.setenv("RAY_AUTH_TOKEN", "a-token-for-the-tests-alone-0123456789")
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        from ray.cluster_utils import Cluster

        # Without what nobody looks at, which would take its time to start.
        less = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
        nodes = Cluster(initialize_head=True, head_node_args=node(0, **less))
        nodes.first = nodes.add_node(**node(1))
        yield nodes
        nodes.shutdown()


def weights(folder):
    return [np.asarray(weight) for weight in Run.open(folder).load_network().weights]


def contents(folder):
    """What a run's files say, without what is another thing each time."""
    metrics = [
        {name: value for name, value in row.items() if not name.endswith(("seconds", "second"))}
        for row in Run.open(folder).metrics.read()
    ]
    config = json.loads((folder / "config.json").read_text())
    return metrics, config, json.loads((folder / "evaluation.json").read_text())


@pytest.mark.slow
@SAVING
def test_a_killed_nodes_run_goes_on_elsewhere_and_all_are_equal_to_local_ones(cluster, tmp_path):
    plan = plan_of(tmp_path, TINY.replace("max_sequences = 64", "max_sequences = 320"))
    jobs = list(plan.jobs(tmp_path / "ray").values())
    heard, second = [], []

    def listen(job, news):
        heard.append((job, news))
        if job != jobs[0]:
            return
        if not second and news.state.startswith("starting"):
            # The first run is on the first node; so the other run's is this one.
            second.append(cluster.add_node(**node(1)))
        elif news.done == 48 and cluster.first in cluster.worker_nodes:
            cluster.remove_node(cluster.first, allow_graceful=False)

    with ThreadPoolExecutor() as threads:
        local = list(plan.jobs(tmp_path / "local").values())
        beside = threads.submit(run_missing, local, LocalProcesses(2))
        assert run_missing(jobs, RayCluster(cluster.address), listen) == {}
        assert beside.result() == {}
    states = [news.state for job, news in heard if job == jobs[0]]
    (lost,) = (i for i, state in enumerate(states) if state.startswith("lost, and tried again: "))
    done = [news.done for job, news in heard if job == jobs[0]]
    # The checkpoint of the first report has come with the second.
    assert done[lost + 2] > 16, (done, states)
    assert [job for job, news in heard if news.ended] == [jobs[1], jobs[0]]
    for job, other in zip(jobs, local, strict=True):
        assert contents(job.folder) == contents(other.folder)
        for weight, expected in zip(weights(job.folder), weights(other.folder), strict=True):
            np.testing.assert_array_equal(weight, expected)
        names = [{path.name for path in run.folder.iterdir()} for run in (job, other)]
        assert names[0] == names[1]


@pytest.mark.slow
def test_runs_and_own_agents_of_this_machine_alone_are_benchmarked(cluster, tmp_path, monkeypatch):
    """Both are named by paths that mean nothing to the cluster's workers."""
    shutil.copytree(ROOT / "pretrained" / "copy-ntm", tmp_path / "mine")
    (tmp_path / "only_here.py").write_text(
        "def zeros(observation):\n    return 0 * observation[:, :8]"
    )
    # TensorFlow may run here already.
    monkeypatch.setattr("agents.tensorflow.prepare", lambda: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    agents = ["mine", "zero=only_here:zeros"]
    jobs = make_jobs(Path("benchmark"), ["NTMCopy-v0"], agents, lengths=[3], episodes=8)
    assert run_missing(jobs, RayCluster(cluster.address)) == {}
    network, zero = (job.result().scores[0] for job in jobs)
    assert network.mean_return == network.oracle_return == 1
    assert abs(zero.mean_return) < 0.5


@pytest.mark.slow
def test_a_job_that_fails_and_one_that_loses_its_worker_each_time(cluster, tmp_path):
    jobs = [LosesItsWorker(tmp_path / "loses"), Fails(tmp_path / "fails")]
    heard = []
    failed = run_missing(
        jobs, RayCluster(cluster.address, tries=2), lambda *each: heard.append(each)
    )
    assert failed[tmp_path / "fails"] == f"RuntimeError: {tmp_path / 'fails'} is no good"
    assert (tmp_path / "fails" / "half.txt").read_text() == "half"
    assert failed[tmp_path / "loses"].startswith("lost 2 times, the last time: WorkerCrashedError")
    # The second time had the file of the first.
    assert (tmp_path / "loses" / "counted.txt").read_text() == "2"
    ends = [job for job, news in heard if news.ended]
    assert sorted(job.folder.name for job in ends) == ["fails", "loses"]


def processes_with(variable):
    """The ids of the processes that have inherited this in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_a_terminated_sweep_ends_the_ray_that_it_has_started(tmp_path):
    plan = write_plan(tmp_path)
    mark = f"NTM_GYM_TEST={tmp_path}"
    name, _, value = mark.partition("=")
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts/compare.py", plan, "--folder", tmp_path, "--ray"],
        env={**os.environ, name: value, "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    run = tmp_path / "tiny" / "copy" / "ntm" / "0"
    while not (run / "config.json").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    config = json.loads((run / "config.json").read_text())
    assert config["command"][0] == str(ROOT / "scripts/compare.py")
    process.send_signal(signal.SIGTERM)
    _, problems = process.communicate(timeout=120)
    assert (process.returncode, problems) == (1, "Stopped.\n")
    until = time.time() + 30
    while processes_with(mark) and time.time() < until:
        time.sleep(0.2)
    assert processes_with(mark) == []


def test_without_ray_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RuntimeError, match=r'pip install -e "\.\[cluster\]" installs it'):
        run_missing([Fails(tmp_path)], RayCluster())


def test_what_the_options_choose():
    assert chosen_executor(None, None) == LocalProcesses(1)
    assert chosen_executor(3, None) == LocalProcesses(3)
    assert chosen_executor(None, "local") == RayCluster(None, None)
    assert chosen_executor(4, "10.0.0.1:6379") == RayCluster("10.0.0.1:6379", 4)
    for ray in (None, "local"):
        with pytest.raises(ValueError, match="expected workers of at least 1, got 0"):
            chosen_executor(0, ray)
    with pytest.raises(ValueError, match="expected tries of at least 1, got 0"):
        RayCluster(tries=0)
    with pytest.raises(ValueError, match=r"expected HOST:PORT or auto .*, got ray://a:1"):
        chosen_executor(None, "ray://a:1")
