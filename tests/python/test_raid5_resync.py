# SPDX-License-Identifier: Apache-2.0
"""The resync of a RAID 5: a load that the kernel makes by itself."""

import pytest

import iodrome as io

STRIPES = 2048  # 8 MiB of 4 KiB blocks
MEMBERS = 5

TEXT = """
machine = "storage_2007"
[workload]
kind = "raid5_resync"
bytes = "8 MiB"
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "resync.toml"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("who", ["engine", "cpu"])
def test_every_stripe_is_checked_once_and_all_sums_hold(scenario, who):
    result = io.run(scenario, set={"providers.xor": who})
    run = result.data["runs"][0]
    assert run["design"] == "kernel"
    assert run["requests"] == STRIPES
    assert run["errors"] == 0
    assert run["bytes"] == STRIPES * 4096
    assert sum(run["stage_total_ps"].values()) == run["latency_total_ps"]
    assert sum(run["cpu_ns"].values()) == pytest.approx(run["simulated_ns"])
    assert run["cpu_ns"]["user"] == 0
    assert run["cpu_ns"]["syscall"] == 0
    threads = run["kernel_threads_ns"]
    assert list(threads) == ["md0_raid5", "md0_resync"]
    busy = run["simulated_ns"] - run["cpu_ns"]["idle"]
    assert 0 < sum(threads.values()) <= busy
    # A check is one operation of an engine, or a burst of the CPU.
    prepared = run["costs"].get("dma.prep", {"count": 0})["count"]
    assert prepared == (2 * STRIPES if who == "engine" else 0)
    assert run["cpu_ns"]["spin"] == 0


def test_what_the_engine_does_is_no_longer_the_cpus(scenario):
    kthread = {
        who: io.run(scenario, set={"providers.xor": who}).data["runs"][0]["cpu_ns"]["kthread"]
        for who in ("engine", "cpu")
    }
    # By the CPU: 2048 stripes of five blocks at 250 MB/s.
    summed = STRIPES * MEMBERS * 4096 / 250e6 * 1e9
    assert 0.9 * summed < kthread["cpu"] - kthread["engine"] < summed


def test_a_recovery_writes_what_the_others_say(scenario):
    scenario.write_text(TEXT + 'action = "recover"\n')
    run = io.run(scenario).data["runs"][0]
    assert run["requests"] == STRIPES
    assert run["costs"]["bio_submit"]["count"] == STRIPES * MEMBERS


@pytest.mark.parametrize(
    "text, complaint",
    [
        (TEXT.replace("storage_2007", "server_2026"), "has no [raid]"),
        ('designs = ["sync"]\n' + TEXT, "takes no design"),
        (TEXT.replace('bytes = "8 MiB"', ""), "has no 'bytes'"),
        (TEXT.replace("8 MiB", "5000"), "multiple of 4 KiB"),
        (TEXT + 'path = "/x"\n', "takes no 'path'"),
        (TEXT + 'action = "recoder"\n', "recover"),
        ('[workload]\nkind = "fio"\npath = "a.fio"\nbytes = 4096\n', "only a raid5_resync"),
    ],
)
def test_what_a_resync_cannot_be_is_told(scenario, text, complaint):
    scenario.write_text(text)
    with pytest.raises(io.InputError, match=complaint.replace("[", r"\[").replace("]", r"\]")):
        io.run(scenario)


def test_a_result_can_be_asked_for_by_the_name_in_it(scenario):
    assert io.run(scenario, designs="kernel").data["runs"] == io.run(scenario).data["runs"]
    with pytest.raises(io.InputError, match="takes no design"):
        io.run(scenario, designs=["kernel", "sync"])


def test_an_array_of_two_disks_is_none(scenario):
    with pytest.raises(io.InputError, match="three members or more"):
        io.run(scenario, set={"storage.count": 2})
