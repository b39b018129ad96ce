# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium, headless, with nothing of its own to ask of the network."""

import json

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1240,1400",
)


@pytest.fixture
def browser(tmp_path):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    downloads = {"download.default_directory": str(tmp_path / "downloads")}
    options.add_experimental_option("prefs", downloads)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


@pytest.fixture
def scheme(browser):
    """Sets what the reader's system prefers: light or dark."""

    def prefer(value: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": value}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    return prefer


@pytest.fixture
def requested(browser):
    """The addresses that the page asked for, other than itself."""

    def addresses() -> list[str]:
        found = []
        for entry in browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked = message["params"]
                address = asked["request"]["url"]
                if asked["documentURL"] == browser.current_url != address:
                    found.append(address)
        return found

    return addresses
