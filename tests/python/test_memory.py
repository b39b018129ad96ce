# SPDX-License-Identifier: Apache-2.0
"""A long log needs little memory: 20 bytes a line, and what its files and clients take."""

import subprocess
import sys

import pytest

MB = 10**6


def write_log(path, lines):
    """A log of `lines` requests with 2,000 in a second, 50,000 paths and 100,000 clients."""
    with open(path, "w") as file:
        for line in range(lines):
            which, client, second = line * 7919 % 50_000, line * 104_729 % 100_000, line // 2000
            file.write(
                f"10.{client >> 16}.{client >> 8 & 255}.{client & 255} - - [17/May/2015:"
                f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} +0000] "
                f'"GET /files/{which % 97}/{which}.html HTTP/1.1" 200 '
                f'{1000 + which % 13 * 317} "-" "t"\n'
            )


# A process inherits the peak of whoever started it: a small one stands in between.
_BETWEEN = """
import os, subprocess, sys
with open(sys.argv[1], "w") as output:
    process = subprocess.Popen([sys.executable, "-m", "iodrome", *sys.argv[2:]], stdout=output)
    _, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(status)
"""


def peak_bytes(folder, log):
    """The largest resident set of a race of this log."""
    words = [folder / "result.json", "run", log, "--design", "sync", "-q", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", _BETWEEN, *map(str, words)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "long.log"
    yield path
    path.unlink(missing_ok=True)  # a gigabyte is not kept for whoever looks later


def test_a_line_more_of_a_log_takes_20_bytes_of_memory(tmp_path, log):
    write_log(log, 200_000)  # every file and client is there
    base = peak_bytes(tmp_path, log)
    write_log(log, 600_000)
    assert (peak_bytes(tmp_path, log) - base) / 400_000 < 28
    assert base < 88 * MB


@pytest.mark.slow
def test_ten_million_lines_race_in_300_mb(tmp_path, log):
    write_log(log, 10_000_000)
    assert peak_bytes(tmp_path, log) < 300 * MB
