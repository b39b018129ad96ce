# SPDX-License-Identifier: Apache-2.0
"""The library as a program or notebook uses it, on the real simulator."""

import json
import os
import signal
import threading
import time

import numpy
import pytest

import iodrome as io

LONG = io.fio_job("reads", rw="randread", bs="4k", size="512g", number_ios=50_000_000, direct=1)


@pytest.fixture
def chain():
    small = io.chain().open("/a", size="64 KiB").stat().sendfile().close()
    return small.issued(clients=4, repeat=50, interval="200 us")


@pytest.fixture
def result(chain):
    return io.run(chain, ["sync", "io_uring"], seed=7)


def without_wall(result: io.Result) -> dict:
    return {key: value for key, value in result.data.items() if key != "wall"}


def test_runs_are_found_by_design_and_by_place(result):
    assert result.runs["io_uring"] is result.runs[1]
    assert [run.design for run in result.runs] == result.designs == ["sync", "io_uring"]
    assert "sync" in result.runs and "epoll" not in result.runs
    with pytest.raises(KeyError, match="there are sync, io_uring"):
        result.runs["epoll"]


def test_columns_agree_with_the_result(result):
    for run in result.runs:
        rows = run.requests
        assert len(rows) == run["requests"] == 200
        assert int(rows.latency.sum()) == run["latency_total_ps"]
        assert int(rows.latency.max()) == round(run.latency.max * 1000)
        assert int(rows.bytes.sum()) == run["bytes"]
        assert sorted(rows.request) == list(range(200))
        assert {io.OPS[op] for op in rows.op} == {"send"}
        assert not rows.error.any()
        assert (rows.arrival <= rows.submit).all() and (rows.submit <= rows.issue).all()
        assert (rows.issue <= rows.complete).all() and (rows.complete <= rows.reap).all()
        waited = rows.dispatch >= 0
        assert 0 < waited.sum() < 200  # the first reader waits for the drive, later ones do not
        assert (rows.dispatch[waited] > rows.issue[waited]).all()


def test_columns_share_the_simulator_s_memory_and_cannot_be_written(result):
    column = result.runs[0].requests.reap
    assert not column.flags.owndata and not column.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 1
    kept = column.copy()
    del result
    assert (column == kept).all()  # the arrays keep the memory alive


def test_quantiles_are_those_of_the_requests(result):
    run = result.runs["io_uring"]
    exact = numpy.sort(run.requests.latency) / 1000
    for share in (0.01, 0.5, 0.9, 0.99, 1):
        true = exact[max(1, int(numpy.ceil(share * len(exact)))) - 1]
        assert true <= run.latency.quantile(share) <= true * 1.002
    assert run.latency.quantile([0.5, 1]).tolist() == [run["latency_ns"]["p50"], run.latency.max]
    assert run.latency.quantile(0.999) == run["latency_ns"]["p99.9"]
    assert sum(count for _, count in run.latency.bins) == run.latency.count == 200
    with pytest.raises(ValueError, match="from 0 to 1"):
        run.latency.quantile(99)


def test_blocks_of_requests_sum_to_the_latency(result):
    for run in result.runs:
        blocks = run["latency_blocks"]
        assert blocks["size"] == 2
        assert blocks["count"] == [2] * 100
        rows = run.requests
        first = rows.latency[rows.request < 2].sum()
        assert blocks["total_ps"][0] == first
        assert sum(blocks["total_ps"]) == run["latency_total_ps"]


def test_a_result_read_back_is_the_same_but_for_its_rows(result, tmp_path):
    result.save(tmp_path / "r.json")
    again = io.Result.load(tmp_path / "r.json")
    assert again.data == result.data and repr(again) == repr(result)
    assert again.runs[0].latency.quantile(0.9) == result.runs[0].latency.quantile(0.9)
    with pytest.raises(ValueError, match="kept no rows"):
        again.runs[0].requests  # noqa: B018


