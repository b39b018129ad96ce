# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas for editors and other programs, made from the catalogue: what the files may hold,
and what a result holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from iodrome import catalogue, pages, result_schema
from iodrome.catalogue import Parameter

Schema = dict[str, Any]

_NUMBER = r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)"
_BLANK = "[ \\t]*"
_POLICIES = ("first_fit", "round_robin", "least_loaded", "cost_model", "learned")
_JOBS = ("copy", "xor", "memset", "crc32c", "cipher", "hash")  # what providers do
STORAGE = ("nvme", "disk", "virtio_blk")  # the kinds of storage.kind, which are folders of hw/


def _quantity(type_name: str) -> str:
    """The texts that the simulator reads as a quantity of that type."""
    units = catalogue.data()["units"][type_name]
    return f"^{_BLANK}{_NUMBER}{_BLANK}({'|'.join(map(re.escape, units))}){_BLANK}$"


def _value(type_name: str) -> Schema:
    """What a file may give for a parameter of that type."""
    whole = {"type": "integer", "minimum": 0}
    share = f"^{_BLANK}({_NUMBER}{_BLANK}%?|[0-9]+{_BLANK}/{_BLANK}[0-9]+){_BLANK}$"
    forms: dict[str, Callable[[], Schema]] = {
        "duration": lambda: {"type": "string", "pattern": _quantity("duration")},
        "rate": lambda: {"type": "string", "pattern": _quantity("rate")},
        "bytes": lambda: {"anyOf": [whole, {"type": "string", "pattern": _quantity("bytes")}]},
        "count": lambda: {"anyOf": [whole, {"type": "string", "pattern": "^[0-9]+$"}]},
        "share": lambda: {
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": share}]
        },
        "flag": lambda: {"enum": [True, False, "true", "false"]},
        "text": lambda: {"type": "string"},
    }
    return forms[type_name]()


def _parameter(row: Parameter) -> Schema:
    storage = [part for part in catalogue.parts() if part.folder in STORAGE]
    engines = [part for part in catalogue.parts() if part.folder == "dma"]
    names: dict[str, list[str]] = {
        "block.scheduler": ["none", "deadline", "mq-deadline"],
        "storage.kind": list(dict.fromkeys(part.kind for part in storage)),
        "storage.part": [part.name for part in storage],
        "network.part": [part.name for part in catalogue.parts() if part.kind == "nic"],
        "network.clients": [part.name for part in catalogue.parts() if part.kind == "clients"],
        "dma.kind": list(dict.fromkeys(part.kind for part in engines)),
        "dma.part": [part.name for part in engines],
        "crypto.part": [part.name for part in catalogue.parts() if part.folder == "crypto"],
        "providers.policy": [*_POLICIES],
        **{f"providers.{job}": ["any", "engine", "cpu"] for job in _JOBS},
        "providers.cpu_work": ["caller", "kthread"],
        "cpu.preemption": ["none", "full"],
        "cpu.hrtimers": ["high", "tick"],
    }
    schema = {"enum": names[row.key]} if row.key in names else _value(row.type)
    return {"description": row.help, **schema}


def _object(properties: Schema, required: Iterable[str] = (), **more: Any) -> Schema:
    schema = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    return {**schema, "required": list(required)} if required else schema


def _nested(rows: Iterable[Parameter], leaf: Callable[[Parameter], Schema], all_: bool) -> Schema:
    """Dotted keys as tables in tables; `all_`: every key must be there."""
    tree: Schema = {}
    for row in rows:
        *folders, name = row.key.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = row

    def schema(node: Schema | Parameter) -> Schema:
        if isinstance(node, Parameter):
            return leaf(node)
        properties = {name: schema(below) for name, below in node.items()}
        return _object(properties, properties if all_ else ())

    return schema(tree)


def _all_parameters() -> list[Parameter]:
    """What `--set` takes on any machine."""
    rows = {row.key: row for row in catalogue.parameters()}
    for told in catalogue.machines():
        for row in told.parameters:
            rows.setdefault(row.key, row)
    for part in catalogue.parts():
        for row in part.parameters:
            rows.setdefault(row.key, row)
    return list(rows.values())


def _settings() -> Schema:
    rows = _all_parameters()
    quoted = "|".join(re.escape(row.key) for row in rows)
    schema = _nested(rows, _parameter, all_=False)
    scalar = {"type": ["string", "number", "boolean"]}
    return {**schema, "patternProperties": {f"^({quoted})$": scalar}}


