# SPDX-License-Identifier: Apache-2.0
"""Sleeping where one must not is a compiler's error, and the same code in a thread is none."""

import os
import subprocess

import pytest

from tests.tidy.sources import ROOT

_CODE = """
#include "model/kernel/sync/mutex.h"
#include "model/kernel/time/sleep.h"
#include "model/kernel/sync/wait_queue.h"
using namespace iodrome::kernel;
iodrome::Task<void> code({context}& ctx, WaitQueue& queue, Mutex& mutex) {{
  {call};
}}
"""

_SLEEPS = [
    'co_await queue.wait(ctx, "x", iodrome::events::Stage::queue)',
    'co_await queue.wait_for(ctx, "x", iodrome::events::Stage::queue, {})',
    "co_await mutex.lock(ctx)",
    'co_await schedule_timeout(ctx, 1, "x", iodrome::events::Stage::queue)',
]


def _compile(code: str) -> subprocess.CompletedProcess[str]:
    compiler = os.environ.get("CXX", "c++")
    options = ["-std=c++20", "-fsyntax-only", f"-I{ROOT}", "-x", "c++", "-"]
    return subprocess.run(
        [compiler, *options], input=code, capture_output=True, text=True, check=False
    )


def test_a_thread_may_sleep_and_anybody_may_wake():
    everything = ";\n  ".join([*_SLEEPS, "co_await queue.wake_one(ctx)"])
    compiled = _compile(_CODE.format(context="Sleepable", call=everything))
    assert compiled.returncode == 0, compiled.stderr
    compiled = _compile(_CODE.format(context="Atomic", call="co_await queue.wake_one(ctx)"))
    assert compiled.returncode == 0, compiled.stderr


@pytest.mark.parametrize("call", _SLEEPS)
def test_sleeping_from_an_atomic_context_fails_to_compile(call):
    compiled = _compile(_CODE.format(context="Atomic", call=call))
    assert compiled.returncode != 0
    errors = [line for line in compiled.stderr.splitlines() if "error:" in line]
    assert len(errors) == 1, compiled.stderr
    assert "Atomic" in errors[0]
    assert "Sleepable" in errors[0]
