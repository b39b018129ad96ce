# SPDX-License-Identifier: Apache-2.0
"""Applications written in Python."""

import errno
import os
import random
import signal
import threading

import pytest

import iodrome as io

DESIGNS = ["sync", "linux_aio", "kevent", "epoll_threads", "posix_aio", "syslets",
           "io_uring", "task_chain"]
FILES = {"/data": "1 MiB", "/small": 1000}


def collect(body, clients=1, **options):
    """Runs a program under every design; returns what each client of each design noted down."""
    results = []
    for design in DESIGNS:
        lines = []

        def one(client, lines=lines):
            yield from body(client, lines)

        result = io.run(
            io.workload(one, files=FILES, clients=clients), [design], seed=5, **options
        )
        results.append((design, lines, result.runs[0]))
    return results


def test_every_operation_yields_what_its_call_returns_under_every_design():
    def body(client, lines):
        fd = yield io.open("/data")
        lines.append((yield io.stat(fd)))
        lines.append((yield io.read(fd, 4096, 8192)))
        lines.append((yield io.read(fd, "8 KiB", "1020 KiB")))  # only 4 KiB are left
        lines.append((yield io.read(fd, 4096, "1 MiB")))
        lines.append((yield io.read(fd, 4096, 4096, direct=True)))
        lines.append((yield io.send(fd, "64 KiB", 512)))
        lines.append((yield io.close(fd)))

    for design, lines, run in collect(body):
        assert lines == [1 << 20, 4096, 4096, 0, 4096, 65536, 0], design
        assert run["requests"] == 8 and run["errors"] == 0
        assert run["client_bytes"] == 65536 and run["client_bytes_wrong"] == 0


def test_errors_are_raised_where_they_happened():
    def body(client, lines):
        for wrong in (io.open("/none"), io.read(77, 4096), io.close(77), io.stat(77)):
            try:
                yield wrong
            except OSError as error:
                lines.append(error.errno)
        fd = yield io.open("/data")
        yield io.close(fd)
        with pytest.raises(OSError, match="EBADF"):
            yield io.read(fd, 4096)
        with pytest.raises(OSError, match="EINVAL"):
            yield io.read((yield io.open("/data")), 100, direct=True)
        lines.append("went on")

    for design, lines, run in collect(body):
        bad = errno.EBADF
        assert lines == [errno.ENOENT, bad, bad, bad, "went on"], design
        assert run["errors_by_errno"] == {"ENOENT": 1, "EBADF": 4, "EINVAL": 1}


def test_a_chain_is_one_request_with_a_result_for_every_step():
    def body(client, lines):
        whole = io.chain().open("/data").read(4096).sendfile("128 KiB").close()
        lines.append((yield whole)[1:])
        kept = yield io.chain().open("/small").stat()
        lines.append(kept[1])
        lines.append((yield io.read(kept[0], 4096)))
        yield io.close(kept[0])
        lines.append((yield io.chain().open("/none").stat().close()))

    failed = [-errno.ENOENT, -errno.ECANCELED, -errno.ECANCELED]
    for design, lines, run in collect(body):
        assert lines == [[4096, 131072, 0], 1000, 1000, failed], design
        assert run["requests"] == 5


def test_many_clients_open_read_and_close_on_their_own():
    def body(client, lines):
        draw = random.Random(client.seed * 1000 + client.index)
        fd = yield io.open("/data")
        for _ in range(20):
            if (yield io.read(fd, 4096, draw.randrange(256) * 4096, direct=True)) != 4096:
                lines.append("short")
        yield io.close(fd)
        lines.append(client.index)

    for design, lines, run in collect(body, clients=17):
        assert sorted(lines) == list(range(17)), design
        assert run["requests"] == 17 * 22


def test_a_pause_takes_its_time_and_is_no_request():
    def body(client, lines):
        before = client.now_ps
        yield io.sleep("1.5 ms")
        lines.append(client.now_ps - before)
        yield io.open("/small")

    for design, lines, run in collect(body, clients=3):
        assert lines == [1_500_000_000] * 3, design
        assert run["requests"] == 3


def test_a_program_that_asks_for_nothing_ends():
    def body(client, lines):
        lines.append(client.index)
        return
        yield

    for _, lines, run in collect(body, clients=2):
        assert lines == [0, 1] and run["requests"] == 0


def test_the_same_program_gives_the_same_answer_under_both_drivers():
    def app(client):
        draw = random.Random(client.seed + client.index)
        fd = yield io.open("/data")
        for _ in range(30):
            yield io.sleep(f"{draw.randrange(1, 50)} us")
            yield io.read(fd, 4096, draw.randrange(256) * 4096)

    workload = io.workload(app, files=FILES, clients=5)
    runs = [io.run(workload, seed=9, driver=driver) for driver in ("hosted", "free", "hosted")]
    for other in runs[1:]:
        assert other["runs"] == runs[0]["runs"]


