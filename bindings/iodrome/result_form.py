# SPDX-License-Identifier: Apache-2.0
"""What a result must have for reports and comparisons to read it: checked where a file comes in, so
that nothing behind has to. The documented form is narrower; see result_schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from iodrome.latency import SUB_BITS
from iodrome.metrics import CONTEXTS, STAGES

# Yields what is wrong with a value, as texts that start with its place.
Form = Callable[[str, Any], Iterator[str]]

_MOST_SHOWN = 5
_ABOVE_ALL = 2**64  # of any unit: the simulator counts in 64 bits


def _is(found: bool, place: str, wanted: str) -> Iterator[str]:
    if not found:
        yield f"{place} is {wanted}"


def _whole(place: str, value: Any) -> Iterator[str]:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _ABOVE_ALL
    yield from _is(good, place, "no whole number from 0 on")


def _number(place: str, value: Any) -> Iterator[str]:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    yield from _is(good and 0 <= value < _ABOVE_ALL, place, "no number from 0 on")


def _text(place: str, value: Any) -> Iterator[str]:
    good = isinstance(value, str) and not any("\ud800" <= each <= "\udfff" for each in value)
    yield from _is(good, place, "no text")


def _bin(place: str, value: Any) -> Iterator[str]:
    yield from _pair_of(_whole)(place, value)
    if isinstance(value, list) and value and isinstance(value[0], int):
        yield from _is(value[0] < (64 - SUB_BITS) << SUB_BITS, place, "no bin of the histogram")


def _list_of(form: Form) -> Form:
    def check(place: str, value: Any) -> Iterator[str]:
        yield from _is(isinstance(value, list), place, "no array")
        for index, each in enumerate(value if isinstance(value, list) else ()):
            yield from form(f"{place}[{index}]", each)

    return check


def _pair_of(form: Form) -> Form:
    def check(place: str, value: Any) -> Iterator[str]:
        yield from _list_of(form)(place, value)
        if isinstance(value, list):
            yield from _is(len(value) == 2, place, "no pair")

    return check


def _table(needed: dict[str, Form], more: dict[str, Form] | None = None) -> Form:
    """An object with these keys, perhaps some of `more`, and whatever else."""

    def check(place: str, value: Any) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place} is no object"
            return
        for key, form in {**(more or {}), **needed}.items():
            if key in value:
                yield from form(f"{place}.{key}".lstrip("."), value[key])
            elif key in needed:
                yield f"{f'{place}.{key}'.lstrip('.')} is missing"

    return check


def _each(form: Form) -> Form:
    """An object whose values all have one form."""

    def check(place: str, value: Any) -> Iterator[str]:
        yield from _is(isinstance(value, dict), place, "no object")
        for key, each in value.items() if isinstance(value, dict) else ():
            yield from _text(f"a key of {place}", key)
            yield from form(f"{place}.{key}", each)

    return check


def _exactly(names: Iterable[str], form: Form) -> Form:
    """An object with these keys and no other: a closed list of the model."""
    known = dict.fromkeys(names, form)

    def check(place: str, value: Any) -> Iterator[str]:
        yield from _table(known)(place, value)
        for key in value if isinstance(value, dict) else ():
            yield from _is(key in known, f"{place}.{key}", "not known")

    return check


def _counts(place: str, value: Any) -> Iterator[str]:
    """A number of things, or several by reason."""
    yield from (_each(_whole) if isinstance(value, dict) else _whole)(place, value)


def _counters(place: str, value: Any) -> Iterator[str]:
    yield from _table(dict.fromkeys(("context_switches", "interrupts"), _whole))(place, value)
    if isinstance(value, dict):
        yield from _each(_whole)(place, value)


def _any(_place: str, _value: Any) -> Iterator[str]:
    yield from ()


_HELD = _table({"max": _number, "total": _number})
_RUN = _table(
    {
        "design": _text,
        "requests": _whole,
        "errors": _counts,
        "skipped": _counts,
        "simulated_ns": _number,
        "latency_ns": _table(dict.fromkeys(("mean", "p50", "p99", "p99.9", "max"), _number)),
        "latency_total_ps": _whole,
        "stage_total_ps": _exactly(STAGES, _whole),
        "stages_ns": _exactly(STAGES, _number),
        "throughput": _table(dict.fromkeys(("requests_per_s", "bytes_per_s"), _number)),
        "cpu_ns": _exactly(CONTEXTS, _number),
        "counters": _counters,
        "submit_held_ns": _HELD,
        "submit_blocked_ns": _table(
            {"max": _number, "total": _number}, {"causes": _each(_number)}
        ),
        "bytes": _whole,
        "fingerprint": _text,
        "latency_curve": _list_of(_pair_of(_number)),
        "costs": _each(_table({"count": _whole, "total_ps": _whole})),
        "notes": _list_of(_text),
    },
    {
        "errors_by_errno": _each(_whole),
        "design_counters": _each(_whole),
        "providers": _list_of(
            _table(
                {
                    "name": _text,
                    **dict.fromkeys(("completed", "failed", "moved", "bytes"), _whole),
                    "busy_ns": _number,
                }
            )
        ),
        "client_bytes": _whole,
        "client_bytes_wrong": _whole,
        "latency_bins": _list_of(_bin),
        "latency_blocks": _table(
            {"size": _whole, "count": _list_of(_whole), "total_ps": _list_of(_whole)}
        ),
    },
)
_SOURCE = {"value": _any, **dict.fromkeys(("key", "unit", "source", "date"), _text)}
_PUBLISHED = _table(
    {
        **dict.fromkeys(("row", "design", "unit", "source"), _text),
        "metrics": _list_of(_text),
        "value": _number,
    }
)
_RESULT = _table(
    {
        "scenario": _text,
        "machine": _text,
        "seed": _whole,
        "workload": _each(_any),
        "runs": _list_of(_RUN),
        "published": _list_of(_PUBLISHED),
        "not_modelled": _list_of(_table({"what": _text, "where": _text})),
        "sources": _list_of(_table(_SOURCE)),
        "warnings": _list_of(_text),
    }
)


def why_no_result(data: Any) -> str | None:
    """What is wrong with JSON data as a result, or None."""
    runs = data.get("runs") if isinstance(data, dict) else None
    if not isinstance(runs, list) or not runs:
        return "it holds no runs"
    if not all(isinstance(run, dict) and isinstance(run.get("design"), str) for run in runs):
        return "its runs name no designs"
    wrong = list(_RESULT("", data))
    more = f" and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
    return "; ".join(wrong[:_MOST_SHOWN]) + more or None
