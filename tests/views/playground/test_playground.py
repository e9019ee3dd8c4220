"""The playground without its page: settings and addresses, tapes, agents, pictures and data."""

import dataclasses
import io
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from agents.evaluation.scores import held_out
from agents.inspection.interventions import HEADS, Interventions
from agents.lab import visitors
from agents.policies.pretrained import PRETRAINED
from agents.views.playground import picture, viewer
from agents.views.playground.gallery import Gallery
from agents.views.playground.settings import COLUMNS, MOST_STEPS, Settings, read_flips
from agents.views.playground.tape import editable, make_tape
from ntm_gym import PROTOCOLS
from ntm_gym.cells import CELLS
from ntm_gym.tasks import AssociativeRecall

QUIET = ("random", "oracle")
"""Agents that need no network."""


@pytest.fixture(scope="module")
def gallery():
    return Gallery()


# Settings and addresses


@given(
    st.builds(
        Settings,
        task=st.sampled_from(list(PROTOCOLS)),
        agents=st.sampled_from([("copy-ntm",), QUIET, ("a b&c=d%",)]),
        length=st.integers(21, 100),
        slots=st.integers(0, 1024),
        seed=st.just(7),
        flips=st.sampled_from([(), ((0, 3), (12, 7))]),
        step=st.integers(0, 2000),
        columns=st.sampled_from(COLUMNS),
        interventions=st.builds(
            Interventions,
            content=st.booleans(),
            content_share=st.none() | st.floats(0, 1),
            noise=st.floats(0, 1),
            start=st.integers(-9, 9),
            heads=st.sampled_from(HEADS),
            first_step=st.integers(0, 99),
            seed=st.just(7),
        ),
    )
)
def test_an_address_restores_its_view(settings):
    assert Settings.from_query(dict(parse_qsl(settings.query()))) == settings


def test_the_default_view_has_an_empty_address():
    assert Settings().query() == ""
    assert Settings.from_query({}) == Settings()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"length": "0"}, "a length from 1"),
        ({"length": "-1"}, "a length from 1"),
        ({"length": "1e3"}, "length as a whole number, got '1e3'"),
        ({"length": "9" * 400}, "length as a whole number"),
        ({"length": "٣"}, "length as a whole number"),
        ({"length": str(MOST_STEPS)}, f"of at most {MOST_STEPS} steps"),
        ({"task": "nothing"}, "expected a task of copy"),
        ({"task": "../../etc"}, "expected a task of copy"),
        ({"agents": ""}, None),
        ({"agents": "random,random"}, "different agents"),
        ({"agents": "a,b,c,d,e"}, "1 to 4 different agents"),
        ({"slots": "100000"}, "slots from 0"),
        ({"seed": "-3"}, "a seed from 0"),
        ({"columns": "7"}, "columns of 40"),
        ({"step": "-1"}, "a step from 0"),
        ({"flips": "a.b"}, "edited bits like 0.3"),
        ({"flips": " ".join(f"{i}.0" for i in range(300))}, "at most 256 edited bits"),
        ({"noise": "nan"}, "noise from 0"),
        ({"noise": "loud"}, "noise as a number"),
        ({"content": "maybe"}, "content as True or False"),
        ({"content_share": "2"}, "content_share from 0 to 1"),
        ({"heads": "all"}, "heads of both"),
        ({"run": "/etc/passwd"}, "expected settings of .*, got 'run'"),
    ],
)
def test_wrong_addresses_are_refused(query, message, gallery):
    with pytest.raises(ValueError, match=message):
        gallery.look(Settings.from_query(query))


def test_edited_bits_are_read_in_order_and_once():
    assert read_flips("12.0 3.4  3.4 ") == ((3, 4), (12, 0))
    assert read_flips("") == ()


# Tapes


def test_an_edited_bit_changes_input_and_target():
    plain = make_tape(Settings(length=3, seed=5))
    edited = make_tape(Settings(length=3, seed=5, flips=((1, 2),)))
    assert np.argwhere(plain.inputs != edited.inputs).tolist() == [[0, 1, 2]]
    assert np.argwhere(plain.targets != edited.targets).tolist() == [[0, 5, 2]]
    np.testing.assert_array_equal(edited.mask, plain.mask)


@pytest.mark.parametrize("bit", [(1, 8), (3, 0), (4, 0), (99, 0), (0, 99)])
def test_other_bits_cannot_be_edited(bit):
    with pytest.raises(ValueError, match=rf"the bit {bit[0]}\.{bit[1]} .*cannot be edited"):
        make_tape(Settings(length=3, flips=(bit,)))


