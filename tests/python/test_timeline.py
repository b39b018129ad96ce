# SPDX-License-Identifier: Apache-2.0
"""`iodrome run --timeline`: what the files hold, read by readers of other make."""

import json
import os
import re
import shutil

import pytest

from tests.python.conftest import ROOT, Command, web_log
from tests.python.timelines import Trace, decode, read_vcd, unknown_fields

DESIGNS = ["sync", "linux_aio", "io_uring", "task_chain"]
CHAIN = ROOT / "scenarios" / "chain.toml"

needs_protoc = pytest.mark.skipif(shutil.which("protoc") is None, reason="needs protoc")


def write(command, source, target, *words):
    done = command("run", source, "--timeline", target, "--json", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def input_of(folder, name):
    if name == "chain":
        return CHAIN
    path = folder / "small.log"
    path.write_text(web_log(120))
    return path


@pytest.fixture(scope="module", params=["chain", "log"])
def race(request, tmp_path_factory):
    """A race of all designs in one .pftrace, its text and the folder with it."""
    folder = tmp_path_factory.mktemp("timeline")
    command = Command(folder, dict(os.environ))
    result = write(command, input_of(folder, request.param), "x.pftrace", "--design",
                   ",".join(DESIGNS))
    return json.loads(result), folder / "x.pftrace"


@pytest.fixture(scope="module")
def trace(race):
    return Trace(race[1])


def of_design(trace, design):
    """The process track of a design, and the tracks somewhere below it."""
    top = next(uuid for uuid, track in trace.tracks.items()
               if track.process and track.name == design)
    below = {top}
    for uuid, track in trace.tracks.items():
        if track.parent in below:
            below.add(uuid)
    return top, [trace.tracks[uuid] for uuid in below]


@needs_protoc
def test_a_trace_holds_no_field_that_the_published_schema_does_not_name(race):
    packets = decode(race[1])
    assert len(packets) > 1000
    assert sum((unknown_fields(packet) for packet in packets), []) == []


@needs_protoc
def test_every_design_of_a_race_is_a_process_that_says_what_was_run(race, trace):
    result, _ = race
    processes = [track for track in trace.tracks.values() if track.process]
    assert [track.name for track in processes] == DESIGNS
    for track in processes:
        facts = track.instants[0].facts
        assert facts["design"] == track.name
        assert facts["seed"] == str(result["seed"])
        assert facts["scenario"] == result["scenario"]
        assert facts["version"]


@needs_protoc
def test_the_stages_of_a_request_tile_its_latency(race, trace):
    result, _ = race
    for run in result["runs"]:
        _, tracks = of_design(trace, run["design"])
        requests = [track for track in tracks
                    if track.slices and track.slices[0].name.startswith("request ")]
        assert len(requests) == run["requests"]
        total = 0
        for track in requests:
            whole, *stages = track.slices
            assert {part.depth for part in stages} == {1}
            assert [part.begin for part in stages[1:]] == [part.end for part in stages[:-1]]
            assert (stages[0].begin, stages[-1].end) == (whole.begin, whole.end)
            latency = int(whole.facts["latency_ps"])
            assert sum(int(part.facts["ps"]) for part in stages) == latency
            assert abs(1000 * (whole.end - whole.begin) - latency) < 1000
            total += latency
        assert total == run["latency_total_ps"]
        for stage, took in run["stage_total_ps"].items():
            assert took == sum(int(part.facts["ps"]) for track in requests
                               for part in track.slices if part.name == stage)


@needs_protoc
def test_the_slowest_are_ranked_and_shown_once(race, trace):
    for run in race[0]["runs"]:
        _, tracks = of_design(trace, run["design"])
        ranked = [track for track in tracks if track.rank]
        assert sorted(track.rank for track in ranked) == list(range(1, 21))
        ranked.sort(key=lambda track: track.rank)
        latencies = [int(track.slices[0].facts["latency_ps"]) for track in ranked]
        others = [int(track.slices[0].facts["latency_ps"]) for track in tracks
                  if track.name == "request"]
        assert latencies == sorted(latencies, reverse=True)
        assert latencies[-1] >= max(others)
        assert latencies[0] / 1000 == pytest.approx(run["latency_ns"]["max"], rel=0.001)


@needs_protoc
def test_arrows_lead_from_the_submission_by_way_of_device_and_completion_to_the_reap(race, trace):
    assert trace.flows
    through = set()
    for hops in trace.flows.values():
        hops.sort(key=lambda hop: (hop[0], hop[1]))
        ends = [hop for hop in hops if hop[4]]
        assert len(ends) <= 1 and len(hops) > 1
        own = [hop for hop in hops if hop[2].name == "request" or hop[2].rank]
        assert len(own) == 2, own
        assert own[1][4] and own[1][0] == max(hop[0] for hop in hops)
        assert own[1][3] == "reap"
        names = [hop[3] for hop in sorted(hops, key=lambda hop: hop[0]) if hop not in own]
        through.update(names)
        assert names.count("block_rq_issue") == names.count("block_rq_complete")
    assert {"block_rq_issue", "block_rq_complete", "io_accepted", "io_complete"} <= through


@needs_protoc
def test_a_device_s_completion_lies_in_an_interrupt_of_its_cpu(trace):
    completions = 0
    for track in trace.of_parent("I/O by CPU"):
        cpu = int(track.name.split()[1])
        entries = [item for item in trace.ftrace[cpu] if item[1].startswith("irq_handler_e")]
        for instant in track.instants:
            if instant.name != "block_rq_complete":
                continue
            completions += 1
            begun = sum(item[0] <= instant.begin and item[1] == "irq_handler_entry"
                        for item in entries)
            ended = sum(item[0] < instant.begin and item[1] == "irq_handler_exit"
                        for item in entries)
            assert begun > ended, (cpu, instant)
    assert completions


@needs_protoc
def test_no_thread_runs_twice_in_a_row_and_no_cpu_runs_two_threads(trace):
    names = {track.name for track in trace.tracks.values() if track.thread}
    assert {"sync/0", "task_chain/0"} <= names
    changes = []
    for tid, states in trace.states.items():
        for before, after in zip(states, states[1:], strict=False):
            assert before[0] <= after[0]
            assert not before[1] == after[1] == "TASK_STATE_RUNNING"
        changes += [(time, state, cpu, tid) for time, state, cpu in states]
    assert any(state == "TASK_STATE_RUNNING" for _, state, _, _ in changes)
    running = {}
    for packet in trace.packets:
        for message in packet["generic_kernel_task_state_event"]:
            tid, state = message["tid"][0], message["state"][0]
            cpu = message["cpu"][0]
            left = [at for at, who in running.items() if who == tid]
            # Perfetto ends a thread's slice on the CPU that the leaving event names.
            assert not left or left == [cpu]
            running.pop(left[0] if left else None, None)
            if state == "TASK_STATE_RUNNING":
                assert cpu not in running
                running[cpu] = tid


@needs_protoc
def test_counters_come_back_to_nothing_and_never_fall_below(trace):
    counters = [track for track in trace.tracks.values() if track.counter]
    assert len(counters) == 2 * len(DESIGNS)
    for track in counters:
        assert min(value for _, value in track.counts) == 0
        assert track.counts[-1][1] == 0
        assert [time for time, _ in track.counts] == sorted(time for time, _ in track.counts)
    assert any(value > 0 for track in counters for _, value in track.counts)


@needs_protoc
def test_interrupts_and_softirqs_begin_before_they_end(trace):
    seen = set()
    for events in trace.ftrace.values():
        assert [event[0] for event in events] == sorted(event[0] for event in events)
        depth = {"irq_handler": 0, "softirq": 0}
        for _, name, message in events:
            seen.add(name)
            stem, _, what = name.rpartition("_")
            if what in ("entry", "exit") and stem in depth:
                depth[stem] += 1 if what == "entry" else -1
                assert depth[stem] in (0, 1), name
            if name == "irq_handler_entry":
                assert re.fullmatch(r"nvme0q\d+|eth0", message["name"][0])
        assert depth == {"irq_handler": 0, "softirq": 0}
    assert {"irq_handler_entry", "softirq_raise", "softirq_entry"} <= seen


@pytest.mark.parametrize("suffix", ["pftrace", "ftrace", "vcd"])
def test_the_same_command_twice_writes_the_same_bytes(iodrome, tmp_path, suffix):
    source = input_of(tmp_path, "log")
    written = []
    for name in ("a", "b"):
        write(iodrome, source, f"{name}.{suffix}", "--design", "io_uring")
        written.append((tmp_path / f"{name}.{suffix}").read_bytes())
    assert written[0] and written[0] == written[1]
    assert not list(tmp_path.glob(".*"))


def test_a_timeline_changes_nothing_of_the_result(iodrome, tmp_path):
    source = input_of(tmp_path, "log")
    plain = json.loads(iodrome("run", source, "--json").stdout)["runs"]
    for suffix in ("pftrace", "ftrace", "vcd"):
        assert json.loads(write(iodrome, source, f"x.{suffix}"))["runs"] == plain


def test_text_and_waves_have_a_file_for_each_design(iodrome, tmp_path):
    for suffix in ("ftrace", "vcd"):
        write(iodrome, CHAIN, f"x.{suffix}", "--design", "sync,io_uring")
        assert sorted(path.name for path in tmp_path.glob(f"*.{suffix}")) == [
            f"x.io_uring.{suffix}", f"x.sync.{suffix}"]


LINE = re.compile(r"\s*(.+)-(\d+)\s+\[(\d{3})\] (\S{5}) (\d+\.\d{9}): (\w+): (.*)")


def ftrace_lines(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return [LINE.fullmatch(line).groups() for line in lines]


def test_the_text_has_a_line_per_event_in_order(iodrome, tmp_path):
    source = input_of(tmp_path, "log")
    result = json.loads(write(iodrome, source, "x.ftrace", "--design", "task_chain"))
    run = result["runs"][0]
    lines = ftrace_lines(tmp_path / "x.ftrace")
    times = [float(line[4]) for line in lines]
    assert times == sorted(times)
    names = [line[5] for line in lines]
    assert names.count("io_submit") == names.count("io_reap") == run["requests"]
    to_threads = sum(name == "sched_switch" and "next_pid=0" not in line[6]
                     for name, line in zip(names, lines, strict=True))
    assert to_threads == run["counters"]["context_switches"]
    # Counters begin with the workload and end with the last application thread: before, the drive
    # was brought up; afterwards the network card goes on a little.
    at = {name: [t for n, t in zip(names, times, strict=True) if n == name] for name in set(names)}
    first, last, entries = at["io_submit"][0], at["io_reap"][-1], at["irq_handler_entry"]
    inside = sum(first <= time <= last for time in entries)
    assert inside <= run["counters"]["interrupts"] <= len(entries)
    assert names.count("sys_enter") == run["counters"]["syscalls"]


@pytest.mark.parametrize(("machine", "design"), [
    *(("server_2026", design) for design in DESIGNS), ("server_2007", "io_uring")])
def test_waves_have_an_edge_for_every_event_of_the_hardware(iodrome, tmp_path, machine, design):
    source = input_of(tmp_path, "log")
    words = ("--design", design, "--machine", machine)
    write(iodrome, source, "x.vcd", *words)
    write(iodrome, source, "x.ftrace", *words)
    wave = read_vcd(tmp_path / "x.vcd")
    wave = {name.removeprefix("SystemC."): signal.changes for name, signal in wave.items()}
    events = [(name, dict(pair.split("=", 1) for pair in fields.split() if "=" in pair),
               round(float(time) * 1e9))
              for _, _, _, _, time, name, fields in ftrace_lines(tmp_path / "x.ftrace")]

    storage, number = ("nvme0", "1") if machine == "server_2026" else ("ahci0", "2")
    for device, known_as in ((storage, number), ("eth0", "3")):
        rung = [time for name, fields, time in events
                if name == "doorbell" and fields["device"] == known_as]
        counts = wave[f"{device}.doorbells"]
        assert counts[-1][1] == len(rung) > 0
        assert sorted({time // 1000 for time, value in counts if value}) == sorted(set(rung))

    lines = [name for name in wave if re.search(r"\.irq\d+$", name)]
    raised_in_all = 0
    for line in lines:
        vector = line.rpartition("irq")[2]
        raised = sum(kind == "irq_raise" and fields["vector"] == vector
                     for kind, fields, _ in events)
        raised_in_all += raised
        assert wave[f"{line}_messages"][-1][1] == raised
        ups = sum(value for _, value in wave[line])
        downs = sum(1 - value for _, value in wave[line][1:])
        assert ups == downs <= raised
        assert bool(ups) == bool(raised)
    # A CPU's own timer is no device's line.
    timer = "236"
    assert raised_in_all == sum(kind == "irq_raise" and fields["vector"] != timer
                                for kind, fields, _ in events) > 0
    names = {fields["irq"]: fields["name"] for name, fields, _ in events
             if name == "irq_handler_entry" and fields["irq"] != timer}
    for vector, name in names.items():
        assert f"{name.partition('q')[0]}.irq{vector}" in lines

    flight = wave[f"{storage}.in_flight"]
    assert flight[-1][1] == 0 < max(value for _, value in flight)
    cpus = [name for name in wave if re.fullmatch(r"cpu\d+\.thread", name)]
    switches = {(f"cpu{int(line[2])}.thread", round(float(line[4]) * 1e9))
                for line in ftrace_lines(tmp_path / "x.ftrace") if line[5] == "sched_switch"}
    edges = {(name, time // 1000) for name in cpus for time, _ in wave[name][1:]}
    assert edges and edges <= switches


@pytest.mark.parametrize(("words", "cause"), [
    (["x.json"], "no known ending: there are .pftrace (Perfetto), .ftrace (text) and .vcd"),
    (["x"], "no known ending"),
    (["x.vcd", "--driver", "free"], "a .vcd needs the driver 'hosted'"),
    (["nowhere/x.vcd"], "there is no directory 'nowhere'"),
])
def test_a_timeline_that_cannot_be_written_is_refused_before_the_race(iodrome, tmp_path, words,
                                                                      cause):
    done = iodrome("run", CHAIN, "--timeline", *words)
    assert done.returncode == 2
    assert cause in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_race_that_fails_leaves_no_part_of_a_timeline(iodrome, tmp_path):
    (tmp_path / "bad.log").write_text("nonsense\n")
    for suffix in ("pftrace", "vcd"):
        assert iodrome("run", "bad.log", "--timeline", f"x.{suffix}").returncode != 0
    assert [path.name for path in tmp_path.iterdir()] == ["bad.log"]
