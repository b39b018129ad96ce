# SPDX-License-Identifier: Apache-2.0
"""The plumbing of the command, on a scripted simulator."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.python.conftest import FIXTURE


def request_of(command) -> dict:
    return json.loads((command.folder / "request.json").read_text())


def test_what_the_user_did_not_give_reaches_the_simulator_as_null(scripted):
    assert scripted("run", "a.log").returncode == 0
    assert request_of(scripted) == {
        "input": "a.log",
        "text": None,
        "kind": None,
        "designs": None,
        "machine": None,
        "seed": None,
        "set": [],
        "skip_bad": None,
        "driver": "hosted",
        "tlm": False,
        "timeline": None,
        "keep_requests": False,
    }


def test_every_option_reaches_the_simulator(scripted):
    done = scripted(
        *("run", "a.log", "--kind", "access_log", "--design", "sync, io_uring"),
        *("--machine", "server_2007", "--seed", "7", "--set", "cpu.count=2"),
        *("--set", "nic.name=a=b", "--skip-bad", "3", "--driver", "free", "--tlm", "-q"),
        *("--timeline", "t.ftrace"),
    )
    assert done.returncode == 0, done.stderr
    assert request_of(scripted) == {
        "input": "a.log",
        "text": None,
        "kind": "access_log",
        "designs": ["sync", "io_uring"],
        "machine": "server_2007",
        "seed": 7,
        "set": [["cpu.count", "2"], ["nic.name", "a=b"]],
        "skip_bad": 3,
        "driver": "free",
        "tlm": True,
        "timeline": "t.ftrace",
        "keep_requests": False,
    }


def test_json_leaves_exactly_one_object_on_the_standard_output(scripted):
    done = scripted("run", "a.log", "--json")
    assert json.loads(done.stdout) == json.loads(FIXTURE.read_text())
    assert done.stdout.startswith("{") and done.stdout.endswith("}\n")


def test_the_table_names_every_design_and_the_winner(scripted):
    done = scripted("run", "a.log")
    for word in ("sync", "linux_aio", "io_uring", "task_chain", "p99", "−59 %"):
        assert word in done.stdout
    assert "task_chain has the lowest p99 latency: 292 µs, 2.46× lower than sync" in done.stdout
    assert all(line == line.rstrip() for line in done.stdout.splitlines())


def test_files_are_written_whole_and_nothing_else_is_left(scripted):
    done = scripted("run", "a.log", "--output", "r.json", "--report", "r.html")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in scripted.folder.iterdir()) == [
        "r.html",
        "r.json",
        "request.json",
    ]
    assert json.loads((scripted.folder / "r.json").read_text())["runs"]
    assert (scripted.folder / "r.json").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_input_error_is_printed_as_it_is_with_exit_2(scripted):
    done = scripted("run", "bad.log", "--json", "--output", "r.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "bad.log:7:3: error: no status\n  10.0.0.1 -\n  ^\n"
    assert not (scripted.folder / "r.json").exists()


def test_a_fault_of_the_simulator_is_one_line_with_exit_1(scripted):
    done = scripted("run", "broken.log", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("iodrome: internal error: the sum is off by one")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["rnu", "a.log"], "Did you mean 'run'?"),
        (["run", "a.log", "--desing", "sync"], "Did you mean '--design'?"),
        (["run", "a.log", "--desing=sync"], "Did you mean '--design'?"),
        (["run", "a.log", "--driver", "hostd"], "Did you mean 'hosted'?"),
        (["run", "a.log", "--report", "r.htm"], "Did you mean '.html'"),
        (["list", "desings"], "Did you mean 'designs'?"),
        (["explain", "desing", "sync"], "Did you mean 'design'?"),
        (["schema", "scenarios"], "Did you mean 'scenario'?"),
        (["completion", "bsh"], "Did you mean 'bash' or 'zsh'?"),
        (["completions"], "Did you mean 'completion'?"),
        (["run"], "INPUT"),
        (["run", "a.log", "--set", "seed"], "'seed' is not KEY=VALUE"),
        (["run", "a.log", "--design", "sync,,io_uring"], "single commas"),
        (["run", "a.log", "--design", "sync,io_uring,sync"], "'sync' twice"),
        (["run", "a.log", "--seed", "-1"], "--seed"),
        (["run", "a.log", "--skip-bad", "some"], "--skip-bad"),
        (["run", "a.log", "--driver", "other"], "hosted"),
        (["run", "a.log", "--report", "r.pdf"], "there is .csv, .fio.json"),
        (["run", "a.log", "--report", "nowhere/r.html"], "no directory 'nowhere'"),
        (["run", "a.log", "--output", "."], "is a directory"),
        (["run", b"\xff.log"], "UTF-8"),
        (["report", "missing.json"], "No such file"),
    ],
)
def test_bad_usage_is_refused_before_the_race(scripted, words, hint):
    done = scripted(*(os.fsdecode(word) for word in words))
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
    assert not (scripted.folder / "request.json").exists()


def test_an_interrupt_ends_the_race_cleanly(scripted):
    race = scripted.start("run", "endless.log", "--output", "r.json")
    assert race.stdout.readline() == "running\n"
    race.send_signal(signal.SIGINT)
    _, messages = race.communicate(timeout=20)
    assert race.returncode == 130
    assert messages.strip() == "iodrome: interrupted"
    assert not (scripted.folder / "r.json").exists()


def test_a_reader_that_stops_early_sees_no_traceback(scripted):
    race = scripted.start("run", "a.log", "--json")
    race.stdout.close()
    messages = race.stderr.read()
    race.wait(timeout=20)
    assert "Traceback" not in messages and "Exception" not in messages


def test_help_imports_nothing_heavy(scripted):
    """What makes `--help` answer at once; the time itself is a benchmark's business."""
    code = (
        "import sys; from iodrome.cli import group; "
        "group(['--help'], standalone_mode=False); "
        "print(sorted({'numpy', 'pandas', 'rich', 'jinja2', 'iodrome._core'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=scripted.environment, capture_output=True, text=True
    )
    assert "Usage" in done.stdout and done.stdout.endswith("[]\n"), done.stderr


def test_the_version_is_the_simulator_s(scripted):
    assert scripted("--version").stdout == "iodrome 9.9.9\n"
