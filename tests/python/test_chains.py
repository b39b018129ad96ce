# SPDX-License-Identifier: Apache-2.0
"""Chains with operands, loops, graphs and steps on memory, from scenario files and from Python."""

import pytest

import iodrome as io
from tests.python.conftest import ROOT

SCENARIOS = ROOT / "scenarios"
ALL = ["sync", "io_uring", "kevent", "linux_aio", "task_chain"]


def text_of(name, **changes):
    """A scenario of the repository, shorter."""
    text = (SCENARIOS / name).read_text()
    for key, value in changes.items():
        lines = [line for line in text.splitlines() if line.startswith(f"{key} = ")]
        text = text.replace(lines[0], f"{key} = {value}")
    return text


@pytest.mark.parametrize(
    ("name", "changes"),
    [("metadata_walk.toml", {"copies": 20}), ("copy_tree.toml", {"repeat": 5}),
     ("raid5_write.toml", {"repeat": 2})],
)  # fmt: skip
def test_every_design_carries_out_the_chains_of_the_scenarios(tmp_path, name, changes):
    path = tmp_path / name
    path.write_text(text_of(name, **changes))
    result = io.run(path, ALL)
    assert {run["design"]: run["errors"] for run in result.runs} == dict.fromkeys(ALL, 0)


def test_a_walk_through_cold_files_blocks_who_submits_it_in_old_interfaces_alone():
    result = io.run(SCENARIOS / "metadata_walk.toml", ALL)
    blocked = {run["design"]: run["submit_blocked_ns"]["total"] for run in result.runs}
    assert blocked["task_chain"] == blocked["io_uring"] == 0
    assert all(blocked[old] > 100e6 for old in ("sync", "linux_aio", "kevent"))


@pytest.mark.parametrize("opening", ["stat between", "aio_sendfile_path"])
def test_the_submitter_never_blocks_whatever_the_disk_takes(opening):
    """A turn of the platter takes 600 ms, so most blocks take more than 100, and no name, inode or
    page is in memory."""
    cold = io.chain().open("/tree/{request}", size="16 KiB")
    cold = (cold.stat() if opening == "stat between" else cold).sendfile(file="open").close()
    slow = io.machine("server_2007").set("disk.rpm", 100).set("dentry_cache.entries", 4096)
    designs = ["task_chain", "linux_aio", "kevent"]
    result = io.run(cold.issued(clients=32, repeat=4), designs, machine=slow)
    chain, *old = result.runs
    assert chain["latency_ns"]["mean"] > 100e6
    assert chain["submit_blocked_ns"] == {"max": 0, "total": 0, "causes": {}}
    assert chain["submit_held_ns"]["max"] <= 50e3
    for run in old:
        blocked = run["submit_blocked_ns"]
        assert blocked["max"] > 100e6
        assert {"inode", "get_request"} & blocked["causes"].keys()
        assert sum(blocked["causes"].values()) == pytest.approx(blocked["total"])
    # Names and inodes hold kevent's caller, pages its threads.
    assert not {"sendfile", "page", "kaio socket"} & old[1]["submit_blocked_ns"]["causes"].keys()


def test_an_engine_takes_the_sums_of_a_chain_off_the_cpu(tmp_path):
    path = tmp_path / "raid5_write.toml"
    path.write_text(text_of("raid5_write.toml", repeat=4))
    busy = {}
    for who in ("engine", "cpu"):
        run = io.run(path, ["task_chain"], set={"providers.xor": who}).runs[0]
        assert run["errors"] == 0
        busy[who] = sum(ns for name, ns in run["cpu_ns"].items() if name != "idle")
    assert busy["engine"] < busy["cpu"] / 2


def test_a_file_of_unknown_length_is_sent_in_pieces_by_every_design():
    pieces = (
        io.chain()
        .open("/page", size=100_001)
        .sendfile("32 KiB", "$send.total", loop_to="send")
        .close()
    )
    designs = ["sync", "io_uring", "kevent", "task_chain"]
    result = io.run(pieces.issued(clients=3, repeat=4), designs)
    assert [run["errors"] for run in result.runs] == [0, 0, 0, 0]
    assert {run["client_bytes"] for run in result.runs} == {12 * 100_001}
    assert {run["bytes"] for run in result.runs} == {12 * 100_001}


