"""A report's page in a real browser, opened from disk."""

import json

import pytest
from helpers.browser import WAIT, chromium_alone
from helpers.result_folders import HOSTILE, write_benchmark, write_comparison, write_scores
from playwright.sync_api import expect

from agents.policies.pretrained import PRETRAINED
from agents.storage.checkout import ROOT
from agents.views.report.page import write_page

pytestmark = pytest.mark.browser
WIDTHS = (380, 1400)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The reports of several kinds of folders, by name, and how many charts each has."""
    folder = tmp_path_factory.mktemp("reports")
    folders = {
        "comparison": (write_comparison(folder), 4),
        "scores": (write_scores(folder / "scores", *"abcdefghijkl"), 1),
        "benchmark": (write_benchmark(folder / "benchmark"), 2),
        "hostile": (write_scores(folder / "hostile", HOSTILE, "b", task=HOSTILE), 1),
        "network": (PRETRAINED / "copy-ntm", 3),
        "curricula": (ROOT / "docs" / "results" / "curricula", 2),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agents.evaluation.bootstrap.RESAMPLES", 50)
        return {
            name: (write_page(place, folder / f"{name}.html"), charts)
            for name, (place, charts) in folders.items()
        }


@pytest.fixture(scope="module")
def chromium():
    with chromium_alone() as browser:
        yield browser


@pytest.fixture
def page(chromium):
    """An empty page; at its end, nothing but the file was asked for, and no script complained."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(WAIT)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert [url for url in asked if not url.startswith(("file:///", "data:", "blob:"))] == []
    assert len([url for url in asked if url.startswith("file:///")]) == 1
    assert said == []


def opened(page, report):
    path, charts = report
    page.goto(path.as_uri())
    expect(page.locator(".plot .main-svg .xaxislayer-above")).to_have_count(charts)
    return page


def column(page, caption, number):
    table = page.get_by_role("table", name=caption)
    return table.locator(f"tbody td:nth-child({number})").all_text_contents()


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "name", ["comparison", "scores", "benchmark", "hostile", "network", "curricula"]
)
def test_it_is_drawn_and_legible(page, reports, name, width):
    page.set_viewport_size({"width": width, "height": 1000})
    opened(page, reports[name])
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 300)")
    sizes = page.evaluate(
        "[...document.querySelectorAll('p, td, th, figcaption, pre, dd, .plot text')]"
        ".filter(e => e.textContent).map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12
    plots = page.evaluate(
        "[...document.querySelectorAll('.plot')].map(plot => {"
        "const box = plot.querySelector('.plotbg, .cartesianlayer .bglayer rect, .nsewdrag')"
        ".getBoundingClientRect(); return [box.width, box.height]})"
    )
    assert all(across > 0.55 * min(width, 1000) and down > 200 for across, down in plots)
    # No label of an axis or a legend is cut off.
    cut = page.evaluate(
        "[...document.querySelectorAll('.plot text')].filter(e => e.textContent).map(e => "
        "[e.textContent, e.getBoundingClientRect(), e.closest('.plot').getBoundingClientRect()])"
        ".filter(([, own, all]) => own.left < all.left - 1 || own.right > all.right + 1)"
        ".map(([text]) => text)"
    )
    assert cut == []


@pytest.mark.slow
def test_tables_are_sorted_by_click_and_by_key(page, reports):
    opened(page, reports["comparison"])
    caption = "Every seed of copy"
    table = page.get_by_role("table", name=caption)
    assert column(page, caption, 2) == ["0", "1", "2"] * 2
    header = table.get_by_role("columnheader", name="solved after")
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    # What was not solved is the slowest.
    assert column(page, caption, 4) == ["1,000", "2,000", "3,000", "not", "not", "not"]
    assert column(page, caption, 2)[:3] == ["2", "0", "1"]
    header.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(header).to_have_attribute("aria-sort", "descending")
    assert column(page, caption, 4) == ["not", "not", "not", "3,000", "2,000", "1,000"]
    table.get_by_role("columnheader", name="variant").get_by_role("button").click()
    assert table.locator("th[aria-sort]").count() == 1
    assert column(page, caption, 1) == ["ntm"] * 3 + ["wide"] * 3
    # Other tables stay as they are.
    assert page.locator("th[aria-sort]").count() == 1


@pytest.mark.slow
def test_a_chart_tells_what_the_mouse_is_over(page, reports):
    opened(page, reports["comparison"])
    plot = page.locator(".plot").nth(1)
    plot.scroll_into_view_if_needed()
    line = plot.locator(".scatterlayer .trace").last.locator("path.js-line")
    box = line.bounding_box()
    # The last line is the median of "wide", which ends with 1 wrong bit after 3,000 sequences.
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] - 1)
    label = plot.locator(".hoverlayer .hovertext")
    expect(label.first).to_contain_text("training sequences 3,000")
    assert "wide" in " ".join(label.all_text_contents())


@pytest.mark.slow
def test_a_legend_hides_all_lines_of_a_name(page, reports):
    opened(page, reports["comparison"])
    plot = page.locator(".plot").first
    assert plot.locator(".scatterlayer .trace").count() == 8
    plot.locator(".legendtoggle").first.click()
    expect(plot.locator(".scatterlayer .trace")).to_have_count(4)


@pytest.mark.slow
def test_a_narrower_window_moves_the_legend(page, reports):
    opened(page, reports["scores"])
    plot = page.locator(".plot").first

    def legend_is_beside():
        legend, drawn = (plot.locator(part).bounding_box() for part in (".legend", ".nsewdrag"))
        return legend["x"] > drawn["x"] + drawn["width"]

    assert legend_is_beside()
    page.set_viewport_size({"width": 380, "height": 800})
    # Twelve names and random answers above the chart.
    expect(plot.locator(".main-svg").first).to_have_attribute("height", "652")
    # The charts are drawn anew one after the other. (The page forbids what wait_for_function does.)
    for _ in range(WAIT // 100):
        if page.evaluate("document.documentElement.scrollWidth") == 380:
            break
        page.wait_for_timeout(100)
    assert not legend_is_beside()
    assert page.evaluate("document.documentElement.scrollWidth") == 380


@pytest.mark.slow
def test_names_of_others_are_text(page, reports):
    opened(page, reports["hostile"])
    page.wait_for_timeout(500)
    assert page.title() == "hostile: comparison"
    assert page.locator("img").count() == 0
    assert HOSTILE in json.dumps(column(page, "Leaderboard of ", 2), ensure_ascii=False).replace(
        '\\"', '"'
    )
    # In the chart, too, no name has become a link.
    assert page.locator(".plot a[href='http://a.b']").count() == 0
