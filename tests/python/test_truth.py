# SPDX-License-Identifier: Apache-2.0
"""Published figures beside simulated ones."""

import json

import pytest

import iodrome as io
from iodrome import reports, truth
from tests.python.conftest import ROOT

TABLE = ROOT / "scenarios" / "truth" / "xrp_osdi22_table1.toml"


@pytest.fixture(scope="module")
def table():
    return io.run(TABLE)


def test_every_published_figure_is_set_against_the_simulated_one(table):
    score = truth.score([table])
    assert [each.row for each in score.comparisons][-1] == "total"
    total = score.comparisons[-1]
    assert (total.published, total.unit) == (6270, "ns")
    assert total.simulated == table.runs["sync"].data["latency_ns"]["mean"]
    assert score.worst_error == max(abs(each.error) for each in score.comparisons)
    assert score.median_error < 0.02


def test_an_error_is_seen_where_a_cost_is_wrong():
    score = truth.score([io.run(TABLE, set={"costs.bio_submit": "758 ns"})])
    error = {each.row: each.error for each in score.comparisons}
    assert error["bio"] == pytest.approx(1.0)
    assert error["total"] == pytest.approx(379 / 6270, abs=0.01)


def test_a_figure_of_a_design_that_did_not_race_is_named():
    score = truth.score([io.run(TABLE, ["io_uring"])])
    assert score is None
    both = truth.score([io.run(TABLE, ["io_uring"]), io.run(TABLE)])
    assert "total (sync)" in both.missing


def test_a_result_without_published_figures_has_no_score():
    assert truth.score([io.run(ROOT / "scenarios" / "chain.toml", ["sync"])]) is None


def test_fitted_parameters_are_counted_while_the_machine_file_gives_them(table):
    fitted = truth.score([table]).fitted
    assert "xrp_2021: costs.bio_submit" in fitted
    assert "xrp_2021: storage.part" not in fitted
    own = truth.score([io.run(TABLE, set={"costs.bio_submit": "379 ns"})])
    assert set(fitted) - set(own.fitted) == {"xrp_2021: costs.bio_submit"}
    assert f"{len(own.fitted)} parameters fitted" in reports.find_view("truth").render(own)


def test_several_inputs_end_in_one_table(iodrome):
    done = iodrome("run", str(TABLE), str(TABLE), "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("req/s") == 2
    assert done.stdout.count("published figures: median error") == 1
    assert "14 published figures" in done.stdout


def test_several_inputs_are_an_array_in_json(iodrome):
    done = iodrome("run", str(TABLE), str(TABLE), "--quiet", "--json")
    assert [each["scenario"] for each in json.loads(done.stdout)] == [TABLE.name] * 2


def test_a_report_wants_one_input(iodrome, tmp_path):
    done = iodrome("run", str(TABLE), str(TABLE), "--report", str(tmp_path / "x.html"))
    assert done.returncode == 2
    assert "want one INPUT" in done.stderr
