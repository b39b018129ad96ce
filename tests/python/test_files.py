# SPDX-License-Identifier: Apache-2.0
"""Files are whole or as they were, also when the disk is full."""

import json
import os
import resource
import stat
import subprocess
import sys

import pytest

from iodrome.files import write_atomically
from tests.python.conftest import ROOT

CHAIN = ROOT / "scenarios" / "chain.toml"
LIMIT = 2048  # bytes a file may have: the disk is full behind


def limited(command, *words):
    """The command where every file ends after LIMIT bytes."""
    return subprocess.run(
        [sys.executable, "-m", "iodrome", *map(str, words)],
        cwd=command.folder, env=command.environment, capture_output=True, text=True, timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("target", "words", "code"),
    [
        ("r.json", ["run", CHAIN, "--output"], 1),
        ("r.html", ["run", CHAIN, "--report"], 1),
        ("x.pftrace", ["run", CHAIN, "--design", "sync", "--timeline"], 2),
        ("x.ftrace", ["run", CHAIN, "--design", "sync", "--timeline"], 2),
        ("x.vcd", ["run", CHAIN, "--design", "sync", "--timeline"], 2),
        ("s.html", ["sweep", CHAIN, "--vary", "cpu.count=1", "--report"], 1),
    ],
)
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(iodrome, target, words, code):
    (iodrome.folder / target).write_text("old")
    done = limited(iodrome, *words, target)
    assert done.returncode == code, done.stderr
    assert "File too large" in done.stderr and "Traceback" not in done.stderr
    assert (iodrome.folder / target).read_text() == "old"
    left = [path.name for path in iodrome.folder.rglob("*") if path.is_file()]
    assert left == [target]


def test_the_message_names_the_file_that_could_not_be_written(iodrome):
    done = limited(iodrome, "run", CHAIN, "--output", "r.json")
    assert done.stderr.splitlines()[-1] == "iodrome: 'r.json': File too large"


def test_a_full_standard_output_is_told_in_one_line(iodrome):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "iodrome", "run", CHAIN, "-q", "--json"],
            cwd=iodrome.folder, env=iodrome.environment, stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=300,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "iodrome: No space left on device\n")


def test_a_link_is_followed_and_a_pipe_is_written_to(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(tmp_path / "pipe", "through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_what_another_process_writes_beside_the_same_timeline_is_left_alone(iodrome):
    other = iodrome.folder / ".x.part1.ftrace"
    other.write_text("another's")
    done = iodrome("run", CHAIN, "--design", "sync", "--timeline", "x.ftrace")
    assert done.returncode == 0, done.stderr
    assert other.read_text() == "another's"
    assert sorted(path.name for path in iodrome.folder.iterdir()) == [other.name, "x.ftrace"]


def test_a_sweep_that_could_not_keep_a_point_keeps_none_of_it(iodrome):
    done = limited(iodrome, "sweep", CHAIN, "--vary", "cpu.count=1,2", "--store", "kept")
    assert done.returncode == 1 and "File too large" in done.stderr, done.stderr
    assert list((iodrome.folder / "kept").iterdir()) == []
    assert iodrome("sweep", CHAIN, "--vary", "cpu.count=1,2", "--store", "kept").returncode == 0
    assert all(json.loads(path.read_text()) for path in (iodrome.folder / "kept").iterdir())
