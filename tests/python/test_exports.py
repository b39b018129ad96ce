# SPDX-License-Identifier: Apache-2.0
"""Exports: what other tools read, with the figures of the result."""

import csv
import io as streams
import json
import shutil
import subprocess

import pytest

import iodrome as io
from iodrome import reports

FIO = io.fio_job("reads", rw="randread", bs="4k", size="64m", number_ios=2000, iodepth=8, direct=1)


@pytest.fixture(scope="module")
def result():
    return io.run(FIO, ["sync", "io_uring"], seed=3)


@pytest.fixture(scope="module")
def fio(result):
    return json.loads(reports.render("fio_json", result))


def test_fio_s_json_has_the_keys_that_fio_writes(fio):
    job = fio["jobs"][0]
    assert list(fio)[:5] == ["fio version", "timestamp", "timestamp_ms", "time", "jobs"]
    options = job["job options"]
    assert {"rw", "bs", "iodepth", "numjobs"} <= options.keys()
    assert all(isinstance(value, str) for value in options.values())
    assert (options["rw"], options["bs"], options["iodepth"]) == ("randread", "4096", "8")
    figures = {"io_bytes", "bw", "iops", "runtime", "total_ios", "slat_ns", "clat_ns", "lat_ns",
               "bw_min", "iops_stddev"}  # fmt: skip
    assert figures <= job["read"].keys() == job["write"].keys()
    assert list(job["latency_ms"])[-2:] == ["2000", ">=2000"]


@pytest.mark.skipif(shutil.which("fio") is None, reason="fio is not installed")
def test_fio_s_json_lacks_no_key_of_fio_s_own(fio, tmp_path):
    words = ("--name=j", "--ioengine=null", "--size=1m", "--rw=randread", "--output-format=json+")
    done = subprocess.run(["fio", *words], cwd=tmp_path, capture_output=True, text=True, check=True)
    own = json.loads(done.stdout)

    def missing(theirs, ours, place):
        for key, value in theirs.items():
            if key in ("percentile", "bins", "job options", "disk_util"):
                continue
            if key not in ours:
                yield f"{place}.{key}"
            elif isinstance(value, dict):
                yield from missing(value, ours[key], f"{place}.{key}")

    assert list(missing(own, fio, "")) == []
    assert list(missing(own["jobs"][0], fio["jobs"][0], "job")) == []


def test_fio_s_figures_are_those_of_the_result(result, fio):
    for job, run in zip(fio["jobs"], result.runs, strict=True):
        read = job["read"]
        assert job["jobname"] == run.design
        assert read["total_ios"] == run["requests"] == 2000
        assert read["io_bytes"] == run["bytes"] == 2000 * 4096
        assert read["iops"] == pytest.approx(run["throughput"]["requests_per_s"], rel=1e-9)
        assert read["lat_ns"]["mean"] == run.latency.mean
        assert read["lat_ns"]["percentile"]["99.900000"] == round(run.latency.quantile(0.999))
        assert sum(read["lat_ns"]["bins"].values()) == 2000
        exact = run.requests.latency / 1000
        assert read["lat_ns"]["stddev"] == pytest.approx(exact.std(), rel=0.01, abs=50)
        shares = [sum(job[f"latency_{unit}"].values()) for unit in ("ns", "us", "ms")]
        assert sum(shares) == pytest.approx(100)
        busy = job["usr_cpu"] + job["sys_cpu"]
        cpus = sum(run["cpu_ns"].values()) / run["simulated_ns"]
        idle = 100 * run["cpu_ns"]["idle"] / run["simulated_ns"]
        assert busy + idle == pytest.approx(100 * cpus)


def test_bins_are_fio_s_own(result, fio):
    """64 bins to a power of two of nanoseconds; each latency lies in the bin of its midpoint."""
    exact = result.runs[1].requests.latency // 1000
    counted = {}
    for ns in exact.tolist():
        bits = max(0, ns.bit_length() - 7)
        middle = (ns >> bits << bits) + (1 << bits) // 2 if bits else ns
        counted[middle] = counted.get(middle, 0) + 1
    bins = {int(key): count for key, count in fio["jobs"][1]["read"]["lat_ns"]["bins"].items()}
    # A latency at the edge of a bin may be counted in the next: the histogram's own bins are 0.2 %
    # wide, fio's 1.6 %.
    moved = sum(abs(bins.get(key, 0) - counted.get(key, 0)) for key in bins.keys() | counted.keys())
    assert moved <= 0.35 * len(exact)
    assert {key.bit_length() for key in bins} == {key.bit_length() for key in counted}


