# SPDX-License-Identifier: Apache-2.0
"""Sweeps: every combination once, in any executor, and never lost."""

import json
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import iodrome as io
from iodrome import sweeps, vary


@pytest.fixture
def chain():
    return io.chain().open("/a", size="16 KiB").sendfile().close().issued(2, 10, "100 us")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a,b, c", ["a", "b", "c"]),
        ("1..256:x2", ["1", "2", "4", "8", "16", "32", "64", "128", "256"]),
        ("1..4", ["1", "2", "3", "4"]),
        ("1..10:+4", ["1", "5", "9"]),
        ("0.1..0.3:+0.1", ["0.1", "0.2", "0.3"]),
        ("1us..4us:x2", ["1us", "2us", "4us"]),
        ("4..16 KiB:x2", ["4 KiB", "8 KiB", "16 KiB"]),
        ("5", ["5"]),
    ],
)
def test_values_are_a_list_or_a_range(text, values):
    assert vary.values("key", text) == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "single commas"),
        ("1,,2", "single commas"),
        ("1,1", "twice"),
        ("1..x", "no range"),
        ("8..1", "does not rise"),
        ("0..8:x2", "does not rise"),
        ("1..8:x1", "does not rise"),
        ("1..8:+0", "does not rise"),
        ("1us..4ms:x2", "two units"),
        ("1.2.3..4", "holds no number"),
        ("1..99999999", "more than 10,000"),
    ],
)
def test_wrong_values_are_refused_with_their_key(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        vary.values("cpu.count", text)
    assert str(caught.value).startswith("cpu.count: ")


def test_every_combination_runs_with_every_seed_in_order(chain, tmp_path):
    made = io.sweep(
        chain,
        {"cpu.count": [1, 2], "design": "sync,task_chain"},
        reps=3, seed=5, store=tmp_path,
    )  # fmt: skip
    rows = made.rows()
    assert [(r["cpu.count"], r["design"], r["seed"]) for r in rows] == [
        (cpus, design, seed)
        for cpus in ("1", "2")
        for design in ("sync", "task_chain")
        for seed in (5, 6, 7)
    ]
    alone = io.run(chain, ["task_chain"], seed=6, set={"cpu.count": 2})
    place = ("2", "task_chain", 6)
    row = next(row for row in rows if (row["cpu.count"], row["design"], row["seed"]) == place)
    assert row["mean"] == alone.runs[0].latency.mean
    assert row["stage_device_ns"] == alone.runs[0]["stages_ns"]["device"]


def test_a_frame_is_tidy_and_numbers_are_numbers(chain, tmp_path):
    frame = io.sweep(chain, {"cpu.count": "1..4:x2"}, designs=["sync"], store=tmp_path).to_pandas()
    assert frame["cpu.count"].tolist() == [1, 2, 4]
    assert {"design", "seed", "mean", "p99", "stage_kernel_ns", "cpu_idle_ns"} <= {*frame.columns}


def test_what_is_stored_is_not_run_again(chain, tmp_path, monkeypatch):
    first = io.sweep(chain, {"cpu.count": "1,2"}, store=tmp_path)
    monkeypatch.setattr(sweeps, "run_point", lambda request: pytest.fail("ran again"))
    again = io.sweep(chain, {"cpu.count": "2,1"}, store=tmp_path)
    assert sorted(map(str, again.rows())) == sorted(map(str, first.rows()))


def test_a_point_s_key_is_made_of_all_it_follows_from(tmp_path, monkeypatch):
    log = tmp_path / "a.log"
    log.write_text("one")
    scenario = tmp_path / "s.toml"
    scenario.write_text('[workload]\npath = "a.log"\n')
    machine = tmp_path / "m.toml"
    machine.write_text("cpu = 1")

    def key(**changes):
        options = {"machine": machine, "seed": 1, "set": {"a.b": "1"}, "designs": ["sync"]}
        return sweeps.points(scenario, {"k": "1"}, **{**options, **changes})[0].key

    keys = [key(), key(seed=2), key(set={"a.b": "2"}), key(designs=["io_uring"]), key(machine=None)]
    scenario.write_text('[workload]\npath = "a.log"\n# another\n')
    keys.append(key())
    log.write_text("two")
    keys.append(key())
    machine.write_text("cpu = 2")
    keys.append(key())
    monkeypatch.setattr(sweeps, "build_id", lambda: "another build")
    keys.append(key())
    assert len(set(keys)) == len(keys)
    assert key() == keys[-1]


def key_of(input, **options):
    return sweeps.points(input, {"cpu.count": "1"}, **options)[0].key


def test_a_key_follows_a_builder_to_its_log(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one")
    first = key_of(io.access_log(log))
    log.write_text("two")
    assert key_of(io.access_log(log)) != first


@pytest.mark.parametrize(
    ("name", "text"),
    [("s.toml", 'machine = "./m.toml"\n'), ("j.fio", "; sim: machine={}/m.toml\n")],
)
def test_a_key_follows_an_input_to_its_machine(tmp_path, name, text):
    (tmp_path / name).write_text(text.format(tmp_path))
    (tmp_path / "m.toml").write_text("one")
    first = key_of(tmp_path / name)
    (tmp_path / "m.toml").write_text("two")
    assert key_of(tmp_path / name) != first


def test_a_key_follows_a_job_file_to_what_it_includes_and_to_the_environment(tmp_path, monkeypatch):
    (tmp_path / "j.fio").write_text("[a]\ninclude b.fio\n")
    (tmp_path / "b.fio").write_text("bs=${BS}\n")
    monkeypatch.setenv("BS", "4k")
    keys = [key_of(tmp_path / "j.fio")]
    monkeypatch.setenv("BS", "64k")
    keys.append(key_of(tmp_path / "j.fio"))
    (tmp_path / "b.fio").write_text("bs=${BS}\nrw=read\n")
    keys.append(key_of(tmp_path / "j.fio"))
    (tmp_path / "b.fio").write_text("include j.fio\n")  # a circle ends
    keys.append(key_of(tmp_path / "j.fio"))
    assert len(set(keys)) == 4


def test_a_sweep_takes_what_a_run_takes(chain, tmp_path):
    slow = io.machine("server_2026", cpu__count=1)
    built = io.sweep(chain, {"costs.softirq": "1us"}, designs="sync", machine=slow, store=tmp_path)
    assert [row["design"] for row in built.rows()] == ["sync"]
    alone = io.run(chain, "sync", machine=slow, set={"costs.softirq": "1us"})
    assert built.rows()[0]["mean"] == alone.runs[0].latency.mean

    def app(client):
        yield io.open("/a")

    with pytest.raises(TypeError, match="a file or what a builder makes"):
        io.sweep(io.workload(app), {"cpu.count": "1"}, store=tmp_path)
    with pytest.raises(TypeError, match="seed is an integer"):
        io.sweep(chain, {"cpu.count": "1"}, seed=1.5, store=tmp_path)


def test_machines_by_path_are_a_list_and_no_range():
    assert vary.values("machine", "../a.toml,../b.toml") == ["../a.toml", "../b.toml"]


def test_unlike_points_never_share_a_panel(chain, tmp_path):
    from iodrome.reports.sweep import charts

    four = {"cpu.count": "1,2", "costs.softirq": "1us,2us", "costs.irq_entry": "1us,2us",
            "costs.irq_exit": "1us,2us"}  # fmt: skip
    made = io.sweep(chain, four, designs="sync", store=tmp_path)
    rows = charts.charts(made)["p99"]["data"]["values"]
    assert len({(row["x"], row["column"], row["row"]) for row in rows}) == len(rows) == 16


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_any_executor_gives_the_same_rows(chain, tmp_path, kind):
    points = {"cpu.count": "1..4", "costs.context_switch": "1us,3us"}
    alone = io.sweep(chain, points, designs=["sync"], store=tmp_path / "a")
    if kind == "threads":
        with ThreadPoolExecutor(3) as executor:
            other = io.sweep(
                chain, points, designs=["sync"], store=tmp_path / "b", executor=executor
            )
    else:
        other = io.sweep(chain, points, designs=["sync"], store=tmp_path / "b", jobs=2)
    assert other.rows() == alone.rows()


def test_a_wrong_point_is_refused_and_what_was_done_is_kept(chain, tmp_path):
    with pytest.raises(io.InputError, match=r"cpu\.count"):
        io.sweep(chain, {"cpu.count": "1,0"}, designs=["sync"], store=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(io.InputError, match=r"cpu\.count"):
        io.sweep(chain, {"cpu.count": "0,-1"}, designs=["sync"], store=tmp_path, jobs=2)
    with pytest.raises(ValueError, match="reps"):
        io.sweep(chain, {"cpu.count": "1"}, reps=0, store=tmp_path)
    with pytest.raises(TypeError, match="unit"):
        io.sweep(chain, {"costs.context_switch": [0.5]}, store=tmp_path)


def test_a_damaged_result_in_the_store_is_made_anew(chain, tmp_path):
    made = io.sweep(chain, {"cpu.count": "1"}, store=tmp_path)
    next(tmp_path.iterdir()).write_text("{")
    assert io.sweep(chain, {"cpu.count": "1"}, store=tmp_path).rows() == made.rows()


SWEEP = ("sweep", "chain.toml", "--vary", "cpu.count=1..4", "--vary", "page_cache.readahead=4KiB,"
         "8KiB,16KiB,32KiB,64KiB", "--reps", "10", "--design", "sync,task_chain", "-j", "2", "-q",
         "--store", "store")  # fmt: skip


def killed(command, wanted):
    """Starts the sweep and kills it, workers and all, once the store holds so many results."""
    process = subprocess.Popen(
        [os.sys.executable, "-m", "iodrome", *SWEEP],
        cwd=command.folder, env=command.environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    store = command.folder / "store"
    while process.poll() is None and len(list(store.glob("[!.]*.json"))) < wanted:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_sweep_that_is_killed_ten_times_ends_as_if_it_never_was(iodrome, chain):
    (iodrome.folder / "chain.toml").write_text(chain.text())
    store = iodrome.folder / "store"
    written = {}
    for attempt in range(10):
        killed(iodrome, wanted=15 * (attempt + 1))
        for file in store.glob("[!.]*.json"):
            stamp = written.setdefault(file.name, file.stat().st_mtime_ns)
            assert file.stat().st_mtime_ns == stamp, "a point ran twice"
            json.loads(file.read_text())
    assert 0 < len(written) < 200
    done = iodrome(*SWEEP, "--csv", "broken.csv")
    assert done.returncode == 0, done.stderr
    assert len(list(store.glob("[!.]*.json"))) == 200
    assert all(
        (store / name).stat().st_mtime_ns == stamp for name, stamp in written.items()
    ), "a point ran twice"
    unbroken = iodrome(*SWEEP[:-1], "other", "--csv", "unbroken.csv")
    assert unbroken.returncode == 0, unbroken.stderr
    assert unbroken.stdout == done.stdout
    broken_csv, unbroken_csv = (
        (iodrome.folder / name).read_text() for name in ("broken.csv", "unbroken.csv")
    )
    assert broken_csv == unbroken_csv
    assert len(unbroken_csv.splitlines()) == 1 + 200 * 2


def test_an_interrupt_says_what_is_kept(iodrome):
    long = io.fio_job("a", rw="randread", bs="4k", size="512g", number_ios=50_000_000, direct=1)
    (iodrome.folder / "long.fio").write_text(long.text())
    race = iodrome.start("sweep", "long.fio", "--vary", "cpu.count=1,2", "--design", "sync")
    time.sleep(1.5)
    race.send_signal(signal.SIGINT)
    _, messages = race.communicate(timeout=20)
    assert race.returncode == 130
    assert "0 of 2 points are kept; the same command goes on" in messages


def test_wrong_usage_is_refused_before_anything_runs(iodrome, chain):
    (iodrome.folder / "chain.toml").write_text(chain.text())
    for words, message in [
        (("--vary", "cpu.count"), "not KEY=VALUES"),
        (("--vary", "cpu.count=1,1"), "twice"),
        (("--vary", "cpu.count=1", "--vary", "cpu.count=2"), "varied twice"),
        (("--vary", "cpu.cuont=1"), "cpu.count"),
        (("--vary", "cpu.count=1", "--design", "sync,"), "single commas"),
        (("--vary", "cpu.count=1", "--csv", "nowhere/a.csv"), "no directory"),
    ]:
        done = iodrome("sweep", "chain.toml", *words)
        assert (done.returncode, done.stdout) == (2, ""), (words, done.stderr)
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_the_page_shows_every_point_and_carries_its_rows(chain, tmp_path):
    made = io.sweep(chain, {"cpu.count": "1,2"}, designs=["sync"], reps=2, store=tmp_path / "s")
    made.report(tmp_path / "s.html")
    page = (tmp_path / "s.html").read_text()
    assert "a sweep over cpu.count" in page and page.count('<th scope="row"') == 2
    assert "http://" not in page.split("<script>")[0]
    assert len(page) < 1_500_000
