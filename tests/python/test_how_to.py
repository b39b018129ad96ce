# SPDX-License-Identifier: Apache-2.0
"""What stands on the page about CI besides commands: the workflow, the table and the tests work.
The commands of all pages are run by test_docs.py."""

import re
import tomllib

import pytest

from tests.python.conftest import ROOT
from tests.python.pages import blocks

pytest_plugins = ["pytester"]
GUARD = ROOT / "docs" / "how-to" / "guard-a-timing-model-in-ci.md"
_YAML_LINE = re.compile(r"(?P<indent>(?:  )*)(?:- )?(?P<key>[\w-]+):(?: (?P<value>\S.*))?")


def block(language: str) -> str:
    """The one block of the page in this language."""
    (found,) = [each.text for each in blocks(GUARD.read_text()) if each.kind == language]
    return found


def assert_yaml_mappings(text: str) -> None:
    """Of YAML only what a workflow needs: nested keys and lists of them, plain values."""
    columns, opens = [0], False
    for line in text.splitlines():
        match = _YAML_LINE.fullmatch(line)
        assert match and ": " not in (match["value"] or "") and " #" not in line, line
        column = len(match["indent"])
        while not opens and columns[-1] > column:
            columns.pop()
        assert column > columns[-1] if opens else column == columns[-1], line
        columns += [column] if opens else []
        columns += [column + 2] if line.startswith("- ", column) else []
        opens = match["value"] is None
    assert not opens


@pytest.mark.parametrize(
    "bad", ["a:\nb: 1\n", "a: 1\n  b: 2\n", "a:\n  b: 1\n c: 2\n", "a: b: c\n", "a:\n\tb: 1\n"]
)
def test_canary_what_is_no_yaml_is_found(bad):
    with pytest.raises(AssertionError):
        assert_yaml_mappings(bad)


def test_the_workflow_is_yaml_and_its_check_is_one_of_ours(iodrome):
    text = block("yaml")
    assert_yaml_mappings(text)
    (words,) = re.findall(r"run: \.venv/bin/iodrome (.*)", text)
    (folder,) = re.findall(r"--dir (\S+)", words)
    assert list((ROOT / folder).glob("*.toml"))
    assert re.search(rf"path: {re.escape(words.split()[-1])}\n", text)
    done = iodrome(*words.split(), "--help")
    assert done.returncode == 0 and all(
        option in done.stdout for option in re.findall(r"--\w+", words)
    )


def test_a_yaml_reader_agrees():
    yaml = pytest.importorskip("yaml")
    jobs = yaml.safe_load(block("yaml"))["jobs"]
    assert all("uses" in step or "run" in step for step in jobs["baselines"]["steps"])


def test_the_tolerance_table_is_toml():
    assert tomllib.loads(block("toml")) == {"tolerance": {"latency.p99": "2%"}}


def test_the_tests_of_the_page_pass_once_recorded(pytester):
    (pytester.path / "scenarios").symlink_to(ROOT / "scenarios")
    pytester.makepyfile(test_page=block("python"))
    plugin = ("-p", "iodrome.pytest_plugin")
    pytester.runpytest_subprocess(*plugin).assert_outcomes(failed=2)
    pytester.runpytest_subprocess(*plugin, "--iodrome-record").assert_outcomes(passed=2)
    pytester.runpytest_subprocess(*plugin).assert_outcomes(passed=2)
