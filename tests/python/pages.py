# SPDX-License-Identifier: Apache-2.0
"""Blocks of Markdown pages, and a place to run them in.

A block is fenced, or indented by four columns: then it is lines for a shell. The last comment before
a block says what is special about it:

    <!-- not run: REASON -->      it is for the reader only
    <!-- file: NAME -->           it is the content of a file
    <!-- needs: MODULE -->        it is run where Python has that module

A line for the shell may end with `# ends with N`, its exit code.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from tests.python.conftest import ROOT, web_log

SHELL, PYTHON, DATA = "shell", "python", ("toml", "yaml", "ini", "text")
_MARK = re.compile(r"<!-- (not run|file|needs): (.+?) -->")
_FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)")
_CODE = re.compile(r"^(.*?)(?:  # ends with (\d+))?$")


@dataclass
class Block:
    """A block of a page, where it starts, and what the comment before it says."""

    kind: str
    text: str
    line: int
    mark: str = ""
    told: str = ""


def blocks(text: str) -> list[Block]:
    """Every block of a page, in its order."""
    found, lines, at = [], text.splitlines(), 0
    mark = told = ""
    while at < len(lines):
        start, line = at, lines[at]
        at += 1
        if match := _MARK.fullmatch(line.strip()):
            mark, told = match.groups()
            continue
        if fence := _FENCE.fullmatch(line):
            end = lines.index(fence["indent"] + "```", at)
            body = [each[len(fence["indent"]) :] for each in lines[at:end]]
            at, kind = end + 1, fence["language"] or SHELL
        elif line.startswith("    ") and (start == 0 or not lines[start - 1].strip()):
            while at < len(lines) and (lines[at].startswith("    ") or not lines[at].strip()):
                at += 1
            body, kind = [each.strip() for each in lines[start:at] if each.strip()], SHELL
        else:
            if line.strip():
                mark = told = ""
            continue
        kind = SHELL if kind in ("sh", "bash") else kind
        found.append(Block(kind, "\n".join(body) + "\n", start + 1, mark, told))
        mark = told = ""
    return found


@dataclass
class Scratch:
    """A folder that looks like a checkout, with a log, where blocks are run one after the other."""

    folder: Path
    names: dict = field(default_factory=lambda: {"__name__": "page"})

    def __post_init__(self):
        shutil.copytree(ROOT / "scenarios", self.folder / "scenarios")
        (self.folder / "out").mkdir()
        (self.folder / "access.log.gz").write_text(web_log(200))
        command = self.folder / ".venv" / "bin" / "iodrome"
        command.parent.mkdir(parents=True)
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m iodrome "$@"\n')
        command.chmod(0o755)
        self.environment = {
            **os.environ, "HOME": str(self.folder), "PATH": f"{command.parent}:{os.environ['PATH']}"
        }  # fmt: skip
        self.environment.pop("GITHUB_STEP_SUMMARY", None)

    def run(self, block: Block) -> bool:
        """Whether it was run; what is wrong with it is an assertion."""
        if block.mark == "not run":
            return False
        if block.mark == "file":
            (self.folder / block.told).write_text(block.text)
        elif block.mark == "needs" and importlib.util.find_spec(block.told) is None:
            return False
        elif block.kind == SHELL:
            for line in block.text.splitlines():
                self.command(line)
            return True
        elif block.kind == PYTHON:
            exec(compile(block.text, f"block of line {block.line}", "exec"), self.names)
            return True
        elif block.kind == "toml":
            tomllib.loads(block.text)
        else:
            assert block.kind in DATA, f"line {block.line}: what is '{block.kind}'?"
        return False

    def command(self, line: str) -> None:
        """A line in a shell. Its exit code is 0, or what the line itself says."""
        words, code = _CODE.fullmatch(line).groups()
        done = subprocess.run(
            ["bash", "-c", words], cwd=self.folder, env=self.environment, text=True,
            capture_output=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == int(code or 0), f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
