# SPDX-License-Identifier: Apache-2.0
"""The command from end to end, on the real simulator."""

import gzip
import json
import os
import random
from pathlib import Path

import pytest

from tests.python.conftest import web_log

FIO = "[reads]\nrw=randread\nbs=4k\nsize=64m\nnumber_ios=500\n"
FOUR = ["sync", "linux_aio", "io_uring", "task_chain"]


def without_wall(text: str) -> dict:
    result = json.loads(text)
    del result["wall"]
    return result


def race(command, *words) -> dict:
    done = command("run", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_four_designs_race_over_a_log(iodrome, log):
    result = race(iodrome, log, "--design", ",".join(FOUR), "--seed", "7")
    assert (result["machine"], result["seed"]) == ("server_2026", 7)
    assert [run["design"] for run in result["runs"]] == FOUR
    for run in result["runs"]:
        assert run["requests"] == 200
        assert run["errors"] == 0


def test_every_picosecond_of_a_request_and_of_a_cpu_has_an_owner(iodrome, log):
    for run in race(iodrome, log)["runs"]:
        assert sum(run["stage_total_ps"].values()) == run["latency_total_ps"]
        mean_ns = run["latency_total_ps"] / run["requests"] / 1000
        assert run["latency_ns"]["mean"] == pytest.approx(mean_ns, rel=1e-6)
        assert sum(run["stages_ns"].values()) == pytest.approx(mean_ns, rel=1e-6)
        assert sum(run["cpu_ns"].values()) > 0


def test_a_result_says_what_it_leaves_out_and_where_its_costs_come_from(iodrome, log):
    result = race(iodrome, log, "--design", "sync")
    assert all(item["what"] and item["where"] for item in result["not_modelled"])
    assert result["not_modelled"]
    for source in result["sources"]:
        assert source["key"] and source["unit"] is not None and source["source"]
    assert result["sources"]


@pytest.mark.parametrize(("name", "text"), [("small.log", web_log(200)), ("reads.fio", FIO)])
def test_the_same_command_twice_differs_only_in_wall(iodrome, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    words = ("run", name, "--machine", "server_2007", "--seed", "7", "--json")
    first, second = iodrome(*words), iodrome(*words)
    assert first.returncode == 0, first.stderr
    assert without_wall(first.stdout) == without_wall(second.stdout)


def test_the_processor_s_features_do_not_change_the_answer(iodrome, log):
    """libm picks its code by processor; no result may depend on it, nor on Python's hash seed."""
    words = ("run", log, "--seed", "7", "--json")
    first = iodrome(*words)
    iodrome.environment = {
        **iodrome.environment,
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2",
        "PYTHONHASHSEED": "12345",
    }
    second = iodrome(*words)
    assert first.returncode == second.returncode == 0
    assert without_wall(first.stdout) == without_wall(second.stdout)


def test_another_seed_is_another_run(iodrome, log):
    prints = [
        race(iodrome, log, "--design", "sync", "--seed", seed)["runs"][0]["fingerprint"]
        for seed in (1, 2)
    ]
    assert prints[0] != prints[1]


@pytest.mark.parametrize("words", [("--driver", "free"), ("--tlm",)])
def test_the_driver_and_the_sockets_do_not_change_the_answer(iodrome, log, words):
    hosted = race(iodrome, log)
    other = race(iodrome, log, *words)
    for one, two in zip(hosted["runs"], other["runs"], strict=True):
        assert one["fingerprint"] == two["fingerprint"]
        assert one["latency_total_ps"] == two["latency_total_ps"]


def test_a_compressed_log_is_the_same_log(iodrome, log):
    packed = log.with_suffix(".log.gz")
    packed.write_bytes(gzip.compress(log.read_bytes()))
    plain = race(iodrome, log, "--design", "sync")
    assert race(iodrome, packed, "--design", "sync")["runs"] == plain["runs"]


def test_the_library_gives_what_the_command_gives(iodrome, log):
    import iodrome as library

    result = library.run(log, ["sync", "io_uring"], seed=3)
    command = race(iodrome, log, "--design", "sync,io_uring", "--seed", "3")
    assert result["runs"] == command["runs"]
    assert "io_uring" in repr(result)
    with pytest.raises(library.InputError, match="io_uring"):
        library.run(log, ["io_urnig"])


def refused(command, *words, message: str) -> None:
    done = command("run", *words, "--json")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr
    assert len(done.stderr) < 4000


def test_a_missing_file_is_named(iodrome):
    refused(iodrome, "nowhere.log", message="nowhere.log")


@pytest.mark.parametrize("name", ["empty.log", "empty.fio", "empty.toml"])
def test_an_empty_input_is_refused(iodrome, tmp_path, name):
    (tmp_path / name).write_text("")
    refused(iodrome, name, message=name)


def test_an_unknown_kind_of_file_is_refused_with_the_kinds(iodrome, tmp_path):
    (tmp_path / "trace.dat").write_text("x\n")
    refused(iodrome, "trace.dat", message="--kind")
    refused(iodrome, "trace.dat", "--kind", "access_logs", message="access_log")


def test_a_malformed_line_is_named_by_its_number(iodrome, log):
    lines = log.read_text().splitlines(keepends=True)
    lines[6] = "10.0.0.1 - - this is no request\n"
    log.write_text("".join(lines))
    refused(iodrome, log, message=f"{log}:7:")
    assert race(iodrome, log, "--skip-bad", "1", "--design", "sync")["runs"][0]["requests"] == 199


def test_all_malformed_lines_are_told_at_once(iodrome, log):
    lines = log.read_text().splitlines(keepends=True)
    lines[6] = lines[41] = "no request\n"
    log.write_text("".join(lines))
    refused(iodrome, log, message=f"{log}:7:")
    refused(iodrome, log, message=f"{log}:42:")
    refused(iodrome, log, "--skip-bad", "1", message=f"{log}:42:")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--design", "io_urnig"), "io_uring"),
        (("--machine", "server_2062"), "server_2026"),
        (("--set", "cpu.cuont=2"), "cpu.count"),
        (("--set", "cpu.count=0"), "cpu.count"),
        (("--set", "cpu.count=two"), "cpu.count"),
        (("--set", "workload.load=-1"), "workload.load"),
    ],
)
def test_a_wrong_name_or_value_is_refused_with_the_right_name(iodrome, log, words, message):
    refused(iodrome, log, *words, message=message)


