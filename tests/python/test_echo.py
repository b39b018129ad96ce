# SPDX-License-Identifier: Apache-2.0
"""The golden answer of scenarios/echo.toml: whoever waits in a thread of its own pays for switches;
rings and chains do the same exchanges with almost none, and task_chain enters the kernel least."""

import pytest

import iodrome as io
from tests.python.conftest import ROOT

SCENARIO = ROOT / "scenarios" / "echo.toml"
EXCHANGES, BYTES = 64 * 50, 4096


@pytest.fixture(scope="module")
def runs():
    return {run["design"]: run for run in io.run(SCENARIO).runs}


def test_every_exchange_has_two_ends_and_no_error(runs):
    assert list(runs) == ["sync", "io_uring", "task_chain"]
    for run in runs.values():
        assert run["errors"] == 0
        assert run["requests"] == 2 * EXCHANGES


def test_every_design_moves_the_same_bytes_by_the_same_copies(runs):
    # There and back, each into the kernel and out of it.
    for run in runs.values():
        assert run["counters"]["bytes_copied_cpu"] == EXCHANGES * 2 * 2 * BYTES


def test_threads_that_wait_cost_switches_and_calls(runs):
    switches = {name: run["counters"]["context_switches"] for name, run in runs.items()}
    assert switches["sync"] > 100 * max(switches["io_uring"], switches["task_chain"])
    calls = {name: run["counters"]["syscalls"] for name, run in runs.items()}
    assert calls["task_chain"] < calls["io_uring"] < calls["sync"]
    busy = {
        name: sum(ns for what, ns in run["cpu_ns"].items() if what != "idle")
        for name, run in runs.items()
    }
    assert busy["task_chain"] < busy["io_uring"] < busy["sync"]