def test_unchecked_payload_takes_the_same_simulated_time():
    def app(client):
        fd = yield io.open("/data")
        yield io.read(fd, "64 KiB")
        yield io.send(fd, "256 KiB")

    checked, unchecked = (
        io.run(io.workload(app, files=FILES, check_bytes=check), DESIGNS) for check in (True, False)
    )
    assert checked["runs"] == unchecked["runs"]


@pytest.mark.parametrize(
    ("yielded", "error", "message"),
    [
        (None, TypeError, "yield an operation"),
        ("read", TypeError, "got 'read'"),
        ((), TypeError, "yield an operation"),
        ((3,), TypeError, "yield an operation"),
        ((99, 1), TypeError, "yield an operation"),
        ((3, 0, 4096, -1, False), ValueError, "offset is negative"),
        ((3, 0, 4096.0, 0, False), TypeError, "number of bytes is an integer"),
        ((3, "x", 4096, 0, False), TypeError, "descriptor is an integer"),
        ((3, None, 4096, 0, False), ValueError, "before it opened"),
        ((-2,), ValueError, "no steps"),
        ((-2, (1, "/data"), (1, "/small")), ValueError, "opens one file"),
        ((-2, (-1, 5)), TypeError, "operations only"),
        ((1, 5), TypeError, "a path is a str"),
        ((10**30, 1), TypeError, "yield an operation"),
    ],
)
def test_what_is_no_operation_is_refused_with_the_program_s_own_traceback(yielded, error, message):
    def app(client):
        yield yielded

    with pytest.raises(error, match=message):
        io.run(io.workload(app, files=FILES), ["sync"])
    assert io.run(io.chain().nop(), ["sync"]).runs[0]["requests"] == 1  # nothing is left behind


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: io.workload(lambda client: 5), TypeError, "no generator"),
        (lambda: io.workload(lambda client: 1 / 0), ZeroDivisionError, "division"),
        (lambda: io.workload(5), TypeError, "generator function"),
        (lambda: io.workload(print, clients=0), ValueError, "from 1 to 65535"),
        (lambda: io.workload(print, files={"/a": 1.5}), TypeError, "integer, or a string"),
        (lambda: io.workload(print, files={"/a": "5 parsecs"}), ValueError, "/a"),
        (lambda: io.workload(print, files={"/a": -1}), ValueError, "negative"),
        (lambda: io.workload(print, files={"/a": "9 PB"}), ValueError, "/a|do not fit"),
    ],
)
def test_a_wrong_workload_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        io.run(make(), ["sync"])


@pytest.mark.parametrize("bad", [0.001, 5, "5", "5 parsecs", "0.3 ps"])
def test_a_pause_without_a_unit_is_refused(bad):
    with pytest.raises((TypeError, ValueError), match=r"unit|picosecond"):
        io.sleep(bad)


def test_an_exception_of_the_program_ends_the_run_and_is_its_own():
    def app(client):
        yield io.open("/data")
        raise KeyError("mine")

    for driver in ("hosted", "free"):
        with pytest.raises(KeyError, match="mine"):
            io.run(io.workload(app, files=FILES, clients=3), DESIGNS, driver=driver)


def test_an_interrupt_ends_an_endless_program():
    def app(client):
        fd = yield io.open("/data")
        while True:
            yield io.read(fd, 4096, direct=True)

    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        io.run(io.workload(app, files=FILES), ["io_uring"], keep_requests=False)


def test_a_request_has_the_same_number_under_every_design_and_every_cost():
    def app(client):
        fd = yield io.open("/data")
        for turn in range(10):
            yield io.read(fd, 4096 * (1 + client.index), turn * 8192)

    workload = io.workload(app, files=FILES, clients=3)
    named = []
    for design, cost in (("sync", "1us"), ("io_uring", "1us"), ("io_uring", "30us")):
        rows = io.run(workload, design, set={"costs.syscall_entry": cost}).runs[0].requests
        named.append(dict(zip(rows.request.tolist(), rows.bytes.tolist(), strict=True)))
    assert named[0] == named[1] == named[2]
    assert sorted(named[0]) == list(range(33))


def test_two_programs_of_one_name_are_not_paired():
    def make(size):
        if size == 4096:
            def app(client):
                yield io.open("/data")
        else:
            def app(client):
                fd = yield io.open("/data")
                yield io.read(fd, 4096)
        return io.workload(app, files=FILES, clients=2)

    old, new = io.run(make(4096), "sync"), io.run(make(1), "sync")
    assert old["workload"]["source"] != new["workload"]["source"]
    assert not io.compare(old, new).pairs[0].paired


def test_a_run_inside_a_run_is_refused_and_does_not_wait_for_itself():
    def app(client):
        yield io.open("/data")
        io.run(io.chain().nop(), "sync")

    with pytest.raises(io.ModelError, match="inside another one"):
        io.run(io.workload(app, files=FILES), "sync")
    assert io.run(io.chain().nop(), "sync").runs[0]["requests"] == 1


def test_a_float_is_refused_even_after_its_equal_integer():
    def app(client):
        yield io.chain().open("/data").read(4096).close()
        yield io.chain().open("/data").read(4096.0).close()

    with pytest.raises(TypeError, match="no unit"):
        io.run(io.workload(app, files=FILES), "sync")