SMALL = io.chain().open("/small", size=4096)


@pytest.mark.parametrize(
    ("chain", "errno", "sent"),
    [
        # A send that comes to the file's end: taken as it is, asked on for, or an error.
        (SMALL.sendfile(8192).close(), None, 4096),
        (SMALL.sendfile(8192, on_short="resume").close(), None, 4096),
        (SMALL.sendfile(8192, on_short="error").sendfile(4096).close(), "ENODATA", 4096),
        # What the application is told of a file that is not there.
        (SMALL.open("/none/{request}", name="none", create=False).unlink("/none/{request}")
         .open("/none/{request}", name="again", on_error="continue").nop()
         .read(512, file="again", on_error="continue").sendfile(4096, file="open")
         .close(file="open").close(file="none"), "ENOENT", 4096),
        # A copy that would write over what it reads, which only the bytes read can tell.
        (SMALL.open("/long", size="8 KiB", name="long").read(8192)
         .copy("$read.bytes", 0, "4 KiB").close().close(file="open"), "EINVAL", 0),
        # A failure that jumps over the second send but not over its clean-up.
        (SMALL.unlink("/gone", on_error="stop").unlink("/gone", name="twice", on_error="jump",
                                                       jump_to="end")
         .sendfile(4096).close(clean_up=True), "ENOENT", 0),
        (SMALL.unlink("/gone").unlink("/gone", name="twice", on_error="retry", retries=2)
         .sendfile(4096).close(), "ENOENT", 0),
    ],
)  # fmt: skip
def test_every_design_keeps_the_rules_of_failures_and_short_transfers(chain, errno, sent):
    result = io.run(chain, ALL)
    for run in result.runs:
        wrong = {} if errno is None else {errno: 1}
        assert (run["design"], run["errors_by_errno"]) == (run["design"], wrong)
        assert (run["design"], run["client_bytes"]) == (run["design"], sent)


def test_a_chain_longer_than_a_design_takes_is_refused_before_anything_runs():
    long = io.chain().nop().issued(copies=5000)
    assert io.run(long, ["sync"]).runs[0]["errors"] == 0
    with pytest.raises(io.InputError, match="task_chain takes chains of 4096 steps"):
        io.run(long, ["task_chain"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[chain]\nstep = []\n", "no"),
        ("[chain]\ncopies = 9000\nstep = [{ op = 'nop' }, { op = 'nop' }]\n", "16,383"),
        ("[chain]\nrepeat = 1000000000\nstep = [{ op = 'open', path = '/{request}' }]\n",
         "10,000,000 files"),
        ("[chain]\nclients = 1000\nstep = [{ op = 'memset', bytes = '1 GiB' }]\n", "4 GiB"),
        ("[chain]\nstep = [{ op = 'open', path = '/a' }, { op = 'open', name = 'b', path = '/a/b',"
         " flags = ['create'] }]\n", "laid out"),
    ],
)  # fmt: skip
def test_chains_that_no_run_could_hold_are_refused(tmp_path, text, told):
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(io.InputError, match=told):
        io.run(path, ["sync"])


def test_what_is_wrong_with_a_step_is_not_told_of_its_copies(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("[chain]\ncopies = 50\nstep = [{ op = 'stat' }]\n")
    with pytest.raises(io.InputError) as told:
        io.run(path, ["sync"])
    assert str(told.value).count("it needs a descriptor") == 1


def test_a_chain_says_in_python_what_it_says_in_a_file():
    text = (
        io.chain()
        .open("/a", create=True, name="to")
        .memset("4 KiB", 7)
        .write("4 KiB", file="to", on_error="retry", retries=2, clean_up=True)
        .close(after=("write", "memset"))
        .text()
    )
    assert 'flags = ["create"]' in text and 'fd = "$to.fd"' in text
    assert "value = 7" in text and "retries = 2" in text and "clean_up = true" in text
    assert 'after = ["write", "memset"]' in text


@pytest.mark.parametrize(
    "chain",
    [io.chain().open("/data").stat(on_error="continue").close(), io.chain().memset(4096),
     io.chain().open("/data").write(4096), io.chain().open("/new", create=True).close()],
)  # fmt: skip
def test_a_generator_yields_plain_lines_of_calls_alone(chain):
    with pytest.raises(ValueError, match="plain line of calls"):
        _ = chain.operation
