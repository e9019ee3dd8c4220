"""The playground's page in a real browser."""

import dataclasses
import json
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from helpers.browser import WAIT, Served, chromium_alone
from helpers.marks import SAVING
from playwright.sync_api import expect

from agents.recipes.cells import NTMConfig
from agents.recipes.supervised import recipe
from agents.storage.runs import Run
from agents.views.playground import learning
from agents.views.playground.gallery import Gallery
from agents.views.playground.server import build_app

pytestmark = pytest.mark.browser
expect.set_options(timeout=WAIT)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder that the page saves trainings in."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def address(runs):
    with Served(build_app(Gallery(), runs)) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    with chromium_alone() as browser:
        yield browser


@pytest.fixture
def page(chromium, address):
    """An empty page; at its end, nothing was asked for elsewhere and no script has failed."""
    context = chromium.new_context(viewport={"width": 1500, "height": 1200}, base_url=address)
    page = context.new_page()
    page.set_default_timeout(WAIT)
    asked, failed = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(error))
    yield page
    context.close()
    foreign = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert foreign == []
    assert failed == []


def opened(page, query=""):
    page.goto(f"/?{query}")
    expect(page.locator("#ntm-now")).to_contain_text("step")
    return page


def title_of(page, number=0):
    """What the page says of an agent."""
    return page.locator("#ntm .ntm-time").nth(number + 1)


def query_of(page):
    return {name: value for name, (value,) in parse_qs(urlsplit(page.url).query).items()}


def all_shown(page):
    """Waits until all pictures have been loaded."""
    page.wait_for_function(
        "[...document.querySelectorAll('#ntm img')].every(i => i.complete && i.naturalWidth > 0)"
    )


def write(page, name, value):
    box = page.locator(f"#ntm-{name} input").first
    box.fill(str(value))
    box.press("Tab")


def choose(page, name, option):
    page.locator(f"#ntm-{name} input").first.click()
    page.get_by_role("option", name=option, exact=True).click()


def address_has(page, **values):
    for name, value in values.items():
        page.wait_for_function(
            "([name, value]) => new URLSearchParams(location.search).get(name) === value",
            arg=[name, value],
        )


@pytest.mark.slow
def test_it_opens_on_a_pretrained_network_without_a_wrong_bit(page):
    opened(page)
    all_shown(page)
    expect(title_of(page)).to_have_attribute("alt", re.compile("copy-.*: 0 of 160 bits wrong"))
    assert query_of(page) == {}


@pytest.mark.slow
def test_every_control_changes_the_view(page):
    opened(page)
    write(page, "length", 12)
    address_has(page, length="12")
    write(page, "slots", 40)
    address_has(page, slots="40")
    expect(title_of(page)).to_have_attribute("alt", re.compile("40 slots: 0 of 96 bits wrong"))
    write(page, "seed", 5)
    address_has(page, seed="5")
    choose(page, "columns", "40")
    address_has(page, columns="40")
    choose(page, "agents", "random")
    address_has(page, agents="copy-ntm,random")
    all_shown(page)
    assert page.locator("#ntm .ntm-time").count() == 3
    choose(page, "task", "repeat_copy")
    address_has(page, task="repeat_copy")
    all_shown(page)
    expect(page.locator("#ntm-length input")).to_have_value("10")


