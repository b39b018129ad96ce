# SPDX-License-Identifier: Apache-2.0
"""Numbers as text, and the sentences of the verdict."""

import copy
import json

import pytest

import iodrome as io
from iodrome import quantities, verdict
from iodrome.metrics import CONTEXTS, STAGES
from iodrome.reports.html import charts, report, tables
from iodrome.result import Result
from tests.python.conftest import FIXTURE, ROOT


@pytest.fixture
def race() -> dict:
    return json.loads(FIXTURE.read_text())


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (0.25, "250 ps"),
        (6.27, "6.27 ns"),
        (999.4, "999 ns"),
        (999.6, "1.00 µs"),
        (6270, "6.27 µs"),
        (99_960, "100 µs"),
        (1_240_000, "1.24 ms"),
        (4.31e9, "4.31 s"),
        (5_000e9, "5,000 s"),
    ],
)
def test_durations_have_three_digits(ns, text):
    assert quantities.duration(ns) == text


@pytest.mark.parametrize(
    ("value", "reference", "text"),
    [
        (100, 100, "="),
        (142, 100, "+42 %"),
        (95.5, 100, "−4.5 %"),
        (2500, 100, "×25.0"),
        (1, 0, ""),
        (0, 100, "−100 %"),
    ],
)
def test_changes_are_percent_or_a_factor(value, reference, text):
    assert quantities.change(value, reference) == text


def test_the_winner_is_told_with_its_distance(race):
    assert verdict.headline(Result(race)) == (
        "task_chain has the lowest p99 latency: 292 µs, 2.46× lower than sync"
    )


def test_when_the_first_design_wins_the_next_best_is_the_measure(race):
    race["runs"].reverse()
    assert verdict.headline(Result(race)).endswith("lower than io_uring")


def test_designs_within_one_percent_are_not_told_apart(race):
    for run in race["runs"]:
        run["latency_ns"]["p99"] = 1000.0
    race["runs"][0]["latency_ns"]["p99"] = 1009.0
    assert verdict.headline(Result(race)).startswith("No winner by p99 latency")
    race["runs"][0]["latency_ns"]["p99"] = 1020.0
    assert "linux_aio, io_uring and task_chain within 1 %" in verdict.headline(Result(race))


def test_the_reason_names_the_stages_with_the_largest_gap(race):
    assert "arrival −20.7 µs, wakeup −9.30 µs" in verdict.reason(Result(race))


def test_failed_requests_are_a_caution(race):
    race["runs"][1]["errors"] = {"EIO": 3}
    assert verdict.cautions(Result(race)) == ["linux_aio: 3 of 19,683 requests failed"]


def test_designs_that_did_different_work_are_a_caution(race):
    race["runs"][1]["requests"] -= 1
    assert "different numbers of requests" in verdict.cautions(Result(race))[0]


def test_the_page_and_the_table_survive_keys_they_do_not_know_or_miss(race):
    lean = copy.deepcopy(race)
    for key in ("sources", "not_modelled", "warnings", "workload", "wall"):
        del lean[key]
    for run in lean["runs"]:
        for key in ("latency_curve", "costs", "notes", "cpu_ns", "stages_ns", "submit_held_ns"):
            del run[key]
        run["counters"]["retries"] = 5
    result = Result(lean)
    assert "retries" in report.render(result)
    assert "sync" in repr(result)


def test_text_from_the_input_is_never_markup(race):
    race["scenario"] = "<script>alert(1)</script>.log"
    race["runs"][0]["notes"] = ["</script><b>x"]
    page = report.render(Result(race))
    assert "<script>alert(1)" not in page and "</script><b>x" not in page


def test_a_lone_design_has_a_page_too(race):
    race["runs"] = race["runs"][:1]
    assert "sync alone: p99 latency 717 µs" in report.render(Result(race))


def test_every_stage_and_context_has_a_colour_in_light_and_dark():
    style = (ROOT / "reports/html/style.css").read_text()
    names = [f"--stage-{name}:" for name in STAGES] + [f"--context-{name}:" for name in CONTEXTS]
    names += [f"--design-{index}:" for index in range(charts.DESIGN_COLOURS)]
    assert [name for name in names if style.count(name) != 2] == []


def test_a_design_that_came_later_has_a_colour_of_its_own_and_moves_no_other():
    came = ["io_uring", "linux_aio", "sync", "task_chain", "kevent", "epoll_threads", "posix_aio",
            "syslets"]
    old = {name: place for place, name in enumerate(came)}
    assert {name: charts.colour(name) for name in old} == {
        name: f"var(--design-{place})" for name, place in old.items()
    }
    colours = [charts.colour(design.name) for design in io.designs()]
    assert len(set(colours)) == min(len(colours), charts.DESIGN_COLOURS)


def test_the_bars_of_a_design_add_up_to_its_mean_latency(race):
    rows = charts.stages(Result(race))["All stages"]["data"]["values"]
    for run in race["runs"]:
        total_us = sum(row["us"] for row in rows if row["design"] == run["design"])
        assert total_us * 1000 == pytest.approx(run["latency_ns"]["mean"], rel=1e-6)


def test_each_summary_row_has_a_cell_per_metric(race):
    rows = tables.summary(Result(race))
    assert [len(row) for row in rows] == [10] * 4
    assert [row[2].best for row in rows] == [False, False, False, True]
