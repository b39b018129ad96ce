# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser, from a file, offline."""

import base64
import json
import re
import runpy
import struct
import time
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from iodrome.result import Result
from tests.python.conftest import FIXTURE, ROOT

CHARTS = ("latency", "stages", "cpu")


@pytest.fixture
def page(tmp_path) -> Path:
    path = tmp_path / "report.html"
    Result.load(FIXTURE).report(path, command="iodrome run web.log.gz --seed 1")
    return path


def opened(browser, path: Path) -> None:
    browser.get(path.as_uri())
    for name in CHARTS:
        wait_drawn(browser, name)


def wait_drawn(browser, name: str, variant: str = "") -> None:
    selector = f"#chart-{name}[data-drawn{'=' + json.dumps(variant) if variant else ''}] svg"
    WebDriverWait(browser, 20).until(lambda b: b.find_elements(By.CSS_SELECTOR, selector))


def count(browser, selector: str) -> int:
    return len(browser.find_elements(By.CSS_SELECTOR, selector))


def colour(browser, selector: str, what: str) -> str:
    script = (
        "return getComputedStyle(document.querySelector(arguments[0]), arguments[2])[arguments[1]]"
    )
    pseudo = "::before" if what == "backgroundColor" else None
    return browser.execute_script(script, selector, what, pseudo)


def check_plots(browser, designs: int) -> None:
    assert count(browser, "#chart-latency .mark-line path") == designs
    for path in browser.find_elements(By.CSS_SELECTOR, "#chart-latency .mark-line path"):
        assert path.get_attribute("d").count("C") > 10 or path.get_attribute("d").count("L") > 10
    for name in ("stages", "cpu"):
        assert count(browser, f"#chart-{name} .mark-rect path") >= 2 * designs


def test_the_page_draws_its_plots_offline_without_a_word_on_the_console(browser, page, requested):
    opened(browser, page)
    check_plots(browser, 4)
    assert browser.get_log("browser") == []
    assert requested() == []


def test_canary_a_page_that_asks_for_more_is_found(browser, tmp_path, requested):
    (tmp_path / "greedy.html").write_text("<img src='picture.png'>")
    browser.get((tmp_path / "greedy.html").as_uri())
    assert [address.rsplit("/", 1)[1] for address in requested()] == ["picture.png"]
    assert browser.get_log("browser") != []


def test_the_page_is_small(page):
    assert page.stat().st_size <= 1_500_000


def test_the_page_may_ask_nothing_of_the_network(browser, page):
    opened(browser, page)
    asked = browser.execute_async_script(
        "const done = arguments[0]; fetch('https://localhost/').then(() => done('sent'), done)"
    )
    assert asked != "sent"
    assert any(
        "Content Security Policy" in entry["message"] for entry in browser.get_log("browser")
    )


@pytest.mark.parametrize("preferred", ["light", "dark"])
def test_a_design_has_one_colour_everywhere(browser, page, scheme, preferred):
    scheme(preferred)
    opened(browser, page)
    lines = browser.find_elements(By.CSS_SELECTOR, "#chart-latency .mark-line path")
    drawn = {line.value_of_css_property("stroke") for line in lines}
    chips = {
        colour(browser, f"#legend button:nth-child({place})", "backgroundColor")
        for place in range(1, 5)
    }
    assert len(drawn) == 4
    assert drawn == chips


def test_a_design_keeps_its_colour_whatever_else_is_shown(browser, tmp_path):
    import iodrome

    chain = iodrome.chain().nop()
    seen = {}
    for number, designs in enumerate((["task_chain", "sync"], ["sync", "io_uring", "task_chain"])):
        iodrome.run(chain, designs).report(tmp_path / f"{number}.html")
        opened(browser, tmp_path / f"{number}.html")
        for place, name in enumerate(designs, 1):
            shown = colour(browser, f"#legend button:nth-child({place})", "backgroundColor")
            assert seen.setdefault(name, shown) == shown
    assert len(set(seen.values())) == 3


