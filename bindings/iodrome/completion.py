# SPDX-License-Identifier: Apache-2.0
"""What a shell completes. A key press waits for it, so nothing heavy is imported; only the names of
parameters and topics ask the extension."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

from iodrome.core import data_dir
from iodrome.kinds import KINDS

VARIABLE = "_IODROME_COMPLETE"
_INPUTS = (".toml", ".fio", ".log", ".log.gz")

Items = list[CompletionItem]


def _starting(names: list[str], incomplete: str, before: str = "") -> Items:
    return [CompletionItem(before + name) for name in names if name.startswith(incomplete)]


def design_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Names of designs, the last of a list with commas; those named before are left out."""
    before, comma, last = incomplete.rpartition(",")
    folders = sorted(page.parent.name for page in data_dir().glob("model/designs/*/README.md"))
    rest = [name for name in folders if name not in before.split(",")]
    return _starting(rest, last, before + comma)


def machine_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Machines by name, and machine files."""
    names = sorted(file.stem for file in data_dir().glob("scenarios/machines/*.toml"))
    return _starting(names, incomplete) + (_files(incomplete, (".toml",)) if incomplete else [])


def input_files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Scenarios, job files and logs, and the folders on the way to them."""
    return _files(incomplete, _INPUTS)


def result_files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Saved results."""
    return _files(incomplete, (".json",))


def any_file(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Whatever the shell itself would offer."""
    return [CompletionItem(incomplete, type="file")]


def _files(incomplete: str, endings: tuple[str, ...]) -> Items:
    folder, slash, start = incomplete.rpartition("/")
    try:
        place = Path(folder + slash).expanduser() if slash else Path()
        entries = sorted(place.iterdir(), key=lambda entry: entry.name)
    except (OSError, RuntimeError):  # no such folder, no such user
        return []
    names = [
        entry.name + "/" if entry.is_dir() else entry.name
        for entry in entries
        if (entry.is_dir() or entry.name.endswith(endings))
        and (start.startswith(".") or not entry.name.startswith("."))
    ]
    return _starting(names, start, folder + slash)


def input_kinds(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Words for `--kind`."""
    from iodrome import catalogue

    return _starting(_told(lambda: catalogue.data()["input_kinds"]), incomplete)


def parameter_keys(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Keys of the machine that the line names so far; after `=` it is the user's turn."""
    if "=" in incomplete:
        return []
    from iodrome import catalogue

    machine = str(context.params.get("machine") or "")
    rows = _told(lambda: catalogue.data(machine)["parameters"])
    return _starting([f"{row['key']}=" for row in rows], incomplete)


def topic_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """What `explain` knows: kinds and names, or the names of the kind that stands before."""
    from iodrome import topics

    words = context.params.get("words") or ()
    kinds = words[:1] if words and words[0] in KINDS else KINDS
    found = _told(lambda: [topic for kind in kinds for topic in topics.topics_of(kind)])
    names = {topic.name for topic in found} | (set() if words else set(KINDS))
    return _starting(sorted(names), incomplete)


def _told(ask: Callable[[], list[Any]]) -> list[Any]:
    """What the extension answers; nothing where it is wrong or not built: a key press is no place
    for messages."""
    try:
        return ask()
    except (ValueError, ImportError):
        return []


def _joined(words: list[str]) -> list[str]:
    """`key`, `=`, `value` as one word."""
    joined: list[str] = []
    for word in words:
        if joined and (word == "=" or joined[-1].endswith("=")):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


class _Bash(BashComplete):
    # No blank after `key=` and `folder/`: the word goes on.
    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)",
        "COMPREPLY+=($value)\n            [[ $value == *[=/] ]] && compopt -o nospace",
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        """Bash takes `=` for a word of its own: `key=value` comes as three."""
        args, incomplete = super().get_completion_args()
        if not incomplete:
            return _joined(args), incomplete
        *args, incomplete = _joined([*args, incomplete])
        return args, incomplete


class _WholeWord(ShellComplete):
    """These shells put the answer in the place of the whole word, `--option=` included."""

    def get_completions(self, args: list[str], incomplete: str) -> Items:
        items = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("--"):
            for item in items:
                item.value = f"{option}={item.value}"
        return items


class _Zsh(_WholeWord, ZshComplete):
    source_template = ZshComplete.source_template.replace(
        "compadd -U -V unsorted -a completions",
        "local -a going_on=(${(M)completions:#*[=/]}) ended=(${completions:#*[=/]})\n"
        "        (( $#going_on )) && compadd -U -S '' -V unsorted -a going_on\n"
        "        (( $#ended )) && compadd -U -V unsorted -a ended",
    ).replace(
        # Only the first call comes this way; without a registration every other key press is lost.
        '    %(complete_func)s "$@"\nelse',
        '    compdef %(complete_func)s %(prog_name)s\n    %(complete_func)s "$@"\nelse',
    )


class _Fish(_WholeWord, FishComplete):
    # Names in a list have commas of their own, and so have explanations.
    source_template = FishComplete.source_template.replace(
        'string split "," $completion', 'string split --max 1 "," $completion'
    )


_CLASSES: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def register() -> None:
    """Makes click answer the shells with these classes."""
    for name, each in _CLASSES.items():
        add_completion_class(each, name)


def script(group: click.Group, shell: str) -> str:
    """What the shell is to evaluate."""
    return _CLASSES[shell](group, {}, "iodrome", VARIABLE).source()
