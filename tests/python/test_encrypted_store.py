# SPDX-License-Identifier: Apache-2.0
"""The golden answer of scenarios/encrypted_store.toml: the card more than halves the time of CPUs
that encipher and digest alone; CPUs help it further from a thread, and are in its way where whoever
submits works itself."""

import pytest

import iodrome as io
from tests.python.conftest import ROOT

SCENARIO = ROOT / "scenarios" / "encrypted_store.toml"
OBJECTS, BYTES = 8 * 25, 65_536
CPUS, CPU_CIPHER, CPU_HASH = 2, 90e6, 100e6  # bytes per s of each
ENGINES, CARD_CIPHER, CARD_HASH, SETUP = 2, 200e6, 150e6, 2e-6


def play(who, **changes):
    given = {"providers.cipher": who, "providers.hash": who}
    given |= {f"providers.{key}": value for key, value in changes.items()}
    return io.run(SCENARIO, ["task_chain"], set=given).runs[0]


@pytest.fixture(scope="module")
def runs():
    return {
        "engine": play("engine"),
        "cpu": play("cpu", cpu_work="caller"),
        "both": play("any"),
        "in the way": play("any", cpu_work="caller"),
    }


def test_every_object_is_kept_and_every_piece_of_work_done_once(runs):
    for run in runs.values():
        assert run["errors"] == 0
        assert run["requests"] == OBJECTS
        # Sixteen sectors of 4 KiB and one digest of each object.
        assert sum(use["completed"] for use in run["providers"]) == OBJECTS * 17
        assert sum(use["bytes"] for use in run["providers"]) == OBJECTS * 2 * BYTES


def test_the_card_beats_the_cpus_and_both_together_beat_the_card(runs):
    took = {who: run["simulated_ns"] for who, run in runs.items()}
    assert took["both"] < 0.9 * took["engine"] < 0.5 * took["cpu"]
    assert took["in the way"] > took["engine"]  # by how much depends on who meets whom
    busy = {
        who: sum(ns for name, ns in run["cpu_ns"].items() if name != "idle")
        for who, run in runs.items()
    }
    assert busy["engine"] < busy["both"] < busy["cpu"]
    assert busy["engine"] < busy["cpu"] / 4


def test_nobody_is_quicker_than_its_rates_and_the_card_nearly_as_quick(runs):
    card = OBJECTS * (BYTES / CARD_CIPHER + BYTES / CARD_HASH + 17 * SETUP) / ENGINES * 1e9
    cpus = OBJECTS * (BYTES / CPU_CIPHER + BYTES / CPU_HASH) / CPUS * 1e9
    assert card < runs["engine"]["simulated_ns"] < 1.05 * card
    assert cpus < runs["cpu"]["simulated_ns"]
    assert runs["both"]["simulated_ns"] > 1 / (1 / card + 1 / cpus)


def test_the_queue_of_the_crypto_api_uses_one_of_the_cards_engines(runs):
    changes = {"providers.cipher": "engine", "providers.hash": "engine"}
    changes["crypto.queueing"] = "crypto_api"
    queued = io.run(SCENARIO, ["task_chain"], set=changes).runs[0]
    assert queued["errors"] == 0
    assert sum(use["completed"] for use in queued["providers"]) == OBJECTS * 17
    alone = OBJECTS * (BYTES / CARD_CIPHER + BYTES / CARD_HASH + 17 * SETUP) * 1e9
    assert alone < queued["simulated_ns"] < 1.5 * alone  # the thread between them takes its time
    assert queued["simulated_ns"] > 1.8 * runs["engine"]["simulated_ns"]


def test_other_designs_take_as_long_as_the_cpus_in_the_kernel(runs):
    other = io.run(SCENARIO, ["sync", "io_uring", "linux_aio"])
    for run in other.runs:
        assert run["errors"] == 0
        assert run["providers"] == []
        assert run["simulated_ns"] == pytest.approx(runs["cpu"]["simulated_ns"], rel=0.1)
