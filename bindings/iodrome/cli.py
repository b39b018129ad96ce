# SPDX-License-Identifier: Apache-2.0
"""The command `iodrome`. Each sub-command is a module of iodrome.commands, found by its name."""

import os
import sys
from importlib import import_module
from pkgutil import iter_modules

import click

from iodrome import commands
from iodrome.nearest import Verbs, with_hints


class Commands(Verbs):
    """Sub-commands by module name."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The names of the modules in `commands/`. Order: by name."""
        return sorted(module.name for module in iter_modules(commands.__path__))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of a module, or None where no module has that name."""
        if name not in self.list_commands(context):
            return None
        command: click.Command = import_module(f"iodrome.commands.{name}").command
        return with_hints(command)


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from iodrome.simulator import version

        click.echo(f"iodrome {version()}")
        context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Show the version and exit.",
)  # fmt: skip
def group() -> None:
    """Race asynchronous-I/O kernel designs on a simulated machine.

    Try: iodrome run access.log.gz --design sync,io_uring --report race.html
    """


def main() -> None:
    """Exit codes: 0 fine, 1 a fault of the simulator or of the disk, 2 bad usage or input, 3 not
    as recorded, 130 interrupted."""
    if "_IODROME_COMPLETE" in os.environ:
        from iodrome import completion

        completion.register()
    try:
        # A command that ends with a code of its own (Context.exit) has it returned here.
        code = group.main(prog_name="iodrome", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _last_words("interrupted", 130)
    except BrokenPipeError:
        _close_output()
        sys.exit(1)
    except Exception as error:
        if os.environ.get("IODROME_TRACEBACK"):
            raise
        _fault(error)


def _fault(error: Exception) -> None:
    # The extension is loaded by now if the error is one of its own.
    core = sys.modules.get("iodrome._core")
    if core is not None and isinstance(error, core.InputError):
        click.echo(str(error).rstrip("\n"), err=True)
        sys.exit(2)
    if isinstance(error, OSError) and error.strerror:
        _close_output()
        place = f"'{error.filename}': " if error.filename is not None else ""
        _last_words(f"{place}{error.strerror}", 1)
    if isinstance(error, ImportError) and "_core" in str(error):
        _last_words(f"the simulator is not built ({error}); in a checkout, run ./dev demo", 1)
    text = " ".join(str(error).split()) or type(error).__name__
    hint = " (IODROME_TRACEBACK=1 shows where)"
    if core is not None and isinstance(error, core.ModelError):
        _last_words(f"internal error: {text}{hint}", 1)
    _last_words(f"internal error: {type(error).__name__}: {text}{hint}", 1)


def _close_output() -> None:
    """What is still buffered has nowhere to go, and Python would complain about it at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _last_words(text: str, code: int) -> None:
    click.echo(f"iodrome: {text}", err=True)
    sys.exit(code)
