# SPDX-License-Identifier: Apache-2.0
"""Chains with operands, loops, graphs and steps on memory, from scenario files and from Python."""

import tomllib

import pytest

import iodrome as io
from tests.python.conftest import ROOT

SCENARIOS = ROOT / "scenarios"
ALL = [
    "sync",
    "io_uring",
    "kevent",
    "linux_aio",
    "epoll_threads",
    "posix_aio",
    "syslets",
    "task_chain",
]


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
     ("raid5_write.toml", {"repeat": 2}), ("encrypted_store.toml", {"repeat": 2})],
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


def test_a_crypto_engine_digests_what_it_can_take_and_the_cpu_the_rest():
    def play(size, who, clients=1):
        chain = io.chain().hash(size, 0, "256 KiB").issued(clients=clients)
        given = {"providers.hash": who}
        return io.run(chain, ["task_chain"], machine="server_2007", set=given).runs[0]

    def by(run):
        return {use["name"]: use["completed"] for use in run["providers"]}

    assert by(play("64 KiB", "any")) == {"crypto": 1}
    assert by(play("65 KiB", "any")) == {"cpu": 1}
    assert play("65 KiB", "engine")["errors_by_errno"] == {"EOPNOTSUPP": 1}
    # 65 pages each, so that boundaries of 4 MiB would lie inside some clients' memory.
    assert by(play("64 KiB", "engine", clients=100)) == {"crypto": 100}


def test_a_file_of_unknown_length_is_sent_in_pieces_by_every_design():
    pieces = (
        io.chain()
        .open("/page", size=100_001)
        .sendfile("32 KiB", "$send.total", loop_to="send")
        .close()
    )
    designs = ["sync", "io_uring", "kevent", "epoll_threads", "posix_aio", "syslets", "task_chain"]
    result = io.run(pieces.issued(clients=3, repeat=4), designs)
    assert [run["errors"] for run in result.runs] == [0] * len(designs)
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
        # A cipher of a length that is no whole blocks, which only the file can tell.
        (SMALL.open("/odd", size=1000, name="odd").stat().encrypt("$stat.size", 0, "4 KiB")
         .close().close(file="open"), "EINVAL", 0),
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


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (io.chain().encrypt(100, 0, "4 KiB"), "a cipher works on whole blocks of 16 bytes"),
        (io.chain().decrypt("8 KiB", 0, "4 KiB"), "it writes over what it reads"),
        (io.chain().hash("8 KiB", 0, "4 KiB"), "it writes over what it reads"),
        (io.chain().encrypt(16, 0, "4 KiB", key=256), "must be from 0 to 255"),
        (io.chain().encrypt(16, 0, 100), "whole pages"),
    ],
)  # fmt: skip
def test_a_cipher_or_a_digest_that_cannot_be_is_refused_with_its_step(step, told):
    with pytest.raises(io.InputError, match=told) as caught:
        io.run(step, ["task_chain"])
    assert "chain.toml:" in str(caught.value)


