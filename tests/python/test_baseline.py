# SPDX-License-Identifier: Apache-2.0
"""`iodrome baseline`: what is recorded, what is caught, and what is said about it."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as xml

import pytest

import iodrome as io
from iodrome import core
from iodrome.baselines import check as checks
from iodrome.baselines import views
from iodrome.baselines.baseline import Baseline
from iodrome.baselines.tolerance import Tolerance
from tests.python.conftest import ROOT

CHAIN = io.chain().open("/a", size="64 KiB").stat().sendfile().close()
PATH_LOOKUP_NS = 1200  # of server_2026


@pytest.fixture
def recorded(iodrome):
    """The command in a folder with one scenario and its baseline."""
    text = CHAIN.issued(clients=2, repeat=50, interval="200 us").text()
    (iodrome.folder / "small.toml").write_text(text)
    iodrome.environment.pop("GITHUB_STEP_SUMMARY", None)
    done = iodrome("baseline", "record", "small.toml", "--design", "sync,io_uring")
    assert (done.returncode, done.stdout) == (0, "recorded baselines/small.toml\n"), done.stderr
    return iodrome


@pytest.fixture
def file(recorded):
    return recorded.folder / "baselines" / "small.toml"


def dearer(percent: float) -> list[str]:
    """Stands for another build, one of whose costs has grown."""
    return ["--set", f"costs.path_lookup={round(PATH_LOOKUP_NS * 1000 * (1 + percent / 100))} ps"]


def test_a_baseline_holds_what_the_result_says(recorded, file):
    table = tomllib.loads(file.read_text())
    result = io.run(recorded.folder / "small.toml", ["sync", "io_uring"])
    for run in result.runs:
        kept = table["runs"][run.design]
        assert kept["requests"] == run["requests"] == 100
        assert kept["latency_ps"]["p99"] == round(run["latency_ns"]["p99"] * 1000)
        assert sum(kept["stages_ps"].values()) == run["latency_total_ps"]
        assert kept["counters"]["syscalls"] == run["counters"]["syscalls"]
        use = run["costs"]["path_lookup"]
        assert kept["costs"]["path_lookup"] == [use["count"], use["total_ps"]]
        assert run["fingerprint"] not in file.read_text()
    assert table["experiment"] == {"input": "../small.toml", "designs": ["sync", "io_uring"]}


def test_a_baseline_is_small_and_reads_line_by_line(file):
    lines = file.read_text().splitlines()
    assert len(file.read_text()) < 6_000 and max(map(len, lines)) <= 100
    assert lines[0] == (
        "# Made in this folder by: iodrome baseline record ../small.toml --design sync,io_uring "
        "--dir ."
    )


def test_the_command_in_the_file_makes_the_same_file(recorded, file):
    before = file.read_text()
    words = before.splitlines()[0].partition("iodrome ")[2].split()
    recorded.folder = file.parent
    assert recorded(*words).returncode == 0
    assert file.read_text() == before


def test_the_same_build_gives_what_is_recorded(recorded):
    for words in ([], ["small.toml"]):
        done = recorded("baseline", "check", *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "1 baseline, 2 runs: all as recorded\n"


def test_five_percent_on_one_cost_is_caught_and_named(recorded):
    done = recorded("baseline", "check", *dearer(5))
    assert done.returncode == 3
    assert "small: sync: " in done.stdout and "small: io_uring: " in done.stdout
    assert "  latency.mean" in done.stdout
    assert "stage that moved most: kernel +61.2 ns per request, 100 % of the mean's change" in (
        done.stdout
    )
    assert "cost: path_lookup 1.20 µs → 1.26 µs per use (+5.0 %), used 102 times" in done.stdout
    assert (
        "again: iodrome run small.toml --design sync --set 'costs.path_lookup=1260000 ps'\n"
        in done.stdout
    )
    assert "1 baseline, 2 runs: not as recorded: small\n" in done.stdout


def test_one_picosecond_on_one_cost_is_caught(recorded):
    done = recorded("baseline", "check", "--set", "costs.path_lookup=1200001 ps")
    assert done.returncode == 3
    assert "costs.path_lookup.total" in done.stdout


def test_another_machine_file_is_caught_too(recorded, tmp_path):
    """Another build has other data: a copy of it with one cost 5 % dearer."""
    shutil.copytree(core.data_dir(), tmp_path / "data", ignore=shutil.ignore_patterns("*.gz"))
    machine = tmp_path / "data" / "scenarios" / "machines" / "server_2026.toml"
    text = machine.read_text()
    assert 'path_lookup = { value = "1.2 us"' in text
    machine.write_text(text.replace('path_lookup = { value = "1.2 us"',
                                    'path_lookup = { value = "1.26 us"'))  # fmt: skip
    program = (
        "import pathlib; from iodrome import cli, core; "
        f"core.data_dir = lambda: pathlib.Path({str(tmp_path / 'data')!r}); cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "baseline", "check"],
        cwd=recorded.folder, env=recorded.environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "cost: path_lookup 1.20 µs → 1.26 µs per use (+5.0 %)" in done.stdout
    accept = "accept: iodrome baseline record small.toml --design sync,io_uring --dir baselines"
    assert accept in done.stdout


def test_the_replay_command_shows_the_figures_of_the_failure(recorded):
    done = recorded("baseline", "check", *dearer(5))
    line = next(line for line in done.stdout.splitlines() if line.startswith("  again: "))
    again = subprocess.run(
        f"{sys.executable} -m {line.removeprefix('  again: ')} --json", shell=True,
        cwd=recorded.folder, env=recorded.environment, capture_output=True, text=True,
    )  # fmt: skip
    use = json.loads(again.stdout)["runs"][0]["costs"]["path_lookup"]
    assert use["total_ps"] == use["count"] * 1_260_000


def test_tolerances_are_exact_bounds(recorded):
    ample = ["--tolerance", "*=6%"]
    assert recorded("baseline", "check", *dearer(5), *ample).returncode == 0
    only = recorded("baseline", "check", *dearer(5), *ample, "--tolerance", "*.total=4.9%")
    assert only.returncode == 3
    assert "sync: 1 of" in only.stdout and "costs.path_lookup.total" in only.stdout
    just = recorded("baseline", "check", *dearer(5), *ample, "--tolerance", "*.total=5%")
    assert just.returncode == 0
    one = ["--tolerance", "io_uring.costs.path_lookup.total=1%"]
    found = recorded("baseline", "check", *dearer(5), *ample, *one)
    assert found.returncode == 3 and "small: sync" not in found.stdout


def test_a_tolerance_in_the_file_counts_and_outlives_recording(recorded, file):
    record = ["baseline", "record", "small.toml", "--design", "sync"]
    assert recorded(*record, "--tolerance", "*=6%").returncode == 0
    assert tomllib.loads(file.read_text())["tolerance"] == {"*": "6%"}
    assert recorded("baseline", "check", *dearer(5)).returncode == 0
    assert recorded(*record).returncode == 0
    assert tomllib.loads(file.read_text())["tolerance"] == {"*": "6%"}


def test_a_tolerance_for_a_figure_that_is_gone_is_refused_before_anything_is_written(
    recorded, file
):
    words = ["--design", "io_uring", "--tolerance", "costs.io_uring.enter.total=5%"]
    assert recorded("baseline", "record", "small.toml", *words).returncode == 0
    before = file.read_text()
    done = recorded("baseline", "record", "small.toml", "--design", "sync")
    assert done.returncode == 2
    assert "no recorded figure is called 'costs.io_uring.enter.total'" in " ".join(
        done.stderr.split()
    )
    assert file.read_text() == before


def test_a_tolerance_may_name_what_is_zero(recorded, file):
    assert "\nlock = " not in file.read_text()
    assert recorded("baseline", "check", "--tolerance", "stages.lock=1%").returncode == 0


def test_a_failed_recording_leaves_no_folder(recorded):
    assert recorded("baseline", "record", "missing.toml", "--dir", "new").returncode == 2
    assert not (recorded.folder / "new").exists()


def test_recording_without_names_repeats_every_experiment(recorded, file):
    before = file.read_text()
    file.write_text(before.replace("requests = 100", "requests = 99"))
    assert recorded("baseline", "check").returncode == 3
    assert recorded("baseline", "record").stdout == "recorded baselines/small.toml\n"
    assert file.read_text() == before


def test_another_input_is_another_experiment_and_no_regression(recorded):
    scenario = recorded.folder / "small.toml"
    scenario.write_text(scenario.read_text().replace("clients = 2", "clients = 3"))
    done = recorded("baseline", "check")
    assert done.returncode == 3
    assert "small: this is another experiment than the recorded one\n" in done.stdout
    assert "  workload.clients 2 → 3\n" in done.stdout


def test_markdown_and_junit_say_the_same(recorded):
    summary = recorded.folder / "summary.md"
    summary.write_text("before\n")
    recorded.environment["GITHUB_STEP_SUMMARY"] = str(summary)
    files = ["--markdown", "r.md", "--junit", "r.xml"]
    assert recorded("baseline", "check", *dearer(5), *files).returncode == 3
    text = (recorded.folder / "r.md").read_text()
    assert summary.read_text() == "before\n" + text
    assert "| costs.path_lookup.total | " in text and "+5.0 % |" in text
    assert "- cost: path_lookup 1.20 µs → 1.26 µs" in text and "- again: `iodrome run" in text
    suite = xml.parse(recorded.folder / "r.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["sync", "io_uring"]
    assert "path_lookup" in cases[0].findtext("failure")


def test_a_good_check_leaves_a_short_summary(recorded):
    done = recorded("baseline", "check", "--markdown", "-", "--junit", "r.xml")
    assert done.stdout == "### ✅ iodrome baselines\n\n1 baseline, 2 runs: all as recorded\n"
    suite = xml.parse(recorded.folder / "r.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("2", "0")


def test_a_summary_page_stays_below_what_the_page_takes():
    differences = [checks.Difference(f"latency.{'x' * 2000}{i}", 1, 2) for i in range(10)]
    run = checks.RunCheck("sync", 10, differences, None, None, "again", "accept")
    many = [checks.Check(f"n{i}", [], [run]) for i in range(100)]
    text = views.markdown(many)
    assert len(text.encode()) < 1 << 20
    assert "more failed baselines are left out here" in text


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["check", "other.toml"], "record it: iodrome baseline record other.toml --dir baselines"),
        (["check", "--dir", "nowhere"], "there is no baseline in nowhere; record one: iodrome"),
        (["check", "--tolerance", "latency.p98=2%"], "did you mean 'latency.p99'?"),
        (["check", "--tolerance", "latency.p99=2"], "'2' is no tolerance; write a share"),
        (["check", "--set", "costs.path_lokup=1 us"], "costs.path_lookup"),
        (["check", "--junit", "nowhere/x.xml"], "no directory 'nowhere'"),
        (["chek"], "No such command 'chek'. Did you mean 'check'?"),
        (["record", "missing.toml"], "missing.toml"),
        (["record", "small.toml", "sub/small.toml"], "two of them have the baseline 'small'"),
        (["record", "sub/small.toml"], "was recorded for small.toml; use another --dir"),
        (["record", "--seed", "7"], "need a SCENARIO"),
        (["record", "small.toml", "--tolerance", "nothing=1%"], "no recorded figure is called"),
        (["record", "small.toml", "--dir", "small.toml/x"], "small.toml' is not a directory"),
    ],
)
def test_bad_words_are_refused_and_nothing_is_written(recorded, file, words, hint):
    before = file.read_text()
    done = recorded("baseline", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert [path.name for path in file.parent.iterdir()] == ["small.toml"]
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("format = 1", "format = 2", "format is not 1"),
        ("format = 1", "format = ", "small.toml: "),
        ("requests = 100", "requests = 1.5", "[runs.sync]: requests is no whole number"),
        ("path_lookup = [", "path_lookup = [1, ", "costs.path_lookup is not [uses"),
        ('input = "', 'imput = "', "unknown key 'imput'; it may have input"),
        ("[runs.sync]", "[tolerance]\nx = '1%'\n\n[runs.sync]", "no recorded figure is called 'x'"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(recorded, file, old, new, hint):
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    done = recorded("baseline", "check")
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in " ".join(done.stderr.split())


def test_one_bad_scenario_keeps_all_from_being_written(recorded, file):
    (recorded.folder / "bad.toml").write_text("[workload]\nkind = 'none'\n")
    before = file.read_text()
    done = recorded("baseline", "record", "small.toml", "bad.toml", "--seed", "9")
    assert done.returncode == 2
    assert file.read_text() == before


def test_options_and_paths_survive_the_file(recorded, tmp_path):
    machine = ROOT / "scenarios" / "machines" / "server_2007.toml"
    shutil.copy(machine, recorded.folder / "mine.toml")
    options = ["--machine", "./mine.toml", "--seed", "7", "--set", "cpu.count=1"]
    done = recorded("baseline", "record", "small.toml", "--dir", "other/deep", *options)
    assert done.returncode == 0, done.stderr
    table = tomllib.loads((recorded.folder / "other/deep/small.toml").read_text())
    assert table["experiment"]["machine"] == "../../mine.toml"
    assert table["experiment"]["set"] == {"cpu.count": "1"}
    assert (table["conditions"]["machine"], table["conditions"]["seed"]) == ("mine", 7)
    recorded.folder = tmp_path / "other"
    assert recorded("baseline", "check", "--dir", "deep").returncode == 0
    done = recorded("baseline", "check", "--dir", "deep", *dearer(5))
    assert "again: iodrome run ../small.toml --design " in done.stdout
    assert "--machine ../mine.toml --seed 7 --set cpu.count=1 --set " in done.stdout


def test_odd_names_come_back_from_the_file_as_they_went_in(tmp_path):
    result = io.run(CHAIN.issued(), ["sync"], keep_requests=False)
    odd = 'tests/"a\\b".py::t[\x7f µ]'
    made = Baseline.of("x", result, None, odd, Tolerance({"latency.*": "0.5 %"}))
    read = Baseline.load(made.save(tmp_path))
    assert (read.test, read.tolerance.texts) == (odd, {"latency.*": "0.5 %"})
    assert read.conditions == made.conditions
    assert read.runs == made.runs
    assert read.text(tmp_path) == made.text(tmp_path)


def test_a_faster_build_is_not_as_recorded_either(recorded):
    done = recorded("baseline", "check", *dearer(-5))
    assert done.returncode == 3
    assert re.search(r"  costs.path_lookup.total .*−5.0 %\n", done.stdout)


def cost(**uses: tuple[int, int]) -> dict[str, int]:
    return {
        f"costs.{name}.{part}": value
        for name, use in uses.items()
        for part, value in zip(("count", "total"), use, strict=True)
    }


def test_of_several_costs_the_one_with_the_largest_effect_is_named():
    old = cost(small=(10, 100), large=(100, 10_000), same=(5, 50))
    new = cost(small=(10, 200), large=(100, 10_500), same=(9, 90))
    found = checks.changed_cost(old, new)
    assert (found.name, found.old, found.new, found.uses) == ("large", 100, 105, 100)
    assert found.others == 1  # `same` is used more often, and costs the same each time
    assert checks.changed_cost(cost(same=(5, 50)), cost(same=(9, 90))) is None


def test_a_design_that_did_not_run_is_said():
    both = io.run(CHAIN.issued(), ["sync", "io_uring"], keep_requests=False)
    one = io.run(CHAIN.issued(), ["sync"], keep_requests=False)
    assert checks.check(Baseline.of("x", both), one).conditions == [
        "the design io_uring did not run"
    ]
    found = checks.check(Baseline.of("x", one), both)
    assert found.ok and found.notes == ["not recorded: io_uring"]
