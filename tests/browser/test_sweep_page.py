# SPDX-License-Identifier: Apache-2.0
"""The page of a sweep in a real browser, from a file, offline."""

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import iodrome


def drawn(browser, path: Path, variant: str) -> None:
    browser.get(path.as_uri())
    selector = f"#chart-sweep[data-drawn='{variant}'] svg"
    WebDriverWait(browser, 20).until(lambda b: b.find_elements(By.CSS_SELECTOR, selector))


def count(browser, selector: str) -> int:
    return len(browser.find_elements(By.CSS_SELECTOR, selector))


@pytest.mark.parametrize(
    ("varied", "panels"),
    [
        ({"cpu.count": "1..4"}, 1),
        ({"cpu.count": "1..4:x2", "costs.context_switch": "1us,2us,4us"}, 3),
        ({"cpu.count": "1,2", "costs.context_switch": "1us,2us", "costs.softirq": "1us,2us"}, 4),
        ({"machine": "server_2007,server_2026"}, 1),
    ],
)
def test_every_panel_has_a_line_per_design(browser, tmp_path, requested, varied, panels):
    chain = iodrome.chain().open("/a", size="16 KiB").sendfile().close().issued(2, 10)
    made = iodrome.sweep(
        chain, varied, designs=["sync", "task_chain"], reps=2, store=tmp_path / "store"
    )
    made.report(tmp_path / "sweep.html")
    drawn(browser, tmp_path / "sweep.html", "p99")
    assert count(browser, "#chart-sweep .mark-line path") == 2 * panels
    buttons = browser.find_elements(By.CSS_SELECTOR, ".tabs button")
    for button in buttons:
        button.click()
        name = button.get_attribute("data-variant")
        selector = f"#chart-sweep[data-drawn='{name}'] .mark-line path"
        WebDriverWait(browser, 20).until(lambda b, s=selector: count(b, s) == 2 * panels)
    assert count(browser, "#summary tbody tr") == 2 * len({point.varied for point in made.points})
    assert browser.get_log("browser") == []
    assert requested() == []
