# SPDX-License-Identifier: Apache-2.0
"""What a race returned: the data, and the figures that every report shows."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from iodrome import quantities
from iodrome.files import write_atomically

# The closed lists of the model, in the order in which a request or a CPU meets them.
STAGES = (
    "arrival",
    "submit",
    "kernel",
    "run_queue",
    "lock",
    "queue",
    "device",
    "network",
    "hardirq",
    "softirq",
    "wakeup",
    "copy",
    "stolen",
    "reap",
)
CONTEXTS = ("user", "syscall", "kthread", "softirq", "hardirq", "switch", "spin", "idle")
# Two values closer than this are called equal: a single seed does not tell them apart.
TIE = 0.01


def total(value) -> int:
    """A counter that may be split by reason: {"method POST": 3} counts 3."""
    return sum(value.values()) if isinstance(value, dict) else int(value or 0)


@dataclass(frozen=True)
class Metric:
    """One column of the summary: how to read it from a run, and which direction is better."""

    key: str
    label: str
    better: str  # "less", "more" or "" where neither is
    read: Callable[[dict], float | None]
    text: Callable[[float], str]


def _latency(name: str) -> Callable[[dict], float | None]:
    return lambda run: run.get("latency_ns", {}).get(name)


def _per_request(group: str, name: str) -> Callable[[dict], float | None]:
    def read(run: dict) -> float | None:
        value = run.get(group, {}).get(name)
        return None if value is None or not run.get("requests") else value / run["requests"]

    return read


def _throughput(name: str) -> Callable[[dict], float | None]:
    return lambda run: run.get("throughput", {}).get(name)


def cpu_ns_per_request(run: dict) -> float | None:
    """CPU time that was not idle, spread over the requests."""
    if not run.get("requests") or "cpu_ns" not in run:
        return None
    busy = sum(time for context, time in run["cpu_ns"].items() if context != "idle")
    return busy / run["requests"]


def _rate(value: float) -> str:
    return quantities.scaled(value)


def _bytes_rate(value: float) -> str:
    return quantities.scaled(value, "B/s")


METRICS = (
    Metric("mean", "mean", "less", _latency("mean"), quantities.duration),
    Metric("p50", "p50", "less", _latency("p50"), quantities.duration),
    Metric("p99", "p99", "less", _latency("p99"), quantities.duration),
    Metric("p99.9", "p99.9", "less", _latency("p99.9"), quantities.duration),
    Metric("max", "max", "less", _latency("max"), quantities.duration),
    Metric("requests_per_s", "req/s", "more", _throughput("requests_per_s"), _rate),
    Metric("bytes_per_s", "bytes/s", "more", _throughput("bytes_per_s"), _bytes_rate),
    Metric("cpu", "CPU/req", "less", cpu_ns_per_request, quantities.duration),
    Metric(
        "context_switches",
        "switches/req",
        "less",
        _per_request("counters", "context_switches"),
        quantities.three_digits,
    ),
    Metric(
        "interrupts",
        "irqs/req",
        "less",
        _per_request("counters", "interrupts"),
        quantities.three_digits,
    ),
)
METRIC = {metric.key: metric for metric in METRICS}


class Result:
    """The result of one race: `result["runs"]` and the other keys of the JSON, and the reports."""

    def __init__(self, data: dict, text: str | None = None):
        self.data = data
        self._text = text

    @classmethod
    def from_json(cls, text: str) -> "Result":
        return cls(json.loads(text), text)

    @classmethod
    def load(cls, path) -> "Result":
        return cls.from_json(Path(path).read_text(encoding="utf-8"))

    def __getitem__(self, key: str):
        return self.data[key]

    def __repr__(self) -> str:
        from iodrome import reports

        return reports.render("terminal", self)

    @property
    def runs(self) -> list[dict]:
        return self.data["runs"]

    @property
    def designs(self) -> list[str]:
        return [run["design"] for run in self.runs]

    def run_of(self, design: str) -> dict:
        for run in self.runs:
            if run["design"] == design:
                return run
        raise KeyError(f"no run of '{design}'; there are {', '.join(self.designs)}")

    def to_json(self) -> str:
        return self._text if self._text is not None else json.dumps(self.data, indent=1)

    def save(self, path) -> None:
        """Writes the JSON, whole or not at all."""
        write_atomically(path, self.to_json().rstrip("\n") + "\n")

    def report(self, path, command: str | None = None) -> None:
        """Writes the report that the file name's ending asks for, such as `.html`."""
        from iodrome import reports

        write_atomically(path, reports.render(reports.name_for(path), self, command))
