# SPDX-License-Identifier: Apache-2.0
"""Takes the picture of a race's page: the light scheme, 1200 px wide, down to a heading.

    PYTHONPATH=. python docs/gallery/page.py out/demo/report.html docs/report.png [HEADING]

Needs what the browser tests need: Chromium and selenium.
"""

import base64
import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

WIDTH = 1200
UNTIL = "Where the time goes"
_DRAWN = """
  const charts = [...document.querySelectorAll("[id^=chart-]")];
  return charts.length > 0 && charts.every((each) => each.dataset.drawn !== undefined);
"""
_CARD_ABOVE = """
  const heads = [...document.querySelectorAll("h2")];
  const card = heads.find((each) => each.textContent === arguments[0]).closest(".card");
  return card.previousElementSibling.getBoundingClientRect().bottom + scrollY;
"""


def take(browser: webdriver.Chrome, page: Path, until: str = UNTIL) -> bytes:
    """The page as PNG, from its top to the card above that heading."""
    light = {"name": "prefers-color-scheme", "value": "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [light]})
    size = {"width": WIDTH, "height": 1400, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.get(page.resolve().as_uri())
        WebDriverWait(browser, 20).until(lambda each: each.execute_script(_DRAWN))
        height = browser.execute_script(_CARD_ABOVE, until) + 14
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": round(height), "scale": 1}
        shot = {"clip": clip, "captureBeyondViewport": True}
        return base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", shot)["data"])
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def main(page: str, picture: str, until: str = UNTIL) -> None:
    """Writes the picture."""
    from tests.browser.conftest import start_chromium

    browser = start_chromium([])
    try:
        Path(picture).write_bytes(take(browser, Path(page), until))
    finally:
        browser.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
