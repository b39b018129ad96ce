# SPDX-License-Identifier: Apache-2.0
"""Readers for the timelines that the command writes, independent of its writers."""

import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

SCHEMA = Path(__file__).parent / "data" / "perfetto_subset.proto"


def decode(path: Path) -> list[dict]:
    """The packets of a Perfetto trace, by way of protoc. A message is a dict of lists."""
    done = subprocess.run(
        ["protoc", f"--proto_path={SCHEMA.parent}", "--decode=perfetto.protos.Trace", SCHEMA.name],
        stdin=path.open("rb"), capture_output=True, text=True, check=True,
    )
    stack: list[dict] = [defaultdict(list)]
    for line in done.stdout.splitlines():
        line = line.strip()
        if line == "}":
            stack.pop()
        elif line.endswith("{"):
            message = defaultdict(list)
            stack[-1][line[:-2]].append(message)
            stack.append(message)
        else:
            name, _, value = line.partition(": ")
            stack[-1][name].append(value.strip('"') if value[0] == '"' else value)
    return stack[0]["packet"]


def unknown_fields(message: dict) -> list[str]:
    """Fields that the schema has no name for: protoc shows them by number."""
    found = [name for name in message if name.isdigit()]
    for values in message.values():
        for value in values:
            if isinstance(value, dict):
                found += unknown_fields(value)
    return found


@dataclass
class Slice:
    name: str
    begin: int
    end: int = -1
    depth: int = 0
    facts: dict = field(default_factory=dict)


@dataclass
class Track:
    name: str = ""
    parent: int = 0
    process: bool = False
    thread: bool = False
    counter: str = ""
    rank: int = 0
    slices: list[Slice] = field(default_factory=list)
    instants: list[Slice] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)


class Trace:
    """A Perfetto trace, read as its UI reads it. Complains about what the format forbids."""

    def __init__(self, path: Path):
        self.packets = decode(path)
        self.tracks: dict[int, Track] = {}
        self.flows = defaultdict(list)  # (time, order, track, name, last) by flow
        self.states = defaultdict(list)  # (time, state, cpu) by tid
        self.ftrace = defaultdict(list)  # (time, event name, message) by CPU
        self._names: dict[tuple[str, str], str] = {}
        for order, packet in enumerate(self.packets):
            self._read(order, packet)
        for uuid, track in self.tracks.items():
            left = [part.name for part in track.slices if part.end < 0]
            assert not left, f"track {uuid} {track.name}: {left} never end"

    def _read(self, order: int, packet: dict) -> None:
        sequence = packet["trusted_packet_sequence_id"][:1]
        for data in packet["interned_data"]:
            for entry in data["event_names"]:
                self._names[(sequence[0], entry["iid"][0])] = entry["name"][0]
        for message in packet["track_descriptor"]:
            self._describe(message)
        for message in packet["track_event"]:
            self._event(order, int(packet["timestamp"][0]), sequence[0], message)
        for message in packet["generic_kernel_task_state_event"]:
            cpu = int((message["cpu"] or [-1])[0])
            self.states[int(message["tid"][0])].append(
                (int(packet["timestamp"][0]), message["state"][0], cpu))
        for message in packet["ftrace_events"]:
            for event in message["event"]:
                name = next(key for key in event if key not in ("timestamp", "pid"))
                self.ftrace[int((message["cpu"] or [0])[0])].append(
                    (int(event["timestamp"][0]), name, event[name][0]))

    def _describe(self, message: dict) -> None:
        uuid = int(message["uuid"][0])
        assert uuid not in self.tracks, f"track {uuid} is described twice"
        track = self.tracks[uuid] = Track()
        track.parent = int((message["parent_uuid"] or [0])[0])
        track.name = (message["name"] or [""])[0]
        track.process, track.thread = bool(message["process"]), bool(message["thread"])
        track.rank = int((message["sibling_order_rank"] or [0])[0])
        for counter in message["counter"]:
            track.counter = counter["unit_name"][0]
        for process in message["process"]:
            track.name = process["process_name"][0]
        for thread in message["thread"]:
            track.name = thread["thread_name"][0]
        assert track.parent == 0 or track.parent in self.tracks

    def _event(self, order: int, time: int, sequence: str, message: dict) -> None:
        track = self.tracks[int(message["track_uuid"][0])]
        kind = message["type"][0]
        iid = message["name_iid"]
        name = self._names[(sequence, iid[0])] if iid else ""
        facts = {item["name"][0]: (item["uint_value"] or item["string_value"])[0]
                 for item in message["debug_annotations"]}
        open_ones = [part for part in track.slices if part.end < 0]
        if kind == "TYPE_SLICE_BEGIN":
            assert not open_ones or time >= open_ones[-1].begin
            track.slices.append(Slice(name, time, depth=len(open_ones), facts=facts))
        elif kind == "TYPE_SLICE_END":
            assert open_ones, f"{track.name}: an end without a beginning"
            assert time >= open_ones[-1].begin
            open_ones[-1].end = time
        elif kind == "TYPE_INSTANT":
            track.instants.append(Slice(name, time, time, facts=facts))
        else:
            assert track.counter, f"{track.name} is no counter"
            track.counts.append((time, int(message["counter_value"][0])))
        for ids, last in (("flow_ids", False), ("terminating_flow_ids", True)):
            for flow in message[ids]:
                self.flows[flow].append((time, order, track, name, last))

    def of_parent(self, name: str) -> list[Track]:
        """The tracks below all tracks of that name."""
        return [track for track in self.tracks.values()
                if track.parent and self.tracks[track.parent].name == name]


@dataclass
class Signal:
    name: str
    bits: int
    changes: list[tuple[int, int]] = field(default_factory=list)  # (ps, value)


def read_vcd(path: Path) -> dict[str, Signal]:
    """The signals of a value change dump, by their full names. Times must not go back."""
    by_id, scope, time = {}, [], 0
    tokens = iter(path.read_text().split())
    for token in tokens:
        if token == "$scope":
            next(tokens)
            scope.append(next(tokens))
        elif token == "$upscope":
            scope.pop()
        elif token == "$var":
            _, bits, code, name = (next(tokens) for _ in range(4))
            by_id[code] = Signal(".".join([*scope, name]), int(bits))
        elif token == "$timescale":
            scale = next(tokens) + next(tokens)
            assert scale.startswith("1ps"), scale
        elif token.startswith("#"):
            assert int(token[1:]) >= time
            time = int(token[1:])
        elif token[0] == "b" and token[1:].isdigit():
            by_id[next(tokens)].changes.append((time, int(token[1:], 2)))
        elif token[0] in "01" and token[1:] in by_id:
            by_id[token[1:]].changes.append((time, int(token[0])))
    return {signal.name: signal for signal in by_id.values()}
