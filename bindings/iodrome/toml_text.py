# SPDX-License-Identifier: Apache-2.0
"""Values as TOML has them."""

from __future__ import annotations

import json

Quantity = str | int


def as_setting(what: str, value: object) -> str:
    """A parameter's value as a file would have it.

    Errors: TypeError for a bare float and for anything that is no quantity.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        raise TypeError(f"{what}: {value} has no unit; write a string, such as '{value:g} us'")
    if isinstance(value, int | str):
        return str(value)
    raise TypeError(f"{what}: a quantity is a string with its unit or an integer, not {value!r}")


def toml_value(what: str, value: object) -> str:
    """A TOML value. JSON's strings are TOML's but for one character that TOML wants escaped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(what, item) for item in value) + "]"
    text = value if isinstance(value, str) else as_setting(what, value)
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
