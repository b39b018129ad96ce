# SPDX-License-Identifier: Apache-2.0
"""What several sub-commands ask of their words, and how they refuse them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iodrome.result import Result


def names(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> list[str] | None:
    """A,B,…"""
    if value is None:
        return None
    given = [name.strip() for name in value.split(",")]
    if "" in given:
        raise click.BadParameter("wants names separated by single commas")
    twice = next((name for name in given if given.count(name) > 1), None)
    if twice:
        raise click.BadParameter(f"names '{twice}' twice")
    return given


def pairs(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> list[tuple[str, str]]:
    """KEY=VALUE, repeated."""
    found = []
    for value in values:
        key, equals, setting = value.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"'{value}' is not KEY=VALUE")
        found.append((key.strip(), setting.strip()))
    return found


def text(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        _refuse_if_not_text(value)
    return value


def texts(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        _refuse_if_not_text(value)
    return values


def _refuse_if_not_text(value: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise click.BadParameter("is not valid UTF-8")


def target(
    _context: click.Context, _parameter: click.Parameter, path: str | None
) -> str | None:
    """A file to write, or `-`: refused before the work, not after it."""
    if path is None or path == "-":
        return path
    from iodrome.files import why_not_writable

    reason = why_not_writable(path)
    if reason:
        raise click.BadParameter(reason)
    return path


def load_result(path: str | os.PathLike[str], hint: str) -> Result:
    """A saved result. Errors: BadParameter, so that the command ends with 2."""
    from iodrome.result import Result

    try:
        return Result.load(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise click.BadParameter(f"{os.fspath(path)}: {reason}", param_hint=f"'{hint}'") from None