@pytest.mark.skipif(
    shutil.which("fio_jsonplus_clat2csv") is None, reason="fio_jsonplus_clat2csv is not installed"
)
def test_fio_s_own_reader_takes_it(result, tmp_path):
    result.report(tmp_path / "r.fio.json")
    words = ["fio_jsonplus_clat2csv", "r.fio.json", "out.csv"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    for job, run in enumerate(result.runs):
        lines = (tmp_path / f"out_job{job}.csv").read_text().splitlines()
        last = dict(zip(lines[0].split(", "), lines[-1].split(", "), strict=False))
        assert int(last["read_clat_ns_cumulative"]) == run["requests"]


def test_the_text_says_what_the_json_says(result):
    text = reports.render("fio_txt", result)
    assert "io_uring: (groupid=0, jobs=1): err= 0:" in text
    assert text.count("issued rwts: total=2000,0,0,0") == 2
    assert "lat percentiles (usec):" in text and "99.99th=[" in text


def test_percentile_text_ends_with_every_request_and_the_maximum(result):
    blocks = reports.render("hgrm", result).split("#[Design = ")[1:]
    for block, run in zip(blocks, result.runs, strict=True):
        rows = [line.split() for line in block.splitlines() if line[:1] == " " and "." in line]
        assert int(rows[-1][2]) == 2000 and float(rows[-1][1]) == 1
        assert float(rows[-1][0]) == pytest.approx(run.latency.max / 1000, abs=0.001)
        values = [(float(row[0]), float(row[1]), int(row[2])) for row in rows]
        assert values == sorted(values)
        for value, share, seen in values:
            assert value == pytest.approx(run.latency.quantile(share) / 1000, abs=0.001)
            assert seen >= share * 2000 - 1
        assert f"Total count    = {2000:12d}" in block


def test_tables_hold_a_row_per_design_and_per_request(result):
    designs = list(csv.DictReader(streams.StringIO(reports.render("csv", result))))
    assert [row["design"] for row in designs] == result.designs
    assert float(designs[1]["mean"]) == result.runs[1].latency.mean
    rows = list(csv.DictReader(streams.StringIO(reports.render("requests_csv", result))))
    assert len(rows) == 4000
    assert {row["op"] for row in rows} == {"read"}
    total = sum(int(row["reap"]) - int(row["arrival"]) for row in rows if row["design"] == "sync")
    assert total == result.runs["sync"]["latency_total_ps"]


def test_parquet_holds_the_columns(result, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    result.report(tmp_path / "r.parquet")
    table = parquet.read_table(tmp_path / "r.parquet")
    assert table.num_rows == 4000
    ours = result.runs["io_uring"].requests
    theirs = table.filter([design == "io_uring" for design in table["design"].to_pylist()])
    assert theirs["reap"].to_pylist() == ours.reap.tolist()
    assert table.schema.metadata[b"time_unit"] == b"ps"


def test_the_ending_chooses_the_report_and_the_longer_ending_wins(iodrome):
    (iodrome.folder / "a.fio").write_text(FIO.text())
    endings = ("html", "fio.json", "fio.txt", "csv", "requests.csv", "hgrm")
    words = [word for ending in endings for word in ("--report", f"r.{ending}")]
    done = iodrome("run", "a.fio", "--design", "sync", "-q", *words)
    assert done.returncode == 0, done.stderr
    assert (iodrome.folder / "r.requests.csv").read_text().count("\n") == 2001
    assert (iodrome.folder / "r.csv").read_text().count("\n") == 2
    assert json.loads((iodrome.folder / "r.fio.json").read_text())["jobs"]
    again = iodrome("run", "a.fio", "--design", "sync", "-q", "--report", "again.fio.json")
    assert again.returncode == 0
    one, two = ((iodrome.folder / name).read_text() for name in ("r.fio.json", "again.fio.json"))
    assert one.split('"command"')[0] == two.split('"command"')[0]
    wrong = iodrome("run", "a.fio", "--report", "r.xml")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert ".requests.csv" in wrong.stderr


def test_a_saved_result_is_asked_for_no_single_requests(iodrome, result):
    result.save(iodrome.folder / "r.json")
    done = iodrome("report", "r.json", "x.requests.csv")
    assert done.returncode == 2 and "single requests" in done.stderr
    assert not (iodrome.folder / "x.requests.csv").exists()
