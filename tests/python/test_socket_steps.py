# SPDX-License-Identifier: Apache-2.0
"""Steps on sockets, readiness and watched directories written in Python: the same as in a file."""

import pytest

import iodrome as io
from tests.python.conftest import ROOT

DESIGNS = ["sync", "io_uring", "task_chain"]


def figures(result):
    return [{key: value for key, value in run.items() if key != "wall"} for run in result.runs]


def from_file(tmp_path, name, repeat):
    path = tmp_path / name
    text = (ROOT / "scenarios" / name).read_text()
    path.write_text(text.replace("repeat = 50", f"repeat = {repeat}"))
    return io.run(path, DESIGNS)


def test_an_echo_in_python_is_that_of_the_file(tmp_path):
    server = io.chain().accept(7).receive("4 KiB", on_short="resume").send("$receive.bytes")
    client = io.chain().connect(7).memset("4 KiB", 90).send("4 KiB")
    client = client.receive("4 KiB", memory="4 KiB", on_short="resume")
    server = server.close(file="accept").issued(clients=64, repeat=3)
    echo = server.beside(client.close(file="connect").issued(clients=64, repeat=3))
    assert figures(io.run(echo, DESIGNS)) == figures(from_file(tmp_path, "echo.toml", 3))


def test_a_pipeline_in_python_is_that_of_the_file(tmp_path):
    taker = io.chain().inotify("/spool", "close_write").open("$inotify.name", size="16 KiB").stat()
    taker = taker.read("$stat.size", memory="4 KiB").crc32c("$read.bytes", source="4 KiB")
    maker = io.chain().open("/spool/{request}", create=True).memset("16 KiB", 7).write("16 KiB")
    taker = taker.close().unlink("$inotify.name").issued(clients=16, repeat=3)
    maker = maker.close().issued(clients=16, repeat=3, interval="100 us")
    result = from_file(tmp_path, "notify_pipeline.toml", 3)
    assert figures(io.run(taker.beside(maker), DESIGNS)) == figures(result)


def test_a_file_goes_to_a_socket_that_is_ready():
    server = io.chain().accept(80).open("/page", size="16 KiB").poll("out", socket="accept")
    server = server.sendfile(to="accept").close().close(file="accept")
    client = io.chain().connect(80).poll("in").receive("16 KiB", on_short="resume")
    client = client.close(file="connect").issued(clients=4)
    for run in io.run(server.issued(clients=4).beside(client), DESIGNS).runs:
        assert run["errors"] == 0
        assert run["requests"] == 8


def test_a_step_names_the_socket_that_it_uses():
    chain = io.chain().accept(1).connect(2, name="far").receive("1 KiB", socket="accept")
    chain = chain.send("1 KiB").poll()
    assert [dict(step.keys).get("fd") for step in chain.steps] == [
        *(None, None, "$accept.fd", None, "$far.fd"),
    ]
    assert dict(chain.steps[3].keys)["to"] == "$far.fd"


def test_what_is_wrong_is_told_with_its_place():
    with pytest.raises(ValueError, match="at least one"):
        io.chain().beside()
    with pytest.raises(TypeError, match="io.chain"):
        io.chain().beside("echo.toml")
    with pytest.raises(TypeError, match=r"accept\(port\)"):
        io.chain().accept(1.5)
    with pytest.raises(io.InputError, match="port") as told:
        io.run(io.chain().connect(70_000).poll("inn").close(file="conect"), ["sync"])
    assert "'in'" in str(told.value)
    assert "connect" in str(told.value)


def test_a_generator_yields_no_socket_steps():
    for chain in (
        io.chain().accept(7),
        io.chain().open("/a").sendfile("4 KiB", to="accept"),
    ):
        with pytest.raises(ValueError, match="plain line of calls"):
            _ = chain.operation