def test_on_paper_everything_is_unfolded_and_dark_on_white(browser, page, scheme):
    scheme("dark")
    opened(browser, page)
    folded = count(browser, "details:not([open])")
    assert folded > 0
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert count(browser, "details:not([open])") == 0
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert count(browser, "details:not([open])") == folded
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    ink = browser.execute_script("return getComputedStyle(document.body).color")
    assert brightness(paper) > 0.9 > 0.4 > brightness(ink)
    pdf = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    assert 2 <= base64.b64decode(pdf).count(b"/Type /Page\n") <= 20


def brightness(css: str) -> float:
    """Of `rgb(…)`; what is transparent shows the white of the paper."""
    parts = [float(part) for part in re.findall(r"[\d.]+", css)]
    return 1.0 if len(parts) == 4 and parts[3] == 0 else sum(parts[:3]) / 3 / 255


def test_light_and_dark_differ_in_the_plots_too(browser, page, scheme):
    opened(browser, page)
    scheme("light")
    light = colour(browser, "#chart-latency .role-axis-label text", "fill")
    scheme("dark")
    assert colour(browser, "#chart-latency .role-axis-label text", "fill") != light


def test_a_click_on_a_design_hides_its_curve_and_shows_it_again(browser, page):
    opened(browser, page)
    button = browser.find_element(By.CSS_SELECTOR, "#legend button")
    for shown in (3, 4):
        button.click()
        WebDriverWait(browser, 10).until(
            lambda b, n=shown: count(b, "#chart-latency .mark-line path") == n
        )


def test_every_view_of_every_chart_can_be_drawn(browser, page):
    opened(browser, page)
    for group in browser.find_elements(By.CSS_SELECTOR, ".tabs"):
        name = group.get_attribute("data-chart")
        for button in group.find_elements(By.TAG_NAME, "button"):
            browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
            button.click()
            wait_drawn(browser, name, button.get_attribute("data-variant"))
            assert count(browser, f"#chart-{name} .mark-rect path") >= 8
    assert browser.get_log("browser") == []


def test_a_click_on_a_heading_sorts_the_summary(browser, page):
    opened(browser, page)
    heading = browser.find_elements(By.CSS_SELECTOR, "#summary th button")[3]
    script = "return [...document.querySelectorAll('#summary tbody th')].map(e => e.innerText)"
    heading.click()
    assert browser.execute_script(script) == ["task_chain", "io_uring", "linux_aio", "sync"]
    heading.click()
    assert browser.execute_script(script) == ["sync", "linux_aio", "io_uring", "task_chain"]


def test_the_data_can_be_downloaded(browser, page, downloads):
    opened(browser, page)
    browser.execute_script("document.getElementById('download').click()")
    target = downloads / "result.json"
    for _ in range(100):
        if target.exists():
            break
        time.sleep(0.1)
    assert json.loads(target.read_text()) == json.loads(FIXTURE.read_text())


def test_the_page_fits_a_narrow_window(browser, page):
    browser.set_window_size(500, 900)
    opened(browser, page)
    width, window = browser.execute_script(
        "return [document.documentElement.scrollWidth, innerWidth]"
    )
    assert width <= window


def test_the_page_of_a_real_race_is_drawn(browser, requested, tmp_path):
    import iodrome
    from tests.python.conftest import web_log

    (tmp_path / "small.log").write_text(web_log(200))
    result = iodrome.run(tmp_path / "small.log")
    result.report(tmp_path / "real.html")
    opened(browser, tmp_path / "real.html")
    check_plots(browser, len(result.runs))
    assert browser.get_log("browser") == []
    assert requested() == []
    assert count(browser, "#not-modelled li") == len(result["not_modelled"]) > 0


def test_the_picture_of_the_page_is_light_and_ends_above_the_heading(browser, page, scheme):
    module = runpy.run_path(str(ROOT / "docs" / "gallery" / "page.py"))
    scheme("dark")
    whole = module["take"](browser, page, "Not modelled")
    picture = module["take"](browser, page)
    assert picture.startswith(b"\x89PNG")
    sizes = [struct.unpack(">II", each[16:24]) for each in (picture, whole)]
    (width, height), (_, taller) = sizes
    assert width == 1200 and 600 < height < taller
    assert colour(browser, ":root", "background-color") == "rgb(246, 247, 248)"