def test_a_result_writes_its_own_timeline(result, chain, tmp_path):
    result.timeline(tmp_path / "again.pftrace")
    io.run(chain, ["sync", "io_uring"], seed=7, timeline=tmp_path / "at_once.pftrace")
    again, at_once = ((tmp_path / f"{name}.pftrace").read_bytes() for name in ("again", "at_once"))
    assert again == at_once and len(again) > 1000
    result.save(tmp_path / "r.json")
    with pytest.raises(ValueError, match="read from a file"):
        io.Result.load(tmp_path / "r.json").timeline(tmp_path / "x.pftrace")


def test_a_frame_has_a_row_per_request_and_design(result):
    frame = result.to_pandas()
    assert len(frame) == 400
    assert set(frame["op"]) == {"send"}
    mean = frame.groupby("design", observed=True)["latency_ns"].mean()
    for run in result.runs:
        assert mean[run.design] == pytest.approx(run.latency.mean, rel=1e-6)
    assert frame["dispatch"].isna().any()


def test_a_result_shows_itself_in_a_terminal_and_in_a_notebook(result):
    assert "io_uring" in repr(result) and "req/s" in repr(result)
    html = result._repr_html_()
    assert "<table>" in html and "io_uring" in html and "<script" not in html


def test_builders_make_what_files_say(chain, tmp_path):
    (tmp_path / "chain.toml").write_text(chain.text())
    assert without_wall(io.run(tmp_path / "chain.toml", ["sync"])) == without_wall(
        io.run(chain, ["sync"])
    )
    jobs = io.fio_job("a", rw="randread", bs="4k", size="16m", number_ios=100, direct=1)
    (tmp_path / "jobs.fio").write_text(jobs.text())
    assert without_wall(io.run(tmp_path / "jobs.fio")) == without_wall(io.run(jobs))


def test_a_machine_builder_changes_parameters(chain):
    slow = io.machine("server_2026").set("costs.context_switch", "20 us").set("cpu.count", 1)
    changed = io.run(chain, ["sync"], machine=slow)
    given = io.run(chain, ["sync"], set={"costs.context_switch": "20 us", "cpu.count": 1})
    assert without_wall(changed) == without_wall(given)
    assert io.machine(cpu__count=1).changes == {"cpu.count": "1"}


def test_a_path_with_quotes_survives(tmp_path):
    odd = io.chain().open('/a "b" \\ \x7f', size=4096).read(4096).close()
    assert io.run(odd, ["sync"])["runs"][0]["errors"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: io.machine().set("costs.context_switch", 2e-6),
        lambda: io.run(io.chain().nop(), set={"costs.context_switch": 0.5}),
        lambda: io.chain().open("/a", size=1.5).sendfile().close().text(),
        lambda: io.chain().open("/a").read(4096.0).text(),
        lambda: io.chain().issued(interval=0.001),
        lambda: io.access_log("a.log", load=0.6),
        lambda: io.fio_job(size=1e9).text(),
    ],
)
def test_a_bare_float_is_refused(wrong):
    with pytest.raises(TypeError, match=r"unit|string"):
        wrong()


def test_what_is_wrong_is_an_exception_with_places(tmp_path):
    (tmp_path / "bad.fio").write_text("[a]\nrw=randread\niodept=4\nsize=-1\n")
    with pytest.raises(io.InputError, match="iodepth") as caught:
        io.run(tmp_path / "bad.fio")
    findings = caught.value.findings
    assert [(f["line"], f["severity"]) for f in findings] == [(3, "error"), (4, "error")]
    assert findings[0]["file"].endswith("bad.fio") and "iodepth" in findings[0]["hint"]
    assert isinstance(caught.value, ValueError)


def test_the_interpreter_goes_on_while_a_design_runs(chain):
    ticks = []
    done = threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    io.run(chain.issued(clients=64, repeat=2000), ["sync"], keep_requests=False)
    done.set()
    thread.join()
    assert len(ticks) > 20


def test_a_second_run_waits_for_the_first(chain):
    alone = without_wall(io.run(chain, ["sync", "io_uring"]))
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(without_wall(io.run(chain, ["sync", "io_uring"])))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [alone] * 4


