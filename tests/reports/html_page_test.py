"""Tests of the HTML page in a real Chromium: what it shows, how fast it is, and that names on it run nothing."""

import dataclasses
import json
import re

import pytest
from reports.pages import make_html, make_run

import nas_keras as nk

pytestmark = pytest.mark.browser
bokeh = pytest.importorskip("bokeh")


def _open(page, path, text, *, scheme="light"):
    path.write_text(text, encoding="utf-8")
    page.emulate_media(color_scheme=scheme)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-charts=ready]")
    assert page.problems == []


def _column(page, number):
    return page.locator(f"#trials tbody tr td:nth-child({number})").all_inner_texts()


@pytest.fixture(scope="module", name="html")
def _html():
    return make_html(make_run(200))


def test_the_table_sorts_searches_and_draws_the_selected_cell(page, html, tmp_path):
    _open(page, tmp_path / "page.html", html)
    assert page.inner_text("#count") == "200 of 200" and page.inner_text("#place") == "Page 1 of 8"
    accuracies = [float(text) for text in _column(page, 3)]
    assert len(accuracies) == 25 and accuracies == sorted(accuracies, reverse=True)
    page.click("#trials th button:text('parameters')")
    page.click("#trials th button:text('parameters')")
    sizes = [int(text.replace(",", "")) for text in _column(page, 4) if text != "–"]
    assert sizes == sorted(sizes) and page.get_attribute("#trials th:nth-child(4)", "aria-sort") == "ascending"
    page.fill("#search", "concat identity")
    assert all("concat" in name and "identity" in name for name in _column(page, 2))
    page.fill("#search", "")
    page.select_option("#filter", index=1)
    assert page.inner_text("#count") != "200 of 200" and all(text == "–" for text in _column(page, 3))
    page.select_option("#filter", "")
    page.click("#next")
    row = page.locator("#trials tbody tr").nth(3)
    row.locator("button").click()
    name = row.locator("button").inner_text()
    assert page.inner_text("#selected-name") == name
    assert page.get_attribute("#selected-drawing svg", "aria-label") == f"The cell {name}"
    drawn = page.locator("#selected-drawing text").all_text_contents()
    assert sorted(drawn) == sorted(["input", "output", *re.findall(r"\w+", name)])
    assert row.get_attribute("class") == "selected" and page.evaluate("document.activeElement.textContent") == name


def test_a_selection_in_the_table_is_one_in_the_charts_and_the_other_way_round(page, html, tmp_path):
    _open(page, tmp_path / "page.html", html)
    page.locator("#trials tbody button").nth(2).click()
    row = page.evaluate("Bokeh.documents[0].get_model_by_name('rows').selected.indices")
    assert len(row) == 1
    page.evaluate("Bokeh.documents[0].get_model_by_name('rows').selected.indices = [120]")
    data = json.loads(page.evaluate("document.getElementById('data').textContent"))
    name = next(column for column in data["columns"] if column["key"] == "name")["values"][120]
    assert page.inner_text("#selected-name") == page.inner_text("#trials tr.selected button") == name
    page.click("[data-chart=costs] button:text('MFLOPs')")
    front = page.evaluate("Bokeh.documents[0].roots()[1].renderers.filter(r => r.visible).length")
    assert front == 2  # the points, and the front of this cost


