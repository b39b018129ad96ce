# SPDX-License-Identifier: Apache-2.0
"""The form of the result object. What each key means stands in docs/result.md alone: a key that is
not documented there is not in the schema."""

import re
from typing import Any

from iodrome import pages

Schema = dict[str, Any]

_NUMBER: Schema = {"type": "number", "minimum": 0}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_COUNTS: Schema = {"type": "object", "additionalProperties": _WHOLE}


def _exactly(names: list[str], value: Schema) -> Schema:
    return {
        "type": "object",
        "properties": dict.fromkeys(names, value),
        "required": names,
        "additionalProperties": False,
    }


def _list_of(value: Schema) -> Schema:
    return {"type": "array", "items": value}


def _run_types(told: dict[str, Any]) -> Schema:
    stages = [row["name"] for row in told["stages"]]
    classes = [row["name"] for row in told["cpu_classes"]]
    counters = [row["name"] for row in told["counters"]]
    quantiles = ["mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"]
    held = _exactly(["max", "total"], _NUMBER)
    blocked = _exactly(["max", "total", "causes"], _NUMBER)
    blocked["properties"]["causes"] = {"type": "object", "additionalProperties": _NUMBER}
    provider = _exactly(["name", "completed", "failed", "moved", "bytes", "busy_ns"], _WHOLE)
    provider["properties"] |= {"name": _TEXT, "busy_ns": _NUMBER}
    return {
        "design": {"enum": [*(row["name"] for row in told["designs"]), "kernel"]},
        "requests": _WHOLE,
        "errors": _WHOLE,
        "errors_by_errno": _COUNTS,
        "skipped": _COUNTS,
        "simulated_ns": _NUMBER,
        "latency_ns": _exactly(quantiles, _NUMBER),
        "latency_total_ps": _WHOLE,
        "stage_total_ps": _exactly(stages, _WHOLE),
        "stages_ns": _exactly(stages, _NUMBER),
        "throughput": _exactly(["requests_per_s", "bytes_per_s"], _NUMBER),
        "cpu_ns": _exactly(classes, _NUMBER),
        "counters": _exactly(counters, _WHOLE),
        "submit_held_ns": held,
        "submit_blocked_ns": blocked,
        "bytes": _WHOLE,
        "client_bytes": _WHOLE,
        "client_bytes_wrong": _WHOLE,
        "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "latency_curve": _list_of({**_list_of(_NUMBER), "minItems": 2, "maxItems": 2}),
        "latency_bins": _list_of({**_list_of(_WHOLE), "minItems": 2, "maxItems": 2}),
        "providers": _list_of(provider),
        "notes": _TEXTS,
    }


def _race_types(run: Schema) -> Schema:
    not_modelled = _exactly(["what", "where"], _TEXT)
    source = _exactly(["key", "value", "unit", "source", "date", "guess", "fitted"], _TEXT)
    source["properties"] |= {"guess": {"type": "boolean"}, "fitted": {"type": "boolean"}}
    published = _exactly(["row", "design", "metrics", "value", "unit", "source"], _TEXT)
    published["properties"] |= {"metrics": _TEXTS, "value": _NUMBER, "unit": {"enum": ["ns", "/s"]}}
    return {
        "scenario": _TEXT,
        "machine": _TEXT,
        "seed": {**_WHOLE, "maximum": 2**64 - 1},
        "workload": {"type": "object"},
        "runs": {**_list_of(run), "minItems": 1},
        "published": _list_of(published),
        "not_modelled": _list_of(not_modelled),
        "sources": _list_of(source),
        "warnings": _TEXTS,
    }


def _documented(text: str, types: Schema) -> Schema:
    """An object with the keys of a page's table; those whose form is known must be there."""
    properties: Schema = {}
    for key, meaning in pages.rows(text):
        for name in re.findall(r"`([^`]+)`", key):
            properties[name] = {"description": pages.plain(meaning), **types.get(name, {})}
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name in types],
        "additionalProperties": False,
    }


def body(told: dict[str, Any], page: dict[str, str]) -> Schema:
    """The schema, from the catalogue's closed lists and the sections of docs/result.md."""
    run = _documented(page["A run"], _run_types(told))
    return _documented(page["The race"], _race_types(run))