@pytest.mark.slow
def test_every_what_if_changes_the_answers(page):
    opened(page, "length=30")
    expect(title_of(page)).to_have_attribute("alt", re.compile(": 0 of 240"))
    page.get_by_text("What if ...").click()
    page.locator("#ntm-freeze input").check()
    address_has(page, content_share="0.0")
    write(page, "share", 1)
    address_has(page, content_share="1.0")
    expect(title_of(page)).not_to_have_attribute("alt", re.compile(": 0 of 240"))
    page.locator("#ntm-freeze input").uncheck()
    expect(title_of(page)).to_have_attribute("alt", re.compile(": 0 of 240"))
    page.locator("#ntm-content input").uncheck()
    address_has(page, content="False")
    write(page, "noise", 0.5)
    expect(title_of(page)).not_to_have_attribute("alt", re.compile(": 0 of 240"))
    write(page, "first-step", 61)
    expect(title_of(page)).to_have_attribute("alt", re.compile(": 0 of 240"))
    write(page, "start", 5)
    page.locator("#ntm-heads").get_by_label("write").check()
    address_has(page, heads="write", start="5")
    expect(title_of(page)).not_to_have_attribute("alt", re.compile(": 0 of 240"))


@pytest.mark.slow
def test_bits_are_edited_by_a_click_and_by_hand(page):
    opened(page, "length=5")
    before = title_of(page).get_attribute("src")
    tape = page.locator('.ntm-time[data-part="tape"]')
    left, cell = (int(page.locator("#ntm").get_attribute(f"data-{x}")) for x in ("left", "cell"))
    all_shown(page)
    tape.click(position={"x": left + 2.5 * cell, "y": 30 + 4.5 * 10})
    address_has(page, flips="2.4")
    expect(page.locator("#ntm-flips input, #ntm-flips textarea")).to_have_value("2.4")
    all_shown(page)
    assert title_of(page).get_attribute("src") != before
    tape = page.locator('.ntm-time[data-part="tape"]')
    tape.click(position={"x": left + 2.5 * cell, "y": 30 + 4.5 * 10})
    page.wait_for_function("!location.search.includes('flips')")
    page.locator("#ntm-flips input, #ntm-flips textarea").fill("0.0 9.9")
    expect(page.locator("#ntm-message")).to_contain_text("the bit 9.9")


@pytest.mark.slow
def test_time_goes_on_in_all_pictures_together(page):
    opened(page, "length=50&columns=40&agents=copy-ntm,oracle")
    slider = page.locator("#ntm-step")
    slider.fill("60")
    address_has(page, step="60")
    all_shown(page)
    over = page.locator("#ntm .ntm-time").evaluate_all("all => all.map(i => i.src)")
    assert len(over) == 3
    assert all("step=40" in source for source in over)
    assert "step=60" in page.locator(".ntm-memory").get_attribute("src")
    cursors = page.locator(".ntm-cursor").evaluate_all("all => all.map(i => i.style.left)")
    assert len(set(cursors)) == 1
    page.locator("#ntm-play").click()
    page.wait_for_function("Number(document.getElementById('ntm-step').value) >= 64")
    page.locator("#ntm-play").click()
    slider.fill("100")
    expect(page.locator("#ntm-now")).to_have_text("step 100 of 101")
    slider.press("ArrowLeft")
    expect(page.locator("#ntm-now")).to_have_text("step 99 of 101")


@pytest.mark.slow
def test_an_address_restores_every_control(page):
    opened(
        page,
        "length=9&slots=64&seed=3&columns=160&step=4&flips=1.2&agents=copy-ntm,random"
        "&content=False&content_share=0.5&noise=0.05&start=2&heads=read&first_step=6",
    )
    page.get_by_text("What if ...").click()
    for name, value in {
        "length": "9",
        "slots": "64",
        "seed": "3",
        "start": "2",
        "first-step": "6",
    }.items():
        expect(page.locator(f"#ntm-{name} input")).to_have_value(value)
    expect(page.locator("#ntm-flips input, #ntm-flips textarea")).to_have_value("1.2")
    expect(page.locator("#ntm-content input")).not_to_be_checked()
    expect(page.locator("#ntm-freeze input")).to_be_checked()
    expect(page.locator("#ntm-heads").get_by_label("read")).to_be_checked()
    expect(page.locator("#ntm-now")).to_have_text("step 4 of 19")
    assert query_of(page)["noise"] == "0.05"
    # A change elsewhere keeps all of it.
    write(page, "seed", 4)
    address_has(page, seed="4", flips="1.2", content_share="0.5", step="4", heads="read")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("length", 0, "a length from 1"),
        ("length", 100000, "of at most 2048 steps"),
        ("length", "", "length as a whole number"),
        ("slots", -4, "slots from 0"),
        ("seed", -1, "a seed from 0"),
    ],
)
def test_bad_values_are_said_and_the_view_stays(page, name, value, message):
    opened(page, "length=6")
    write(page, name, value)
    expect(page.locator("#ntm-message")).to_contain_text(message)
    expect(page.locator("#ntm-now")).to_contain_text("of 13")


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    ["length=-1", "agents=../../etc", "file=/etc/passwd", "flips=<script>alert(1)</script>"],
)
def test_bad_addresses_are_said_and_the_first_view_shown(page, query):
    opened(page, query)
    expect(page.locator("#ntm-message")).to_contain_text("expected")
    expect(title_of(page)).to_have_attribute("alt", re.compile("0 of 160"))


