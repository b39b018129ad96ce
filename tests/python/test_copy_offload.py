# SPDX-License-Identifier: Apache-2.0
"""The golden answer of scenarios/copy_offload.toml: where the engine and the CPU break even, found
by running both and told by a formula of named costs, the part's times and the two rates."""

import pytest

import iodrome as io
from tests.python.conftest import ROOT

TEXT = (ROOT / "scenarios" / "copy_offload.toml").read_text()
CPU_RATE, ENGINE_RATE = 10.7e9, 30e9  # bytes per s
PORTAL, LATENCY, RECORD, MESSAGE = 100_000, 350_000, 60_000, 300_000  # ps, hw/dma/params/dsa_2023
IDLE_EXIT_LATENCY = 1_000_000  # ps, of the machine


@pytest.fixture
def steady(tmp_path):
    """Latency and CPU time of one copy, ps, once start-up is over; the latter by named cost."""
    path = tmp_path / "copy_offload.toml"

    def play(size, who, repeat):
        text = TEXT.replace('bytes = "64 KiB"', f"bytes = {size}")
        path.write_text(text.replace("repeat = 100", f"repeat = {repeat}"))
        run = io.run(path, set={"providers.copy": who}).runs[0]
        assert run["errors"] == 0
        return run["latency_total_ps"], {
            name: use["total_ps"] for name, use in run["costs"].items()
        }

    def copy(size, who):
        before, spent_before = play(size, who, 10)
        after, spent = play(size, who, 11)
        spent = {name: ps - spent_before.get(name, 0) for name, ps in spent.items()}
        return after - before, {name: ps for name, ps in spent.items() if ps}

    return copy


def test_a_copy_takes_its_named_costs_and_its_rate_whoever_does_it(steady):
    # Of the engine's costs, what the CPU does while the copy is under way takes no time.
    for size in (4096, 65_536, 1 << 20):
        took, spent = steady(size, "cpu")
        assert took == sum(spent.values())
        assert spent["copy_call"] == pytest.approx(20_000 + size / CPU_RATE * 1e12, abs=1)
        took, spent = steady(size, "engine")
        hidden = spent["syscall_exit"] / 2 + spent["syscall_entry"] / 2 + spent["event_wait"]
        fixed = PORTAL + LATENCY + RECORD + MESSAGE + IDLE_EXIT_LATENCY
        expected = sum(spent.values()) - hidden + fixed + size / ENGINE_RATE * 1e12
        # Every page is rounded up to a picosecond.
        assert took == pytest.approx(expected, abs=size / 4096)


def test_break_even_is_where_the_fixed_costs_over_the_difference_of_the_rates_say(steady):
    fixed = {who: steady(4096, who)[0] for who in ("cpu", "engine")}
    fixed["cpu"] -= 4096 / CPU_RATE * 1e12
    fixed["engine"] -= 4096 / ENGINE_RATE * 1e12
    slopes = 1e12 / CPU_RATE - 1e12 / ENGINE_RATE
    predicted = (fixed["engine"] - fixed["cpu"]) / slopes
    low, high = 512, 1 << 20  # the CPU wins at the first, the engine at the second
    assert steady(low, "engine")[0] > 4 * steady(low, "cpu")[0]
    assert steady(high, "cpu")[0] > 2 * steady(high, "engine")[0]
    while high - low > 1:
        middle = (low + high) // 2
        if steady(middle, "engine")[0] < steady(middle, "cpu")[0]:
            high = middle
        else:
            low = middle
    assert high == pytest.approx(predicted, abs=1)
    assert high == 85_157


def test_the_cpus_own_time_breaks_even_earlier(steady):
    def busy(size, who):
        return sum(steady(size, who)[1].values())

    engine = busy(4096, "engine")
    assert busy(1 << 20, "engine") == engine  # it does not depend on the size
    even = (engine - busy(4096, "cpu")) * CPU_RATE / 1e12 + 4096
    assert even == pytest.approx(39_119, abs=1)
    assert busy(39_000, "cpu") < engine < busy(39_200, "cpu")


@pytest.mark.parametrize(("size", "quicker"), [("8 KiB", "cpu"), ("16 KiB", "engine")])
def test_sixteen_copies_at_once_break_even_between_8_and_16_kib(size, quicker):
    """Posting and interrupts of some hide behind the copies of others; one sleep is for all."""
    chain = io.chain().nop()
    for i in range(16):
        places = {"source": f"{i * 256} KiB", "to": f"{(16 + i) * 256} KiB"}
        chain = chain.copy(size, **places, name=f"copy{i}", after=("nop",))

    def steady(who):
        given = {"providers.copy": who, "cpu.count": 1}
        runs = [
            io.run(
                chain.issued(repeat=repeat), ["task_chain"], machine="server_2026", set=given
            ).runs[0]
            for repeat in (10, 11)
        ]
        assert [run["errors"] for run in runs] == [0, 0]
        return runs[1]["latency_total_ps"] - runs[0]["latency_total_ps"]

    assert min(("cpu", "engine"), key=steady) == quicker
