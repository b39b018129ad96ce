# SPDX-License-Identifier: Apache-2.0
import click


@click.command(short_help="Print a script that makes a shell complete this command.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell. To switch it on:

    \b
    bash   iodrome completion bash > ~/.local/share/bash-completion/completions/iodrome
    zsh    iodrome completion zsh > a file named _iodrome in a folder of $fpath
    fish   iodrome completion fish > ~/.config/fish/completions/iodrome.fish
    """
    from iodrome.cli import group
    from iodrome.completion import script

    click.echo(script(group, shell))