def test_a_stop_token_ends_a_run_from_another_thread():
    token = io.StopToken()
    timer = threading.Timer(0.3, token.stop)
    timer.start()
    with pytest.raises(io.Stopped):
        io.run(LONG, ["io_uring"], stop=token, keep_requests=False)
    assert token.stopped


@pytest.mark.parametrize("driver", ["hosted", "free"])
@pytest.mark.parametrize("design", ["sync", "linux_aio", "io_uring", "task_chain"])
def test_an_interrupt_ends_a_run_at_once_and_leaves_nothing_behind(chain, driver, design):
    before = without_wall(io.run(chain))
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        io.run(LONG, [design], driver=driver, keep_requests=False)
    assert time.monotonic() - start < 5
    assert without_wall(io.run(chain)) == before


def test_the_next_run_after_an_interrupt_is_that_of_a_new_process(iodrome, chain):
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        io.run(LONG, ["task_chain"], keep_requests=False)
    (iodrome.folder / "chain.toml").write_text(chain.text())
    fresh = json.loads(iodrome("run", "chain.toml", "--json").stdout)
    del fresh["wall"]
    assert without_wall(io.run(chain)) == fresh


def test_a_refused_request_holds_no_lock(chain):
    for _ in range(50):
        with pytest.raises(io.InputError):
            io.run("nowhere.log")
    assert io.run(chain, ["sync"]).runs[0]["requests"] == 200


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"seed": 1.7}, TypeError), ({"seed": True}, TypeError), ({"seed": -1}, ValueError),
        ({"seed": 1 << 64}, ValueError), ({"skip_bad": 1.9}, TypeError),
        ({"skip_bad": -1}, ValueError),
    ],
)  # fmt: skip
def test_what_is_no_whole_number_is_refused(chain, options, error):
    with pytest.raises(error, match=next(iter(options))):
        io.run(chain, "sync", **options)


def test_one_design_may_be_given_as_a_name(chain):
    assert io.run(chain, "task_chain").designs == ["task_chain"]


def test_switches_of_a_job_file_are_written_as_fio_reads_them():
    jobs = io.fio_job("a", rw="read", size="1m", direct=False, norandommap=True)
    assert "direct=0\n" in jobs.text() and "norandommap=1\n" in jobs.text()
    assert io.run(jobs, "sync").runs[0]["errors"] == 0
    with pytest.raises(ValueError, match="one line"):
        io.fio_job("a", **{"rw=read\nbs": "4k"}).text()


def test_links_and_devices_stay_what_they_are(result, tmp_path):
    real = tmp_path / "real.json"
    real.write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(real)
    result.save(link)
    assert link.is_symlink() and json.loads(real.read_text())["seed"] == 7
    os.mkfifo(tmp_path / "pipe")
    heard = []
    reader = threading.Thread(target=lambda: heard.append((tmp_path / "pipe").read_text()))
    reader.start()
    result.save(tmp_path / "pipe")
    reader.join(10)
    assert json.loads(heard[0])["seed"] == 7 and (tmp_path / "pipe").is_fifo()


def test_a_run_without_requests_can_be_exported(tmp_path):
    def app(client):
        return
        yield

    empty = io.run(io.workload(app), "sync")
    for ending in ("html", "fio.json", "fio.txt", "csv", "requests.csv", "hgrm"):
        empty.report(tmp_path / f"r.{ending}")


def test_a_scenario_s_machine_file_lies_beside_it(iodrome, tmp_path):
    (tmp_path / "d").mkdir()
    source = io.core.data_dir() / "scenarios" / "machines" / "server_2026.toml"
    (tmp_path / "d" / "mine.toml").write_text(source.read_text())
    (tmp_path / "d" / "s.toml").write_text('machine = "./mine.toml"\n[[chain.step]]\nop = "nop"\n')
    done = iodrome("run", "d/s.toml", "--design", "sync", "-q")
    assert done.returncode == 0, done.stderr