def test_the_query_of_a_recall_follows_its_item():
    task = AssociativeRecall()
    plain = make_tape(Settings(task="associative_recall", length=4))
    asked = int(np.flatnonzero(plain.inputs[0, :, 7])[0]) + 1
    query = plain.inputs[0, asked : asked + 3]
    item = next(i for i in range(4) if (plain.inputs[0, 4 * i + 1 : 4 * i + 4] == query).all())
    settings = Settings(task="associative_recall", length=4, flips=((4 * item + 1, 0),))
    edited = make_tape(settings)
    assert edited.inputs[0, asked, 0] == edited.inputs[0, 4 * item + 1, 0] == 1 - query[0, 0]
    np.testing.assert_array_equal(edited.targets, plain.targets)  # the next item is the same
    free = editable(task, plain)
    assert not free[asked : asked + 3].any()
    assert free[1:4].sum() == 18


@pytest.mark.parametrize("task", PROTOCOLS)
def test_targets_of_edited_tapes_are_the_oracles(task, gallery):
    length = PROTOCOLS[task].max_length
    free = editable(PROTOCOLS[task].task, held_out(PROTOCOLS[task].task, length, 1, 0))
    flips = tuple(map(tuple, np.argwhere(free)[::7].tolist()))
    assert bool(flips) == (task != "dynamic_ngrams")
    settings = Settings(task=task, agents=QUIET, length=length, flips=flips)
    chance, oracle = gallery.look(settings).looks
    assert chance.wrong.any()
    if task != "dynamic_ngrams":
        assert not oracle.wrong.any()


# Agents


def test_the_networks_of_pretrained_are_offered(gallery):
    assert gallery.tasks[0] == "copy"
    assert gallery.agents("copy")[0].startswith("copy-")
    assert gallery.agents("copy")[-2:] == list(QUIET)


@pytest.mark.slow
def test_a_network_is_right_beyond_training_and_not_on_a_small_memory(gallery):
    far = Settings(agents=("copy-ntm", "oracle"), length=60)
    network, oracle = gallery.look(far).looks
    assert network.slots == 128
    assert not network.wrong.any()
    assert not oracle.wrong.any()
    (small,) = gallery.look(Settings(length=80, slots=40)).looks
    assert small.slots == 40
    # 40 of the 80 vectors have been written over: of their 320 bits, half are wrong by chance, with
    # a standard deviation of 9.
    assert small.wrong.sum() > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"noise": 0.3}, True),
        ({"start": 7}, False),  # both heads moved alike
        ({"start": 7, "heads": "write"}, True),
        ({"start": 7, "heads": "read", "content_share": 0.0}, True),
        ({"content_share": 1.0}, True),
        ({"content_share": 1.0, "first_step": 81}, False),
    ],
)
def test_what_if(gallery, changes, wrong):
    """What breaks the copying of 40 vectors, and what does not."""
    settings = Settings(length=40, interventions=Interventions(**changes))
    (look,) = gallery.look(settings).looks
    assert (look.wrong.mean() > 0.1) == wrong
    assert look.wrong.any() == wrong


@pytest.mark.slow
def test_impossible_agents_and_slots_are_refused(gallery):
    for agents in (("nobody",), ("pretrained/copy-ntm",), ("",)):
        with pytest.raises(ValueError, match="expected agents of copy-"):
            gallery.look(Settings(agents=agents))
    with pytest.raises(ValueError, match="expected an agent with a memory"):
        gallery.memory(Settings(agents=QUIET), "oracle")
    with pytest.raises(ValueError, match="expected a step below 41, got 50"):
        gallery.memory(Settings(step=50), "copy-ntm")


def test_runs_of_one_name_are_refused():
    folder = PRETRAINED / "copy-ntm"
    with pytest.raises(ValueError, match="different names without a comma, got copy-ntm"):
        Gallery([folder, folder])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dnc", "lstm"])
def test_other_cells_are_shown_too(name):
    gallery = Gallery()
    options = {"slots": 9, "width": 5, "read_heads": 2} if name == "dnc" else {"layers": 2}
    gallery._cells[name] = cell = CELLS[name](8, units=4, **options)
    cell.build((None, 9))
    gallery._tasks[name] = "copy"
    settings = Settings(
        agents=(name,), length=4, slots=6, interventions=Interventions(content_share=0.5, noise=0.1)
    )
    found = viewer.data(gallery, settings)["agents"][name]
    assert found["slots"] == (6 if name == "dnc" else None)
    assert ("memory" in found) == (name == "dnc")
    tall = size(viewer.over_time(gallery, settings, name))[1]
    assert (tall > 400) == (name == "dnc")
    assert size(viewer.figure(gallery, settings))[1] > tall
    if name == "dnc":
        with pytest.raises(ValueError, match="expected at most 256 slots for dnc, got 300"):
            gallery.look(dataclasses.replace(settings, slots=300))


# Pictures and data


def size(png):
    return Image.open(io.BytesIO(png)).size


