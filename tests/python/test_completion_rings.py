# SPDX-License-Identifier: Apache-2.0
"""task_chain's ring as parameters: what a result tells of it, and what is refused."""

import pytest

import iodrome as io

CHAIN = io.chain().open("/f", size="1 MiB").read("4 KiB", direct=True).close()


def run(**values):
    settings = {f"task_chain.{key}": value for key, value in values.items()}
    settings["app.request_start"] = "50 us"  # so slow that completions gather
    return io.run(CHAIN.issued(clients=16, repeat=4), ["task_chain"], set=settings).data["runs"][0]


def test_a_ring_that_reserves_holds_nothing_back():
    counted = run()["design_counters"]
    high_water = counted.pop("ring_high_water")
    assert 0 < high_water <= 1024
    assert counted == {"held": 0, "spilled": 0, "dropped": 0}


def test_a_lost_completion_is_an_error_of_its_request():
    lossy = run(ring_entries=1, ring_full="drop")
    dropped = lossy["design_counters"]["dropped"]
    assert dropped > 0
    assert lossy["errors_by_errno"] == {"EBADR": dropped}
    assert lossy["requests"] == 64
    assert lossy["costs"]["task_chain.status"]["count"] >= dropped


@pytest.mark.parametrize(("full", "counter"), [("hold", "held"), ("spill", "spilled")])
def test_what_is_held_back_is_counted_and_comes_all_the_same(full, counter):
    kept = run(ring_entries=1, ring_full=full)
    assert kept["design_counters"][counter] > 0
    assert kept["design_counters"]["ring_high_water"] == 1
    assert kept["errors"] == 0


def test_designs_that_count_nothing_have_no_such_key():
    assert "design_counters" not in io.run(CHAIN, ["sync"]).data["runs"][0]


def test_everything_wrong_is_told_at_once():
    with pytest.raises(io.InputError) as refused:
        run(ring_full="lose", wake_by="doorbell", batch_count=2)
    for part in (
        "task_chain.ring_full is one of reserve, hold, spill, drop, not 'lose'",
        "task_chain.wake_by is one of syscall, eventfd, futex, signal, busy_poll, not 'doorbell'",
        "task_chain.batch_ns must be more than 0",
    ):
        assert part in str(refused.value)