@pytest.mark.slow
def test_figure_and_data_are_downloaded(page):
    opened(page, "length=4&step=3")
    with page.expect_download() as waiting:
        page.locator("#ntm-png").click()
    assert waiting.value.path().read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as waiting:
        page.locator("#ntm-json").click()
    found = json.loads(waiting.value.path().read_text())
    assert found["step"] == 3
    assert np.array(found["inputs"]).shape == (9, 9)


@pytest.mark.slow
def test_wrong_addresses_of_files_are_errors(page):
    page.goto("/")
    for path in (
        "over.png?part=nobody",
        "memory.png?part=tape",
        "data.json?step=99",
        "figure.png?x=1",
    ):
        answer = page.request.get(f"/{path}")
        assert (answer.status, answer.text()[:8]) == (422, "expected"), path
    assert page.request.get("/over.png?part=../../README.md").status == 422


@pytest.mark.slow
def test_visitors_do_not_disturb_each_other(page, chromium, address):
    opened(page, "length=7")
    with chromium.new_context(base_url=address) as context:
        other = opened(context.new_page(), "length=8&seed=2")
        other.set_default_timeout(WAIT)
        write(other, "length", 11)
        address_has(other, length="11")
        assert query_of(page) == {"length": "7"}
        write(page, "seed", 9)
        address_has(page, seed="9", length="7")
        assert query_of(other) == {"length": "11", "seed": "2"}


@pytest.mark.slow
@SAVING
def test_it_learns_to_copy_stops_goes_on_and_is_saved(page, runs, monkeypatch):
    easy = {"max_length": 2, "batch_size": 16, "optimizer": "adam", "learning_rate": 1e-2}
    easy = dataclasses.replace(recipe("copy"), cell=NTMConfig(units=32, slots=8), **easy)
    monkeypatch.setattr(learning, "recipe", lambda _: easy)
    page.goto("/")
    page.get_by_role("tab", name="Watch it learn").click()
    page.locator("#ntm-go-on").click()
    expect(page.locator("#ntm-said")).to_contain_text("Begin first")
    page.locator("#ntm-begin").click()
    said = page.locator("#ntm-said")
    expect(said).to_contain_text("bits wrong", timeout=20 * WAIT)  # compiled until then
    page.locator("#ntm-stop").click()
    page.wait_for_timeout(1000)
    page.locator("#ntm-go-on").click()
    expect(said).to_contain_text("Solved", timeout=20 * WAIT)
    expect(said).to_contain_text(": 0.00 of 16")
    picture = page.get_by_alt_text("what it does now")
    assert picture.evaluate("i => i.naturalWidth") > 500
    page.locator("#ntm-save").click()
    expect(said).to_contain_text("Saved")
    (folder,) = runs.iterdir()
    run = Run.open(folder)
    assert run.ended
    assert run.metrics.read()[-1]["held_out_bit_errors"] == 0