def _forms() -> dict[str, Callable[[], Schema]]:
    """By form of a scenario's key: what may stand there."""
    told = catalogue.data()
    operations = [operation["name"] for operation in told["operations"]]
    amounts = [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": _quantity("bytes")},
        {"type": "string", "pattern": r"^\$.+\.[a-z]+$"},
    ]
    machines = [machine.name for machine in catalogue.machines()]
    designs = [design.name for design in catalogue.designs()]
    loads = rf"^(trace|closed:[0-9]+|{_NUMBER}{_BLANK}%?|[0-9]+/[0-9]+)$"
    return {
        "machine": lambda: {
            "anyOf": [{"enum": machines}, {"type": "string", "pattern": r"/|\.toml$"}]
        },
        "designs": lambda: {"type": "array", "minItems": 1, "items": {"enum": designs}},
        "seed": lambda: {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
        "parameters": _settings,
        "kind": lambda: {"enum": told["workload_kinds"]},
        "path": lambda: {"type": "string", "minLength": 1},
        "load": lambda: {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
                {"type": "string", "pattern": loads},
            ]
        },
        "number": lambda: {"type": "integer", "minimum": 1},
        "duration": lambda: {"type": "string", "pattern": _quantity("duration")},
        "operation": lambda: {"enum": operations},
        "name": lambda: {"type": "string"},
        "descriptor": lambda: {"type": "string", "pattern": r"^\$.+\.fd$"},
        "port": lambda: {"type": "integer", "minimum": 1, "maximum": 65535},
        "events": lambda: {
            "type": "array",
            "items": {
                "enum": ["in", "out", "close_write", "moved_to", "create", "modify", "delete"]
            },
        },
        "value": lambda: {"anyOf": amounts},
        "offset": lambda: {"anyOf": [*amounts, {"const": "random"}]},
        "flags": lambda: {"type": "array", "items": {"enum": told["flags"]}},
        "priority": lambda: {"enum": told["priorities"]},
        "sync_action": lambda: {"enum": told["sync_actions"]},
        "size": lambda: {
            "anyOf": [
                {"type": "integer", "minimum": 4096},
                {"type": "string", "pattern": _quantity("bytes")},
            ]
        },
        "reaction": lambda: {"enum": told["error_reactions"]},
        "short_reaction": lambda: {"enum": told["short_reactions"]},
        "boolean": lambda: {"type": "boolean"},
        "byte": lambda: {"type": "integer", "minimum": 0, "maximum": 255},
        "names": lambda: {"type": "array", "items": {"type": "string"}},
        "bytes": lambda: {"anyOf": amounts[:2]},
        "design": lambda: {"enum": designs},
        "metrics": lambda: {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "figure": lambda: {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": _quantity("duration")},
            ]
        },
    }


def scenario() -> Schema:
    """The schema of scenario files."""
    forms = _forms()

    def table(name: str) -> Schema:
        rows = [row for row in catalogue.data()["scenario_keys"] if row["table"] == name]
        return _object({row["key"]: key(row) for row in rows})

    def key(row: dict[str, str]) -> Schema:
        below = f"{row['table']}.{row['key']}".lstrip(".")
        if row["form"] == "table":
            schema = table(below)
        elif row["form"] == "chains":
            chain = {**table(below), "required": ["step"]}
            schema = {"anyOf": [chain, {"type": "array", "minItems": 1, "items": chain}]}
        elif row["form"] == "figures":
            figure = table(below)
            figure["required"] = list(figure["properties"])
            schema = {"type": "array", "minItems": 1, "items": figure}
        elif row["form"] == "steps":
            step = {**table(below), "required": ["op"]}
            schema = {"type": "array", "minItems": 1, "items": step}
        else:
            schema = forms[row["form"]]()
        return {"description": row["help"], **schema}

    root = table("")
    return _headed("scenario", {**root, "anyOf": [{"required": ["chain"]}, {"required": [
        "workload"]}]})  # fmt: skip


def _entry(row: Parameter) -> Schema:
    """A parameter in a file: its value and where that comes from."""
    properties = {
        "value": _parameter(row),
        "source": {"type": "string", "minLength": 1, "description": "Where the value comes from."},
        "date": {"type": "string", "description": "When it was measured or read: 2026-11."},
        "guess": {"type": "boolean", "description": "Nobody measured it."},
        "fitted": {"type": "boolean", "description": "Chosen so that a published table comes out."},
    }
    return _object(properties, ("value", "source"), description=row.help)


def machine() -> Schema:
    """The schema of machine files."""
    rows: dict[str, Parameter] = {}
    tables: list[set[str]] = []
    of_parts = {row.key for part in catalogue.parts() for row in part.parameters}
    for told in catalogue.machines():
        own = [row for row in told.parameters if row.key not in of_parts]
        rows |= {row.key: row for row in own if row.key not in rows}
        tables.append({row.key.partition(".")[0] for row in own})
    schema = _nested(rows.values(), _entry, all_=True)
    everywhere = set.intersection(*tables)  # a table that some machine lacks may be left out
    required = [name for name in schema["required"] if name in everywhere]
    return _headed("machine", {**schema, "required": required})


def part() -> Schema:
    """The schema of part files: one table, of the kind of the device."""
    kinds = {each.kind: each for each in catalogue.parts()}
    tables = [_nested(each.parameters, _entry, all_=True) for each in kinds.values()]
    return _headed("part", {"oneOf": tables})


def result() -> Schema:
    """The schema of the result object."""
    return _headed("result", result_schema.body(catalogue.data(), pages.sections("docs/result.md")))


def _headed(name: str, body: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:iodrome:schema:{name}",
        "title": f"Iodrome: {name}",
        **body,
    }


SCHEMAS: dict[str, Callable[[], Schema]] = {
    "scenario": scenario,
    "machine": machine,
    "part": part,
    "result": result,
}
