# SPDX-License-Identifier: Apache-2.0
"""Completion, asked for as a shell asks: by the environment."""

import shutil
import subprocess
import sys
import time

import pytest

import iodrome as io


def completed(command, line: str, shell: str = "bash") -> list[str]:
    """The completions of a line's last word, by value."""
    words = line.split(" ")
    environment = {
        **command.environment,
        "_IODROME_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "iodrome"],
        cwd=command.folder, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    if shell == "zsh":
        return done.stdout.splitlines()[1::3]
    words = [each.partition(",")[2].partition("\t")[0] for each in done.stdout.splitlines()]
    return [word for word in words if word]


def on_path(command) -> dict[str, str]:
    """An environment in which shells find `iodrome` as a program."""
    programs = command.folder / "bin"
    programs.mkdir()
    (programs / "iodrome").write_text(f'#!/bin/sh\nexec {sys.executable} -m iodrome "$@"\n')
    (programs / "iodrome").chmod(0o755)
    return {**command.environment, "PATH": f"{programs}:{command.environment['PATH']}"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_sub_commands_options_and_names_are_completed_in_every_shell(iodrome, shell):
    assert completed(iodrome, "iodrome ex", shell) == ["explain"]
    assert completed(iodrome, "iodrome run --des", shell) == ["--design"]
    assert completed(iodrome, "iodrome run --design io", shell) == ["io_uring"]
    assert completed(iodrome, "iodrome run --design sync,ta", shell) == ["sync,task_chain"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("run --design sync,",
         ["sync,epoll_threads", "sync,io_uring", "sync,kevent", "sync,linux_aio",
          "sync,posix_aio", "sync,syslets", "sync,task_chain"]),
        ("run --design sync,ta", ["sync,task_chain"]),
        ("run --machine ser", ["server_2007", "server_2026"]),
        ("run --driver f", ["free"]),
        ("run --kind s", ["scenario"]),
        ("run --set costs.syscall_e", ["costs.syscall_entry=", "costs.syscall_exit="]),
        ("run --set disk.rp", []),
        ("run --machine server_2007 --set disk.rp", ["disk.rpm="]),
        ("run --machine server_2062 --set disk.rp", []),
        ("run --set cpu.count=4", []),
        ("list par", ["parameters"]),
        ("list parameters --machine server_2026", ["server_2026"]),
        ("explain task_chain.th", ["task_chain.threads"]),
        ("explain stage de", ["device"]),
        ("explain cpu_", ["cpu_class", "cpu_ns"]),
        ("schema sc", ["scenario"]),
        ("completion z", ["zsh"]),
    ],
)
def test_what_a_word_may_be_is_completed(iodrome, line, words):
    assert completed(iodrome, f"iodrome {line}") == words


def test_every_key_that_set_takes_is_completed(iodrome):
    keys = completed(iodrome, "iodrome run a.log --set ")
    assert keys == [f"{row.key}=" for row in io.parameters()]


def test_inputs_are_completed_with_the_folders_on_the_way(iodrome):
    folder = iodrome.folder
    (folder / "more").mkdir()
    for name in ("a.toml", "a.fio", "a.log.gz", "a.txt", "more/b.log", ".a.toml"):
        (folder / name).write_text("")
    assert completed(iodrome, "iodrome run ") == ["a.fio", "a.log.gz", "a.toml", "more/"]
    assert completed(iodrome, "iodrome run more/") == ["more/b.log"]
    assert completed(iodrome, "iodrome run nowhere/") == []


@pytest.mark.parametrize("line", ["iodrome ", "iodrome run --design s", "iodrome run --set cpu"])
def test_a_key_press_is_answered_at_once(iodrome, line):
    times = []
    for _ in range(7):
        start = time.perf_counter()
        assert completed(iodrome, line)
        times.append(time.perf_counter() - start)
    assert min(times) <= 0.300


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["iodrome", "run", "--set", "costs.syscall_en"], ["costs.syscall_entry="]),
        (["iodrome", "run", "--set", "cpu.count", "=", "4", "--desi"], ["--design"]),
        (["iodrome", "run", "--design", "=", "sync,io"], ["sync,io_uring"]),
        (["iodrome", "run", "--set", "cpu.count", "="], []),
    ],
)
def test_bash_completes_with_the_printed_script(iodrome, typed, words):
    # Bash splits at `=` before it asks, and hands over all words.
    (iodrome.folder / "completion.bash").write_text(iodrome("completion", "bash").stdout)
    quoted = " ".join(f"'{word}'" for word in typed)
    done = subprocess.run(
        [
            "bash", "--norc", "-c",
            ". ./completion.bash; compopt() { :; };"
            f" COMP_WORDS=({quoted}); COMP_CWORD={len(typed) - 1};"
            " _iodrome_completion iodrome; printf '%s\\n' \"${COMPREPLY[@]}\";"
            " complete -p iodrome",
        ],
        cwd=iodrome.folder, env=on_path(iodrome), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    *replies, registered = done.stdout.splitlines()
    assert [reply for reply in replies if reply] == words
    assert registered == "complete -o nosort -F _iodrome_completion iodrome"


@pytest.mark.skipif(not shutil.which("zsh"), reason="needs zsh")
def test_zsh_completes_with_the_printed_script_again_and_again(iodrome):
    (iodrome.folder / "_iodrome").write_text(iodrome("completion", "zsh").stdout)
    # Outside of its line editor zsh has no compadd; compdef stores what `complete` then calls.
    lines = """
        fpath=($PWD $fpath); autoload -Uz _iodrome; handler=_iodrome
        compdef() { handler=$1 }
        compadd() { print -r -- "${(P)${@[-1]}}" }
        complete() { words=("$@"); CURRENT=$#; $handler }
        complete iodrome run --design sync,ta
        complete iodrome run --set costs.syscall_en
        complete iodrome run --machine=server_2026
    """
    done = subprocess.run(
        ["zsh", "-f", "-c", lines],
        cwd=iodrome.folder, env=on_path(iodrome), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.split() == [
        "sync,task_chain", "costs.syscall_entry=", "--machine=server_2026",
    ]  # fmt: skip


@pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
def test_fish_completes_with_the_printed_script(iodrome):
    (iodrome.folder / "i.fish").write_text(iodrome("completion", "fish").stdout)
    asked = (
        "iodrome run --design sync,ta", "iodrome run --design=sync,ta",
        "iodrome run --set costs.syscall_en",
    )  # fmt: skip
    lines = "; ".join(f"complete -C '{line}'" for line in asked)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source i.fish; {lines}"],
        cwd=iodrome.folder, env=on_path(iodrome), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == [
        "sync,task_chain", "--design=sync,task_chain", "costs.syscall_entry=",
    ]  # fmt: skip


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_an_option_with_its_value_is_completed_as_one_word(iodrome, shell):
    words = ["--design=sync,task_chain"]
    assert completed(iodrome, "iodrome run --design=sync,ta", shell) == words


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_printed_script_is_one_of_its_shell(iodrome, shell):
    script = iodrome("completion", shell).stdout
    assert f"_IODROME_COMPLETE={shell}_complete" in script
    if shutil.which(shell):
        check = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
        assert (check.returncode, check.stderr) == (0, "")