@pytest.mark.slow
def test_pictures_show_the_page_of_the_step(gallery):
    settings = Settings(length=60, columns=40, agents=("copy-ntm", "random"))
    first, second = (
        viewer.over_time(gallery, dataclasses.replace(settings, step=step), "copy-ntm")
        for step in (39, 40)
    )
    assert first != second
    assert first == viewer.over_time(gallery, settings, "copy-ntm")
    assert size(first)[0] == picture.LEFT + picture.WIDE + picture.RIGHT
    memories = {viewer.memory_at(gallery, dataclasses.replace(settings, step=s), "copy-ntm")
                for s in (0, 60, 120)}  # fmt: skip
    assert len(memories) == 3
    wide, tall = size(viewer.figure(gallery, settings))
    assert wide > size(first)[0]
    assert tall > size(first)[1] + size(viewer.over_time(gallery, settings, "random"))[1]
    with pytest.raises(ValueError, match="expected an agent of the view, got 'oracle'"):
        viewer.over_time(gallery, settings, "oracle")
    with pytest.raises(ValueError, match="expected a step from 0 to 120, got 121"):
        viewer.figure(gallery, dataclasses.replace(settings, step=121))


def test_wrong_bits_are_red(gallery):
    settings = Settings(length=5, columns=40, agents=("random", "oracle"))
    chance, oracle = (
        np.asarray(Image.open(io.BytesIO(viewer.over_time(gallery, settings, name))))
        for name in settings.agents
    )
    look = gallery.look(settings).looks[0]
    step, bit = np.argwhere(look.wrong)[0]
    at = (
        picture.TITLE + bit * picture.BIT + 3,
        picture.LEFT + step * picture.step_width(settings, 11) + 3,
    )
    red = chance[at].astype(int)
    assert red[0] > red[1] + 50
    assert len(set(oracle[at].tolist())) <= 3
    assert max(oracle[at]) - min(oracle[at]) < 20


def test_slots_in_use_are_a_stretch_of_a_ring():
    addresses = np.zeros((1, 4, 100))
    addresses[0, range(4), [98, 99, 0, 3]] = 1
    assert picture._slots_in_use(addresses).tolist() == [98, 99, 0, 1, 2, 3, 4, 5]
    assert len(picture._slots_in_use(np.ones((1, 4, 100)))) == 100
    assert picture._slots_in_use(np.zeros((1, 4, 16))).tolist() == list(range(16))


@pytest.mark.slow
def test_data_are_those_of_the_view(gallery):
    settings = Settings(length=30, columns=40, step=45, agents=("copy-ntm", "oracle"))
    found = json.loads(json.dumps(viewer.data(gallery, settings)))
    assert found["first_step"] == 40
    network = found["agents"]["copy-ntm"]
    addresses = np.array(network["write_addresses"])
    assert addresses.shape == (1, 21, 128)
    np.testing.assert_allclose(addresses.sum(axis=2), 1, atol=0.01)
    assert np.array(network["memory"]).shape == (128, 20)
    assert set(network["told"]) >= {"read.gates", "write.strengths"}
    assert found["agents"]["oracle"]["answers"] == found["targets"]
    assert Settings.from_query(dict(parse_qsl(found["query"]))) == settings


def test_html_holds_no_foreign_text(gallery):
    html = viewer.view_html(gallery, Settings(length=3))
    assert 'data-steps="7"' in html
    assert "http" not in html


# Visitors


class Recorder(BaseHTTPRequestHandler):
    """Answers with nothing, and keeps what it was asked for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux alone has /proc")
def test_visitors_look_at_views_and_play_through_them(gallery, monkeypatch):
    for name, value in {"PLAYED": 3, "INTERVAL": 0.01}.items():
        monkeypatch.setattr(visitors, name, value)
    Recorder.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = visitors.load(f"http://127.0.0.1:{server.server_port}/", os.getpid(), 2, 0.3)
        with (
            pytest.raises(ValueError, match=r"expected a free port, got \d+, where"),
            visitors.served(server.server_port),
        ):
            pass
        server.shutdown()
    assert found.visitors == 2
    assert len(found.views) >= 2
    assert len(found.steps) == 2 * len(found.views)
    assert min(*found.views, *found.steps) > 0
    assert found.cores > 0
    assert 50 < found.mebibytes < 20_000
    assert len(Recorder.asked) == 5 * len(found.views) + 1
    for address in Recorder.asked[:-1]:
        path, query = urlsplit(address).path, dict(parse_qsl(urlsplit(address).query))
        part = query.pop("part")
        assert (path, part) in {
            ("/over.png", "tape"),
            ("/over.png", visitors.AGENT),
            ("/memory.png", visitors.AGENT),
        }
        assert Settings.from_query(query).agents == (visitors.AGENT,)
    assert visitors.AGENT in gallery.agents("copy")


def test_the_worst_of_twenty_is_between_the_last():
    found = visitors.Load(1, [1.0, 2.0, 3.0, 40.0], [0.1, 0.2], 1.0, 0.5).row
    assert found["view, s"] == "2.500"
    assert 3 < float(found["95 % of views"]) < 40


def test_the_page_opens_on_the_neural_turing_machine(gallery):
    assert gallery.default("copy").agents == ("copy-ntm",)
