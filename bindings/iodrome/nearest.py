# SPDX-License-Identifier: Apache-2.0
"""Did you mean: the one place that finds the nearest right word for a wrong one."""

import difflib
from collections.abc import Iterable
from typing import Any

import click


def nearest(word: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names that a wrong word may have meant, the nearest first."""
    known = {name.lower(): name for name in names}
    return [known[near] for near in difflib.get_close_matches(word.lower(), known, n=most)]


def hint(word: str, names: Iterable[str]) -> str:
    """` Did you mean 'sync'?`, or nothing when no name is near."""
    near = nearest(word, names)
    if not near:
        return ""
    return f" Did you mean {' or '.join(repr(name) for name in near)}?"


class OneOf(click.Choice):  # type: ignore[type-arg]
    """A choice that says which of its words is nearest to a wrong one."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """As click's, with the nearest word in the message. Errors: BadParameter."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            near = hint(str(value), [str(choice) for choice in self.choices])
            if not near:
                raise
            self.fail(f"{error.message}{near}", param, ctx)


class Verbs(click.Group):
    """Sub-commands; a wrong one is answered with the nearest right one."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the nearest verb in the message. Errors: UsageError."""
        known = self.list_commands(context)
        if args and args[0] not in known and not args[0].startswith("-"):
            near = hint(args[0], known) or f" There are {', '.join(known)}."
            context.fail(f"No such command '{args[0]}'.{near}")
        return super().resolve_command(context, args)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The sub-command, its choices with hints; None where there is none of that name."""
        command = super().get_command(context, name)
        return None if command is None else with_hints(command)


def with_hints(command: click.Command) -> click.Command:
    """Turns every choice of a command into one that hints."""
    for parameter in command.params:
        if type(parameter.type) is click.Choice:
            parameter.type = OneOf(
                parameter.type.choices, case_sensitive=parameter.type.case_sensitive
            )
    return command
