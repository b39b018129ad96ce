# SPDX-License-Identifier: Apache-2.0
"""Reports, found by folder name. A folder `<name>/` holds `report.py` with

    render(result, command) -> str

and is asked for by the ending of a file name (`.html` is html/) or by its name.
"""

from importlib import import_module
from pathlib import Path


def names() -> list[str]:
    return sorted(place.parent.name for place in Path(__file__).parent.glob("*/report.py"))


def name_for(path) -> str:
    """The report that a file name's ending asks for. Errors: ValueError."""
    reason = why_no_report(path)
    if reason:
        raise ValueError(reason)
    return Path(path).suffix[1:].lower()


def why_no_report(path) -> str | None:
    ending = Path(path).suffix[1:].lower()
    if ending in names() and ending != "terminal":
        return None
    known = ", ".join(f".{name}" for name in names() if name != "terminal")
    return f"'{path}': no report has the ending '.{ending}'; there is {known}"


def find(name: str):
    """The module of a report."""
    return import_module(f"{__name__}.{name}.report")


def render(name: str, result, command: str | None = None) -> str:
    return find(name).render(result, command)
