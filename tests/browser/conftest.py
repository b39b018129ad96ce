# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium, headless, with nothing of its own to ask of the network."""

import json
import socket
from pathlib import Path

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
    "--remote-debugging-pipe",
)


class Driver(Service):
    """Chromedriver by address: a bare chroot has no /etc/hosts that knows `localhost`."""

    @property
    def service_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_connectable(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


@pytest.fixture(scope="session")
def downloads(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("downloads")


def start_chromium(flags, preferences=None):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*_FLAGS, *flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.add_experimental_option("prefs", preferences or {})
    return webdriver.Chrome(options=options, service=Driver("/usr/bin/chromedriver"))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory, downloads):
    profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
    driver = start_chromium([profile], {"download.default_directory": str(downloads)})
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium):
    """The browser as if it had just been started."""
    chromium.get("about:blank")
    chromium.set_window_size(1240, 1400)
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    for log in ("browser", "performance"):
        chromium.get_log(log)
    return chromium


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
