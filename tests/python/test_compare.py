# SPDX-License-Identifier: Apache-2.0
"""Two results side by side: on scripted results, and on those of the real simulator."""

import copy
import json

import pytest

import iodrome as io
from iodrome.metrics import METRIC, STAGES


def run_of(design: str, latencies: list[int], stages: dict[str, int], **more) -> dict:
    """A run whose blocks hold one request each. Units: ns."""
    blocks = {"size": 1, "count": [1] * len(latencies), "total_ps": [ns * 1000 for ns in latencies]}
    mean = sum(latencies) / len(latencies)
    return {
        "design": design,
        "requests": len(latencies),
        "latency_ns": {"mean": mean, "max": max(latencies)},
        "stages_ns": {stage: stages.get(stage, 0) for stage in STAGES},
        "latency_bins": [],
        "latency_blocks": blocks,
        "fingerprint": f"{sum(latencies):016x}",
        **more,
    }


def result_of(*runs: dict, **more) -> io.Result:
    head = {"scenario": "s.toml", "machine": "m", "seed": 1, "workload": {"kind": "chain"}}
    return io.Result({**head, **more, "runs": list(runs)})


NOISE = [(i * 7919) % 400 for i in range(100)]  # common to both runs
OLD = [10_000 + noise * 20 for noise in NOISE]
NEW = [ns + 600 + i % 7 for i, ns in enumerate(OLD)]


@pytest.fixture
def slower() -> io.Comparison:
    return io.compare(
        result_of(run_of("sync", OLD, {"device": 9_000, "reap": 4_960})),
        result_of(run_of("sync", NEW, {"device": 9_550, "reap": 5_012})),
    )


def change(comparison, metric: str = "mean", pair: int = 0):
    return next(each for each in comparison.pairs[pair].changes if each.metric.key == metric)


def test_a_change_that_every_request_feels_is_told_from_the_noise_they_share(slower):
    mean = change(slower)
    assert mean.verdict == "slower"
    assert mean.new - mean.old == pytest.approx(603, abs=1)
    assert 601 < mean.interval.low < 603 < mean.interval.high < 605
    assert mean.interval.paired and slower.pairs[0].paired


def test_the_stage_that_moved_most_is_named_with_its_share(slower):
    moved = slower.pairs[0].moved
    assert (moved.stage, moved.change) == ("device", 550)
    assert moved.share == pytest.approx(550 / 602)
    assert "Moved most: device +550 ns per request, 91 % of the mean's change" in repr(slower)


def test_the_share_of_each_context_in_the_cpus_time_stands_side_by_side():
    old, new = run_of("sync", OLD, {}), run_of("sync", NEW, {})
    old["cpu_ns"] = {"user": 30, "kthread": 60, "softirq": 10, "idle": 0}
    new["cpu_ns"] = {"user": 30, "kthread": 20, "softirq": 10.1, "idle": 40}
    comparison = io.compare(result_of(old), result_of(new))
    assert comparison.pairs[0].cpu_shares["kthread"] == (0.6, pytest.approx(20 / 100.1))
    told = next(line for line in repr(comparison).splitlines() if "by context" in line)
    assert "kthread 60.0 → 20.0 %" in told and "idle 0 → 40.0 %" in told
    assert "cpu_shares" in comparison.to_dict()["designs"][0]


def test_a_stage_that_falls_may_move_most():
    old = result_of(run_of("sync", OLD, {"device": 9_000, "reap": 100}))
    new = result_of(run_of("sync", NEW, {"device": 8_000, "reap": 600}))
    moved = io.compare(old, new).pairs[0].moved
    assert (moved.stage, moved.change, moved.share) == ("device", -1_000, 2.0)


def test_the_other_way_round_it_is_faster():
    new, old = (result_of(run_of("sync", ns, {})) for ns in (OLD, NEW))
    assert change(io.compare(old, new)).verdict == "faster"
    assert io.compare(old, new).pairs[0].moved is None


@pytest.mark.parametrize(
    "different", [{"seed": 2}, {"machine": "n"}, {"workload": {"kind": "fio"}}, {"scenario": "t"}]
)
def test_different_conditions_are_not_paired_and_said(different):
    old = result_of(run_of("sync", OLD, {}))
    other = io.compare(old, result_of(run_of("sync", NEW, {}), **different))
    assert not other.pairs[0].paired
    assert "not paired" in other.cautions[0] and next(iter(different)) in other.cautions[0]
    assert change(other).interval.low < 0 < change(other).interval.high
    assert change(other).verdict == "cannot tell"  # the noise is not common any more


def test_runs_that_ended_different_requests_are_not_paired():
    short = io.compare(
        result_of(run_of("sync", OLD, {})), result_of(run_of("sync", NEW[:-1], {}))
    )
    assert not short.pairs[0].paired
    assert "ended different requests" in short.pairs[0].cautions[0]


def test_below_one_percent_nothing_is_called_a_difference():
    near = [ns + 100 for ns in OLD]
    close = change(
        io.compare(result_of(run_of("sync", OLD, {})), result_of(run_of("sync", near, {})))
    )
    assert close.interval.low > 0 and close.verdict == "no difference"


