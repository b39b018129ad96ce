# SPDX-License-Identifier: Apache-2.0
"""Who does operations on memory: the keys of a machine, and what a result tells of it."""

import copy
import json

import pytest

import iodrome as io
from iodrome.reports.html.report import render as page
from iodrome.reports.terminal.view import render as table
from iodrome.result import Result
from tests.python.conftest import FIXTURE

CHAIN = io.chain().nop()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("cpu.xor", "fast", "cpu.xor"),
        ("cpu.memset", "0 B/s", "must be positive"),
        ("cpu.pq", "-1 GB/s", "cpu.pq"),
        ("cpu.crc32c", "0 B/s", "must be positive"),
        ("providers.policy", "lest_loaded", "did you mean 'least_loaded'"),
        ("providers.copy", "al", "there is no 'al'"),
        ("providers.xor", "engines", "did you mean 'engine'"),
        ("providers.memset", "CPU", "there is no 'CPU'"),
        ("providers.crc32c", "", "there is no ''"),
        ("cpu.sha256", "0 B/s", "cpu.sha256 must be positive"),
        ("cpu.aes_encrypt", "0 B/s", "cpu.aes_encrypt must be positive"),
        ("cpu.aes_decrypt", "quick", "cpu.aes_decrypt"),
        ("providers.cipher", "anny", "did you mean 'any'"),
        ("providers.hash", "cpus", "did you mean 'cpu'"),
        ("providers.cpu_work", "ktread", "did you mean 'kthread'"),
        ("providers.queue_limit", "0", "must be 1 to 65536"),
        ("providers.choose", "0.5", "providers.choose"),
        ("providers.polcy", "learned", "did you mean 'providers.policy'"),
        ("dma.cpu_xor", "1 GB/s", "unknown parameter 'dma.cpu_xor'"),
    ],
)
def test_a_wrong_value_is_told_with_the_right_ones(key, value, told):
    with pytest.raises(io.InputError) as caught:
        io.run(CHAIN, ["sync"], set={key: value})
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("machine", "able"),
    [
        ("server_2007", {"copy", "crc32c", "cipher", "hash"}),
        ("storage_2007", {"copy", "xor", "memset"}),
        ("server_2026", {"copy"}),
        ("vm_2026", set()),
        ("xrp_2021", set()),
    ],
)
def test_an_operation_left_to_engines_needs_one_that_can(machine, able):
    for job in ("copy", "xor", "memset", "crc32c", "cipher", "hash"):
        given = {f"providers.{job}": "engine"}
        if job in able:
            io.run(CHAIN, ["sync"], machine=machine, set=given)
            continue
        with pytest.raises(io.InputError, match="the machine has none that can") as caught:
            io.run(CHAIN, ["sync"], machine=machine, set=given)
        assert f"providers.{job} is engine" in str(caught.value)


def test_providers_change_nothing_for_who_asks_none():
    plain = io.run(CHAIN, ["sync", "task_chain"])
    other = {"providers.policy": "learned", "providers.copy": "cpu", "providers.choose": "1 s"}
    for before, after in zip(plain.runs, io.run(CHAIN, None, set=other).runs, strict=False):
        assert before["providers"] == after["providers"] == []


def test_the_keys_are_listed_and_explained(iodrome):
    told = iodrome("explain", "providers.policy").stdout
    assert "first_fit" in told and "learned" in told
    listed = iodrome("list", "parameters", "--machine", "vm_2026").stdout
    for key in ("cpu.xor", "cpu.crc32c", "providers.copy", "providers.choose"):
        assert f"\n{key} " in listed
    devices = iodrome("list", "devices").stdout
    assert "dsa_2023" in devices and "crypto_pci_2007" in devices


def with_providers(*uses):
    data = json.loads(FIXTURE.read_text())
    data["runs"][-1]["providers"] = list(uses)
    return Result(copy.deepcopy(data))


def use(name, completed, failed=0, moved=0):
    return {"name": name, "completed": completed, "failed": failed, "moved": moved,
            "bytes": completed * 4096, "busy_ns": completed * 1000.0}  # fmt: skip


def test_page_and_table_tell_of_providers_only_where_there_was_work():
    idle = with_providers()
    assert 'id="providers"' not in page(idle) and "jobs by provider" not in table(idle)
    busy = with_providers(use("ioat0", 1234), use("cpu", 2))
    assert 'id="providers"' in page(busy) and "ioat0: jobs" in page(busy)
    assert "given on" not in page(busy)
    name = busy.designs[-1]
    assert f"{name}: jobs by provider: ioat0 1,234, cpu 2\n" in table(busy)


def test_page_and_table_tell_of_engines_that_failed():
    failed = with_providers(use("ioat0", 1, failed=3, moved=2), use("cpu", 2))
    assert "ioat0: failed" in page(failed) and "ioat0: of these given on" in page(failed)
    assert "cpu: failed" not in page(failed)
    assert "ioat0 1, cpu 2; 3 failed" in table(failed)
