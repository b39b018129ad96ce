# SPDX-License-Identifier: Apache-2.0
"""The figures that every report shows, and how each is read from a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from iodrome import quantities

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

RunData = Mapping[str, Any]


def total(value: Any) -> int:
    """A counter that may be split by reason: {"method POST": 3} counts 3."""
    return sum(value.values()) if isinstance(value, dict) else int(value or 0)


@dataclass(frozen=True)
class Metric:
    """One column of the summary: how to read it from a run, and which direction is better."""

    key: str
    label: str
    better: str  # "less", "more" or "" where neither is
    read: Callable[[RunData], float | None]
    text: Callable[[float], str]
    help: str


def _latency(name: str) -> Callable[[RunData], float | None]:
    return lambda run: run.get("latency_ns", {}).get(name)


def _per_request(group: str, name: str) -> Callable[[RunData], float | None]:
    def read(run: RunData) -> float | None:
        value = run.get(group, {}).get(name)
        return None if value is None or not run.get("requests") else value / run["requests"]

    return read


def _throughput(name: str) -> Callable[[RunData], float | None]:
    return lambda run: run.get("throughput", {}).get(name)


def cpu_ns_per_request(run: RunData) -> float | None:
    """CPU time that was not idle, spread over the requests."""
    if not run.get("requests") or "cpu_ns" not in run:
        return None
    busy: float = sum(time for context, time in run["cpu_ns"].items() if context != "idle")
    requests: int = run["requests"]
    return busy / requests


def _bytes_rate(value: float) -> str:
    return quantities.scaled(value, "B/s")


METRICS = (
    Metric("mean", "mean", "less", _latency("mean"), quantities.duration,
           "Mean latency, from the intended arrival until the application has the result."),
    Metric("p50", "p50", "less", _latency("p50"), quantities.duration, "Median latency."),
    Metric("p99", "p99", "less", _latency("p99"), quantities.duration,
           "99th percentile of latency: the verdict goes by it."),
    Metric("p99.9", "p99.9", "less", _latency("p99.9"), quantities.duration,
           "99.9th percentile of latency."),
    Metric("max", "max", "less", _latency("max"), quantities.duration, "The longest latency."),
    Metric("requests_per_s", "req/s", "more", _throughput("requests_per_s"), quantities.scaled,
           "Requests that ended per second of simulated time."),
    Metric("bytes_per_s", "bytes/s", "more", _throughput("bytes_per_s"), _bytes_rate,
           "Payload that reached its destination per second of simulated time."),
    Metric("cpu", "CPU/req", "less", cpu_ns_per_request, quantities.duration,
           "CPU time of all CPUs that was not idle, per request."),
    Metric("context_switches", "switches/req", "less",
           _per_request("counters", "context_switches"), quantities.three_digits,
           "Turns of a CPU from one thread, or idle, to another, per request."),
    Metric("interrupts", "irqs/req", "less", _per_request("counters", "interrupts"),
           quantities.three_digits, "Hardirq handlers started per request."),
)  # fmt: skip
METRIC = {metric.key: metric for metric in METRICS}


def row_of(run: RunData) -> dict[str, Any]:
    """A run as one row: design, requests, errors, every metric, stage and CPU class.

    Units: metrics in ns or per second, stages in ns per request, CPU classes in ns.
    """
    row: dict[str, Any] = {key: run[key] for key in ("design", "requests", "errors")}
    row |= {metric.key: metric.read(run) for metric in METRICS}
    row |= {f"stage_{name}_ns": value for name, value in run["stages_ns"].items()}
    return row | {f"cpu_{name}_ns": value for name, value in run["cpu_ns"].items()}