def test_a_space_without_cells_shows_the_decisions(page, tmp_path):
    space = nk.SearchSpace("plain", [nk.Decision("blocks", (1, 2, 3)), nk.Decision("kernel", ("3x3", "5x5"))])
    run = make_run(6, space=space, recipe={"function": "f"})
    _open(page, tmp_path / "page.html", make_html(run))
    page.locator("#trials tbody button").first.click()
    shown = dict(part.split("=") for part in page.inner_text("#selected-name").split(", "))
    rows = page.locator("#selected-drawing tr").all_inner_texts()
    assert dict(re.split(r"\s+", row.strip()) for row in rows) == shown
    assert page.inner_text("#trials th:nth-child(3)").startswith("reward")  # no accuracy, so not in percent


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_and_nothing_is_wider_than_a_phone(page, html, tmp_path, scheme):
    page.set_viewport_size({"width": 390, "height": 800})
    _open(page, tmp_path / "page.html", html, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    contrast = page.evaluate(
        """() => {
          const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const paper = light(getComputedStyle(document.body).backgroundColor);
          const of = (selector) => { const ink = light(getComputedStyle(document.querySelector(selector)).color);
            return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05); };
          return ["h1", ".headlines li", "section p", "th button", "td button", "footer"].map(of); }"""
    )
    assert min(contrast) >= 4.5


def test_paper_is_light_and_has_copies_of_the_charts(page, html, tmp_path):
    _open(page, tmp_path / "page.html", html, scheme="dark")
    paper = "getComputedStyle(document.documentElement).getPropertyValue('--paper').trim()"
    assert page.evaluate(paper) == "#14171a"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(paper) == "#ffffff"
    copies = page.locator(".chart > canvas")
    assert copies.count() == page.locator(".chart").count() == 2
    assert copies.evaluate_all("all => all.every((one) => one.width >= 600)")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(paper) == "#14171a" and copies.count() == 0 and page.problems == []


NAMES = [
    "<script>window.hit=1</script>",
    "</script><script>window.hit=1</script>",
    '"><img src=x onerror=window.hit=1>',
]
NAMES += ["<svg onload=window.hit=1>", "javascript:window.hit=1", "{{7*7}}", "$$x$$", "<!-- <script>", "a`b|c"]


def test_names_run_nothing_wherever_they_stand(page, tmp_path):
    bad = " ".join(NAMES)
    space = nk.SearchSpace(NAMES[0], [nk.Decision(NAMES[2], tuple(NAMES)), nk.Decision(NAMES[3], tuple(NAMES))])
    run = make_run(60, space=space, recipe={"data": {"name": bad}, bad: bad}, title=NAMES[1])
    run.config["source"] = {"class_names": NAMES, bad: bad}
    run.config["environment"] = {bad: bad}
    failed = dataclasses.replace(run.batches[0][0], evaluation=nk.Evaluation.failure(bad))
    run.batches[0][0] = failed
    text = make_html(run, dataclasses.replace(run, title=NAMES[4]), commands=[f"python launch/report.py {bad}"])
    _open(page, tmp_path / "page.html", text)
    for i in range(5):
        page.locator("#trials tbody button").nth(i).click()
    page.hover("#chart-progress")
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None
    assert page.locator("img, svg[onload], iframe").count() == 0
    assert page.inner_text("h1").startswith(f"The {NAMES[0]} space on ") and NAMES[1] in page.inner_text(".headlines")
    # What the browser is told to refuse, should a name slip through all the same.
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.hit=1>')")
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None


def test_it_asks_no_server_for_anything(page, html, tmp_path):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    _open(page, tmp_path / "page.html", html)
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []


@pytest.mark.parametrize(("count", "most"), [(64, 2e6), (2_000, 3e6), (10_000, 5e6)])
def test_many_trials_open_and_sort_fast(page, tmp_path, count, most):
    text = make_html(make_run(count))
    assert len(text.encode()) < most
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})  # seconds of the processor: others may use it too
    _open(page, tmp_path / "page.html", text)
    opened = {one["name"]: one["value"] for one in client.send("Performance.getMetrics")["metrics"]}["TaskDuration"]
    quickest = page.evaluate(
        """() => Math.min(...[1, 2, 3].map(() => { const began = performance.now();
          document.querySelector('#trials th:nth-child(3) button').click(); document.body.offsetHeight;
          return performance.now() - began; }))"""
    )
    size = len(text.encode()) / 1e6
    print(f"{count:,} trials: {size:.2f} MB, opened in {opened:.2f} s of the processor, sorted in {quickest:.0f} ms")  # noqa: T201  (the figures of docs/figures.md)
    assert opened < 2 and quickest < 200
