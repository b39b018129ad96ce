# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: ARCHITECTURE.md, "Who may include whom"."""

import re

from tests.tidy.sources import Files, includes

# Each layer may include itself and the layers before it.
ORDER = (
    "engine",
    "events",
    "ports",
    "memory",
    "kernel",
    "drivers",
    "providers",
    "chain",
    "designs",
    "app",
    "workloads",
    "testbed",
    "bindings",
)
_RANK = {name: rank for rank, name in enumerate(ORDER)}
_UP_TO = {name: set(ORDER[: rank + 1]) for name, rank in _RANK.items()}
_OBSERVERS = {"metrics", "checkers", "timeline", "explore"}

MAY = {
    **_UP_TO,
    "hosted": {"engine", "ports", "hosted"},
    "metrics": {"engine", "events", "metrics"},
    "checkers": {"engine", "events", "checkers"},
    "timeline": {"engine", "events", "timeline"},
    "explore": {"engine", "explore"},
    "input": {"engine", "input"},
    "common": {"engine", "events", "ports", "common"},
    "core": {"engine", "events", "ports", "common", "core"},
    "factory": {"engine", "events", "ports", "common", "core", "factory"},
    "shell": {"engine", "events", "ports", "common", "core", "hosted"},
}
MAY["workloads"] = MAY["workloads"] | {"input"}
MAY["testbed"] = MAY["testbed"] | _OBSERVERS | {"factory", "hosted", "input"}
MAY["bindings"] = MAY["bindings"] | _OBSERVERS | {"hosted", "input"}

_SHARED = ("hw/ports.h", "hw/memory/memory_bus.h")  # by all devices
_SYSTEMC = re.compile(r"^(systemc|tlm|sysc/|tlm_core/|tlm_utils/)")


def layer(path: str) -> str | None:
    """The layer of a file under model/, hw/ or bindings/; None for a place that has none."""
    parts = path.split("/")
    if parts[0] == "bindings":
        return "bindings"
    if parts[0] == "hw":
        return _hardware_layer(parts)
    if parts[0] != "model" or len(parts) < 3:
        return None
    if parts[1:3] == ["engine", "hosted"]:
        return "hosted"
    if parts[1:3] == ["workloads", "input"]:
        return "input"
    return parts[1] if parts[1] in MAY and parts[1] not in ("ports", "bindings") else None


def _hardware_layer(parts: list[str]) -> str | None:
    stem = parts[-1].rsplit(".", 1)[0]
    if "/".join(parts) in _SHARED or stem == "memory_bus":
        return "ports"
    if len(parts) == 3 and (parts[2] == "registers.h" or parts[2].endswith("_registers.h")):
        return "ports"
    if len(parts) == 2 and stem == "factory":
        return "factory"
    if parts[1] == "memory":
        return "memory"
    if parts[1] == "core":
        return "common"
    if stem.endswith("_shell"):
        return "shell"
    return "core" if len(parts) >= 3 else None


def violations(files: Files) -> list[str]:
    found = []
    for path, text in files.items():
        if not path.startswith(("model/", "hw/", "bindings/")):
            continue
        own = layer(path)
        if own is None:
            found.append(f"{path}:1: this place belongs to no layer")
            continue
        for line, quoted, target in includes(text):
            reason = _refusal(path, own, quoted, target)
            if reason:
                found.append(f"{path}:{line}: {reason}")
    return found


def _refusal(path: str, own: str, quoted: bool, target: str) -> str | None:
    if not quoted:
        if _SYSTEMC.match(target) and own not in ("hosted", "shell"):
            return f"<{target}>: SystemC belongs to model/engine/hosted/ and hw/*_shell.* alone"
        return None
    if not target.startswith(("model/", "hw/", "bindings/")):
        return f'"{target}": includes are written from the root of the repository'
    other = layer(target)
    if other is None:
        return f'"{target}" belongs to no layer'
    if own in ("core", "shell", "ports") and other in ("core", "shell", "ports"):
        return _between_devices(path, target)
    if other not in MAY[own]:
        return f'{own} may not include {other}: "{target}"'
    if own == other == "designs" and _design(target) not in (None, _design(path)):
        return f'a design may not include another: "{target}"'
    return None


def _between_devices(path: str, target: str) -> str | None:
    """A device sees its own folder and the ports."""
    if target in _SHARED or target.split("/")[:2] == path.split("/")[:2]:
        return None
    return f'a device may not include another: "{target}"'


def _design(path: str) -> str | None:
    parts = path.split("/")
    return parts[2] if len(parts) > 3 else None
