# SPDX-License-Identifier: Apache-2.0
"""How the tests start the command: on the real simulator, or on a scripted one that only serves
the plumbing between the terminal and the extension."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXTURE = Path(__file__).parent / "data" / "race_fixture.json"

_SCRIPTED_CORE = """
import json, os, sys, time

class InputError(ValueError): pass
class ModelError(RuntimeError): pass
class Stopped(RuntimeError): pass

def set_data_dir(path): pass
def version(): return "9.9.9"
def catalogue(machine): return '{"designs": []}'

def run(request_text, progress, stop, workload):
    request = json.loads(request_text)
    print(request_text, file=open(os.environ["REQUEST_FILE"], "w"))
    if request["input"] == "bad.log":
        raise InputError("bad.log:7:3: error: no status\\n  10.0.0.1 -\\n  ^")
    if request["input"] == "broken.log":
        raise ModelError("the sum is off\\nby one")
    while request["input"] == "endless.log":
        progress({"design": "sync", "design_index": 0, "design_count": 1, "requests_done": 1,
                  "requests_total": 2, "simulated_ns": 10})
        print("running", flush=True)
        time.sleep(0.05)
    return open(os.environ["FIXTURE"]).read(), []
"""


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also build and install the wheel")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="needs --slow"))


def pytest_configure(config):
    # Started in the background by a shell, the tests would inherit an ignored SIGINT and wait for
    # ever where they interrupt a run.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "slow: minutes long; only with --slow")


@dataclass
class Command:
    """Starts `iodrome` in a folder of its own."""

    folder: Path
    environment: dict

    def __call__(self, *words, **options):
        return subprocess.run(
            [sys.executable, "-m", "iodrome", *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            **options,
        )

    def start(self, *words):
        return subprocess.Popen(
            [sys.executable, "-m", "iodrome", *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def iodrome(tmp_path) -> Command:
    """The command on the real simulator."""
    return Command(tmp_path, dict(os.environ))


@pytest.fixture(scope="session")
def scripted_package(tmp_path_factory) -> Path:
    """The package with a scripted `_core` in the place of the extension."""
    top = tmp_path_factory.mktemp("scripted")
    package = top / "iodrome"
    package.mkdir()
    for entry in (ROOT / "bindings" / "iodrome").iterdir():
        (package / entry.name).symlink_to(entry)
    (package / "reports").symlink_to(ROOT / "reports")
    (package / "_core.py").write_text(_SCRIPTED_CORE)
    return top


@pytest.fixture
def scripted(tmp_path, scripted_package) -> Command:
    """The command on the scripted simulator; it leaves what it was asked in `request.json`."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = str(scripted_package)
    environment["FIXTURE"] = str(FIXTURE)
    environment["REQUEST_FILE"] = str(tmp_path / "request.json")
    return Command(tmp_path, environment)


def web_log(lines: int) -> str:
    """A small access log in the combined format."""
    return "".join(
        f"10.0.0.{line % 7} - - [17/May/2015:10:05:{line // 20 % 60:02} +0000] "
        f'"GET /files/{line % 13}.html HTTP/1.1" 200 {1000 + line % 13 * 317} "-" "test"\n'
        for line in range(lines)
    )


@pytest.fixture
def log(tmp_path) -> Path:
    path = tmp_path / "small.log"
    path.write_text(web_log(200))
    return path
