# SPDX-License-Identifier: Apache-2.0
"""The golden answer of scenarios/notify_pipeline.toml: every file is taken once by every design;
with 32 clients a thread each is the quickest, since all of a pipeline's calls find what they need
at once, and rings hand opens with O_CREAT and removals to workers."""

import pytest

import iodrome as io
from tests.python.conftest import ROOT

SCENARIO = ROOT / "scenarios" / "notify_pipeline.toml"
FILES = 16 * 50


@pytest.fixture(scope="module")
def runs():
    return {run["design"]: run for run in io.run(SCENARIO).runs}


def test_every_file_is_dropped_and_taken_once(runs):
    assert list(runs) == ["sync", "io_uring", "task_chain"]
    for run in runs.values():
        # A file taken twice would be gone for the second one: ENOENT.
        assert run["errors"] == 0
        assert run["requests"] == 2 * FILES


def test_threads_that_wait_are_the_quickest_here_and_workers_cost_switches(runs):
    mean = {name: run["latency_ns"]["mean"] for name, run in runs.items()}
    assert mean["sync"] < mean["task_chain"] < mean["io_uring"]
    switches = {name: run["counters"]["context_switches"] for name, run in runs.items()}
    assert switches["sync"] < switches["task_chain"] < switches["io_uring"]
    calls = {name: run["counters"]["syscalls"] for name, run in runs.items()}
    assert calls["task_chain"] < calls["io_uring"] < calls["sync"]