@pytest.mark.parametrize(
    ("line", "place", "message"),
    [
        ("iodept=4", "bad.fio:3:", "iodepth"),
        ("size=-4k", "bad.fio:3:", "size"),
        ("rw=randreadd", "bad.fio:3:", "randread"),
    ],
)
def test_a_bad_fio_line_is_refused_with_its_place(iodrome, tmp_path, line, place, message):
    (tmp_path / "bad.fio").write_text(f"[job]\nbs=4k\n{line}\n")
    refused(iodrome, "bad.fio", message=place)
    refused(iodrome, "bad.fio", message=message)


@pytest.mark.parametrize("name", ["noise.log", "noise.log.gz", "noise.fio", "noise.toml"])
def test_random_bytes_are_refused(iodrome, tmp_path, name):
    (tmp_path / name).write_bytes(random.Random(name).randbytes(4096))
    refused(iodrome, name, message=name)


def test_a_directory_is_no_input(iodrome, tmp_path):
    (tmp_path / "folder.log").mkdir()
    refused(iodrome, "folder.log", message="folder.log")


@pytest.mark.skipif("IODROME_EXTRA_TRACES" not in os.environ, reason="no extra traces given")
def test_a_foreign_log_replays_without_errors(iodrome):
    trace = Path(os.environ["IODROME_EXTRA_TRACES"]) / "web_access.log.gz"
    for run in race(iodrome, trace, "--machine", "server_2007", "--seed", "7")["runs"]:
        assert run["requests"] >= 9000
        assert run["errors"] == 0
