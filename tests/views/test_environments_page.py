"""docs/environments.md is what the docstrings and the registry say now."""

from pathlib import Path

import numpy as np
import pytest

from agents.views import environments_page
from agents.views.environments_page import (
    entries,
    page_text,
    picture,
    picture_name,
    sections,
    table,
)
from ntm_gym import PROTOCOLS
from ntm_gym.render.picture import WRONG_ONE, WRONG_ZERO

DOCS = Path(__file__).resolve().parents[2] / "docs"


class Documented:
    """Do this.

    More of it. For one::

        a  b
          c

        d

    And so on.

    Example:
        Like that.

    Attributes:
        first: the first,
            over two lines: yes.
        second: the second.
    """


def test_the_page_is_fresh():
    assert (DOCS / "environments.md").read_text(encoding="utf-8") == page_text(), "run make docs"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_pictures_are_fresh(name):
    image = pytest.importorskip("PIL.Image")
    with image.open(DOCS / "images" / picture_name(name)) as file:
        drawn = np.asarray(file.convert("RGB")).astype(int)
    now = picture(name)
    assert any((now == colour).all(axis=2).any() for colour in (WRONG_ONE, WRONG_ZERO))
    assert drawn.shape == now.shape, "run make docs"
    # Another version of Pillow may draw the letters a little otherwise, but not the tape.
    assert np.mean(np.abs(drawn - now).max(axis=2) > 40) < 0.005, "run make docs"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_versions_lead_to_the_id(name):
    protocol = PROTOCOLS[name]
    assert protocol.env_id.endswith(f"-v{len(protocol.versions) - 1}")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_page_tells_of_each_environment(name):
    protocol, page = PROTOCOLS[name], page_text()
    begin = page.index(f"\n## {protocol.env_id}\n")
    part = page[begin : page.find("\n## ", begin + 1)]
    said = ["MultiBinary", "Box", "```text", "mask", "| oracle |", "| random |", "- v0: "]
    assert [text for text in [*said, f"images/{picture_name(name)}"] if text not in part] == []


def test_a_change_makes_the_page_stale(monkeypatch):
    before = page_text()
    changed = dict(PROTOCOLS)
    changed["copy"] = type(changed["copy"])(**{**vars(changed["copy"]), "max_length": 21})
    monkeypatch.setattr(environments_page, "PROTOCOLS", changed)
    assert page_text() != before


def test_docstrings_are_taken_apart():
    said = sections(Documented)
    assert said.keys() == {"", "Example", "Attributes"}
    assert said[""] == (
        "Do this.\n\nMore of it. For one:\n\n```text\na  b\n  c\n\nd\n```\n\nAnd so on."
    )
    assert said["Example"] == "Like that."
    assert entries(said["Attributes"]) == {
        "first": "the first, over two lines: yes.",
        "second": "the second.",
    }


def test_table():
    assert table(("a", "b"), [(1, "x")]) == "| a | b |\n| --- | --- |\n| 1 | x |"


def test_the_random_agent_scores_what_coins_do():
    for protocol in PROTOCOLS.values():
        scores = environments_page._scores(protocol)
        random = next(line for line in scores.splitlines() if line.startswith("| random"))
        assert float(random.split("|")[2]) == pytest.approx(0, abs=0.03)


def test_ranges_of_channels_are_told_apart():
    low, high = np.array([0, 0, -1, 0], np.float32), np.ones(4, np.float32)
    assert environments_page._box(low, high) == (
        "`Box(4,)` of float32; channels 0 to 1 from 0 to 1, channel 2 from -1 to 1, "
        "channel 3 from 0 to 1"
    )
