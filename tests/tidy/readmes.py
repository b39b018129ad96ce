# SPDX-License-Identifier: Apache-2.0
"""Pages: fixed headings, parameters as the files have them, links that lead somewhere."""

import re
import tomllib
from pathlib import PurePosixPath

from tests.tidy.sources import ROOT, Files, _walk

DESIGN_HEADINGS = (
    "What",
    "Path of one request",
    "Supported / Rejected / Differs",
    "Parameters",
    "Sources",
)
DEVICE_HEADINGS = ("What", "Registers", "Timing", "Faults", "Parameters", "Not modelled", "Sources")
DESIGN_LINES = 60
_ROW = re.compile(r"^\| *`([^`]+)` *\| *([^|]*?) *\|", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)")


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.+?) *$", text, re.MULTILINE)


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one."""
    parts = re.split(r"^## (.+?) *$\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)).get(heading, "")


def designs(files: Files) -> list[str]:
    """The folders of designs: whatever lies directly below model/designs/."""
    return sorted({path.split("/")[2] for path in files if _deep(path, "model/designs/", 4)})


def devices(files: Files) -> list[str]:
    """The kinds of devices: folders of hw/ that have parts."""
    kinds = {path.split("/")[1] for path in files if _deep(path, "hw/", 4)}
    return sorted(kind for kind in kinds if any(p.startswith(f"hw/{kind}/params/") for p in files))


def _deep(path: str, folder: str, parts: int) -> bool:
    return path.startswith(folder) and len(path.split("/")) >= parts


def violations(files: Files) -> list[str]:
    found = []
    for design in designs(files):
        folder = f"model/designs/{design}"
        text = files.get(f"{folder}/README.md")
        if text is None:
            found.append(f"{folder}: no README.md")
            continue
        page = f"{folder}/README.md"
        if headings(text) != list(DESIGN_HEADINGS):
            found.append(f"{page}: its headings are not {', '.join(DESIGN_HEADINGS)}")
        if text.count("\n") > DESIGN_LINES:
            found.append(f"{page}: more than {DESIGN_LINES} lines")
        found += _parameters(page, text, files.get(f"{folder}/params.toml"), design)
    for kind in devices(files):
        page = f"hw/{kind}/README.md"
        have = headings(files.get(page, ""))
        if [name for name in have if name in DEVICE_HEADINGS] != list(DEVICE_HEADINGS):
            found.append(f"{page}: its headings lack some of {', '.join(DEVICE_HEADINGS)}")
    return found


def _parameters(page: str, text: str, params: str | None, table: str) -> list[str]:
    """The rows under Parameters are the keys of params.toml, in its order, with its values."""
    wanted = _flat(tomllib.loads(params)[table]) if params else {}
    shown = _ROW.findall(section(text, "Parameters"))
    found = []
    keys = [key for key, _ in shown]
    if keys != list(wanted):
        missing = [key for key in wanted if key not in keys]
        extra = [key for key in keys if key not in wanted]
        found.append(f"{page}: Parameters: missing {missing}, unknown {extra}, or another order")
    for key, value in shown:
        if key in wanted and value != wanted[key]:
            found.append(f"{page}: Parameters: {key} is {wanted[key]}, not {value}")
    return found


def _flat(table: dict, prefix: str = "") -> dict[str, str]:
    values = {}
    for key, entry in table.items():
        if "value" in entry:
            value = entry["value"]
            values[prefix + key] = str(value).lower() if isinstance(value, bool) else str(value)
        else:
            values |= _flat(entry, f"{prefix}{key}.")
    return values


def places() -> set[str]:
    """Every file and folder of the repository."""
    paths = [path.relative_to(ROOT) for path in _walk()]
    return {place.as_posix() for path in paths for place in (path, *path.parents)}


def dead_links(files: Files, known: set[str]) -> list[str]:
    """Links of pages that lead to no file or folder of the repository; pictures are left out."""
    found = []
    for path, text in files.items():
        for target in _LINK.findall(text):
            if "://" in target:
                continue
            steps: list[str] = []
            for step in (PurePosixPath(path).parent / target).parts:
                if step == "..":
                    del steps[-1:]
                else:
                    steps.append(step)
            if "/".join(steps) not in known:
                found.append(f"{path}: {target} is not there")
    return found