def test_what_is_wrong_with_a_step_is_not_told_of_its_copies(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("[chain]\ncopies = 50\nstep = [{ op = 'stat' }]\n")
    with pytest.raises(io.InputError) as told:
        io.run(path, ["sync"])
    assert str(told.value).count("it needs a descriptor") == 1


def test_a_timeout_holds_a_chain_up_in_every_design():
    waits = io.chain().timeout("300 us").timeout("200 us").issued(clients=2, repeat=3)
    for run in io.run(waits, ALL).runs:
        assert run["errors"] == 0
        assert run["latency_ns"]["mean"] >= 500e3
        # nanosleep() adds the slack of a user's timers; in linux_aio it stops the event loop.
        if run["design"] != "linux_aio":
            assert run["latency_ns"]["max"] < 650e3


def test_a_chain_past_its_deadline_fails_with_etime_and_sends_nothing_more():
    slow = io.chain().open("/f", size="64 KiB").sendfile("4 KiB").timeout("5 ms").sendfile().close()
    result = io.run(slow.issued(repeat=2, deadline="2 ms"), ALL)
    for run in result.runs:
        assert (run["design"], run["errors_by_errno"]) == (run["design"], {"ETIME": 2})
        assert (run["design"], run["client_bytes"]) == (run["design"], 2 * 4096)
    latest = {run["design"]: run["latency_ns"]["max"] for run in result.runs}
    # The kernel ends the wait; applications look at their clock when it is over.
    assert 2e6 <= latest["task_chain"] < 2.1e6 and latest["sync"] >= 5e6
    in_time = io.run(slow.issued(deadline="60 ms"))
    assert {run["errors"] for run in in_time.runs} == {0}


def test_a_deadline_that_passes_while_the_file_is_opened_sends_nothing():
    cold = io.chain().open("/{request}", size="16 KiB").sendfile().close()
    result = io.run(cold.issued(repeat=2, deadline="20 us"))
    for run in result.runs:
        if run["design"] == "io_uring":
            continue  # open and send are one batch, and its application looks between batches
        assert (run["design"], run["errors_by_errno"]) == (run["design"], {"ETIME": 2})
        assert (run["design"], run["client_bytes"]) == (run["design"], 0)


@pytest.mark.parametrize("deadline", ["10 ns", "0 us", "5000 s", "soon"])
def test_a_deadline_is_whole_microseconds(tmp_path, deadline):
    path = tmp_path / "s.toml"
    path.write_text(f"[chain]\ndeadline = '{deadline}'\nstep = [{{ op = 'nop' }}]\n")
    with pytest.raises(io.InputError, match="deadline"):
        io.run(path, ["sync"])
    with pytest.raises(TypeError, match="unit"):
        io.chain().nop().issued(deadline=5)


def test_a_priority_changes_no_result_and_others_say_that_they_have_none():
    reads = io.chain().open("/f", size="64 KiB").read("4 KiB", "random").close()
    settings = {"task_chain.start_in": "kthread", "task_chain.threads": 1}
    means = set()
    for priority in (None, "rt/0", "be/4", "idle"):
        issued = reads.issued(clients=8, repeat=5, priority=priority)
        assert ("priority" in issued.text()) == (priority is not None)
        result = io.run(issued, ["sync", "task_chain"], set=settings)
        assert [run["errors"] for run in result.runs] == [0, 0]
        means.add(result.runs[1]["latency_ns"]["mean"])
        told = any(
            "priorities, but with task_chain" in row["what"] for row in result.data["not_modelled"]
        )
        assert told == (priority not in (None, "be/4"))
    assert len(means) == 1  # all of them wait with the same priority


def test_chains_of_a_higher_priority_overtake_those_that_wait(tmp_path):
    def mean(first, second):
        path = tmp_path / "two.toml"
        path.write_text(
            "".join(
                "[[chain]]\nclients = 20\nrepeat = 20\ncopies = 50\n"
                f"priority = '{priority}'\n[[chain.step]]\nop = 'nop'\n"
                for priority in (first, second)
            )
        )
        settings = {"task_chain.start_in": "kthread", "task_chain.threads": 1}
        return io.run(path, ["task_chain"], set=settings).runs[0]["latency_ns"]["mean"]

    # Who goes first matters where somebody goes later.
    assert mean("idle", "idle") == mean("be/4", "be/4") != mean("rt/0", "idle")


@pytest.mark.parametrize("priority", ["rt", "rt/8", "high", "be/-1"])
def test_an_unknown_priority_is_told_with_the_nearest(tmp_path, priority):
    path = tmp_path / "s.toml"
    path.write_text(f"[chain]\npriority = '{priority}'\nrepeat = 0\nstep = [{{ op = 'nop' }}]\n")
    with pytest.raises(io.InputError, match="priority") as refused:
        io.run(path, ["sync"])
    assert "repeat" in str(refused.value)
    with pytest.raises(TypeError, match="priority"):
        io.chain().nop().issued(priority=4)


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
    text = (
        io.chain()
        .encrypt("4 KiB", 0, "4 KiB", key=9)
        .decrypt("4 KiB", "4 KiB", "8 KiB")
        .hash(100, "8 KiB", "12 KiB")
        .text()
    )
    assert tomllib.loads(text)["chain"]["step"] == [
        {"op": "encrypt", "bytes": "4 KiB", "offset": 0, "memory": "4 KiB", "key": 9,
         "name": "encrypt"},
        {"op": "decrypt", "bytes": "4 KiB", "offset": "4 KiB", "memory": "8 KiB",
         "name": "decrypt"},
        {"op": "hash", "bytes": 100, "offset": "8 KiB", "memory": "12 KiB", "name": "hash"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "chain",
    [io.chain().open("/data").stat(on_error="continue").close(), io.chain().memset(4096),
     io.chain().open("/data").write(4096), io.chain().open("/new", create=True).close()],
)  # fmt: skip
def test_a_generator_yields_plain_lines_of_calls_alone(chain):
    with pytest.raises(ValueError, match="plain line of calls"):
        _ = chain.operation