def test_what_has_one_figure_a_run_has_no_interval_and_no_verdict():
    throughput = [{"throughput": {"requests_per_s": value}} for value in (1000.0, 1200.0)]
    both = [
        result_of(run_of("sync", ns, {}, **more))
        for ns, more in zip((OLD, NEW), throughput, strict=True)
    ]
    rate = change(io.compare(*both), "requests_per_s")
    assert (rate.interval, rate.why_no_interval) == (None, "one figure per run")
    assert rate.verdict == "cannot tell"


def test_a_handful_of_requests_tells_nothing():
    few = [result_of(run_of("sync", ns[:4], {})) for ns in (OLD, NEW)]
    mean = change(io.compare(*few))
    assert mean.interval is None and mean.verdict == "cannot tell"


def test_designs_are_matched_by_name_and_the_rest_is_named():
    old = result_of(run_of("sync", OLD, {}), run_of("aio", OLD, {}))
    new = result_of(run_of("uring", NEW, {}), run_of("sync", NEW, {}))
    both = io.compare(old, new)
    assert [pair.title for pair in both.pairs] == ["sync"]
    assert both.cautions == [
        "only in the old result, not compared: aio",
        "only in the new result, not compared: uring",
    ]


def test_two_lone_designs_are_compared_with_each_other():
    both = io.compare(result_of(run_of("a", OLD, {})), result_of(run_of("b", NEW, {})))
    assert [pair.title for pair in both.pairs] == ["a → b"]
    assert both.pairs[0].paired  # the same requests, whoever serves them


def test_results_without_a_common_design_are_refused():
    old = result_of(run_of("a", OLD, {}), run_of("b", OLD, {}))
    with pytest.raises(ValueError, match="no design in common: a, b; c"):
        io.compare(old, result_of(run_of("c", NEW, {})))


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Two races over the same reads, the second with a dearer system call; their files."""
    folder = tmp_path_factory.mktemp("compare")
    jobs = io.fio_job("r", rw="randread", bs="4k", size="64m", number_ios=4000, direct=1)
    designs = ["sync", "io_uring"]
    old = io.run(jobs, designs, keep_requests=False)
    new = io.run(jobs, designs, set={"costs.syscall_entry": "3 us"}, keep_requests=False)
    old.save(folder / "a.json")
    new.save(folder / "b.json")
    return old, new, folder


def test_a_dearer_system_call_is_found_in_real_runs(real):
    comparison = io.compare(*real[:2])
    for pair in comparison.pairs:
        mean = next(each for each in pair.changes if each.metric is METRIC["mean"])
        assert mean.verdict == "slower" and pair.paired
        assert mean.interval.low <= mean.new - mean.old <= mean.interval.high
    assert comparison.pairs[0].moved.stage == "kernel"
    assert comparison.parameters == [("costs.syscall_entry", "53 ns", "3 us")]
    median = change(comparison, "p50")
    assert "order statistics" in median.interval.source and not median.interval.paired


def test_a_result_is_identical_to_itself(real):
    old = real[0]
    same = io.compare(old, io.Result(copy.deepcopy(old.data)))
    assert all(pair.identical for pair in same.pairs)
    assert {each.verdict for pair in same.pairs for each in pair.changes} == {"identical"}
    assert f"Identical: every event of both runs (fingerprint {old['runs'][0]['fingerprint']})" in (
        repr(same)
    )


def test_the_command_prints_table_markdown_and_json(iodrome, real):
    files = [real[2] / "a.json", real[2] / "b.json"]
    table = iodrome("compare", *files)
    assert table.returncode == 0, table.stderr
    comparison = io.compare(*files)
    assert table.stdout == repr(comparison) + "\n"
    assert iodrome("compare", *files, "--markdown").stdout == comparison.to_markdown()
    assert "| mean |" in comparison.to_markdown() and "**slower**" in comparison.to_markdown()
    printed = json.loads(iodrome("compare", *files, "--json").stdout)
    assert printed == json.loads(json.dumps(comparison.to_dict()))
    assert printed["designs"][0]["metrics"][0]["verdict"] == "slower"
    assert "<table>" in comparison._repr_html_()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["nowhere.json", "nowhere.json"], "nowhere.json: No such file"),
        (["bad.json", "bad.json"], "bad.json: it holds no runs"),
        (["bad.json"], "NEW.json"),
        (["a.json", "c.json"], "no design in common"),
        (["a.json", "a.json", "--json", "--markdown"], "exclude each other"),
    ],
)
def test_bad_words_are_refused(iodrome, real, words, hint):
    (iodrome.folder / "bad.json").write_text('{"runs": []}')
    real[0].save(iodrome.folder / "a.json")
    other = {**real[0].data, "runs": [{**real[0].data["runs"][0], "design": "epoll"}]}
    io.Result(other).save(iodrome.folder / "c.json")
    done = iodrome("compare", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in " ".join(done.stderr.split())
