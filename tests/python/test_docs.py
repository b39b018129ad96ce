# SPDX-License-Identifier: Apache-2.0
"""The pages do what they say: every command and every Python block of README.md and docs/ is run,
page by page in a folder of its own. See tests/python/pages.py for the marks in the pages."""

import re

import pytest

from tests.python.conftest import ROOT
from tests.python.pages import PYTHON, SHELL, Block, Scratch, blocks, commands, unmet

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Pages to look something up in, or with pictures.
NOTHING_TO_RUN = {"docs/README.md", "docs/result.md", "docs/gallery.md"}


def name_of(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_blocks_of_a_page_work_one_after_the_other(page, tmp_path, monkeypatch):
    scratch = Scratch(tmp_path)
    monkeypatch.chdir(tmp_path)
    run = [scratch.run(block) for block in blocks(page.read_text())]
    assert any(run) != (name_of(page) in NOTHING_TO_RUN)


def test_what_is_not_run_is_marked_and_told(capsys):
    counts, told = {SHELL: 0, PYTHON: 0}, []
    for page in PAGES:
        for block in blocks(page.read_text()):
            if block.mark == "not run":
                told.append(f"{name_of(page)}:{block.line}: not run: {block.told}")
            elif unmet(block):
                told.append(f"{name_of(page)}:{block.line}: not run: there is no {block.told}")
            elif block.kind in counts:
                counts[block.kind] += len(commands(block)) if block.kind == SHELL else 1
    with capsys.disabled():
        print(f"\n{len(PAGES)} pages: {counts[SHELL]} commands, {counts[PYTHON]} Python blocks")
        print("\n".join(told))
    assert counts[SHELL] > 30 and counts[PYTHON] > 15
    assert len(told) < 15


def test_every_mark_of_a_page_belongs_to_a_block():
    for page in PAGES:
        text = page.read_text()
        marks = sum(bool(block.mark) for block in blocks(text))
        assert marks == len(re.findall(r"^ *<!-- ", text, re.MULTILINE)), name_of(page)


def test_every_page_is_in_the_index():
    index = ROOT / "docs" / "README.md"
    links = {f"({page.relative_to(index.parent).as_posix()})" for page in PAGES[1:]}
    missing = {link for link in links if link not in index.read_text()}
    assert missing == {"(README.md)"}


_PAGE = """
    iodrome list

Text:

    no block: it goes on with the line above

<!-- not run: no network -->

    curl x
    curl \\
      y

<!-- file: a.toml -->

```toml
x = 1
```

1. An item:

   ```python
   if True:
       x = 1
   ```
"""


def test_canary_blocks_are_found_with_their_marks():
    page = _PAGE.replace("Text:\n\n", "Text:\n")
    assert [(each.kind, each.text, each.mark, each.told) for each in blocks(page)] == [
        ("shell", "iodrome list\n", "", ""),
        ("shell", "curl x\ncurl \\\ny\n", "not run", "no network"),
        ("toml", "x = 1\n", "file", "a.toml"),
        ("python", "if True:\n    x = 1\n", "", ""),
    ]


def test_canary_a_command_may_go_on_in_the_next_line(tmp_path):
    block = Block(SHELL, 'test "a b" = \\\n"a b"\nfalse  # ends with 1\n', 1)
    assert commands(block) == ['test "a b" = "a b"', "false  # ends with 1"]
    assert Scratch(tmp_path).run(block)


@pytest.mark.parametrize(
    ("kind", "text", "error"),
    [
        ("shell", "iodrome run missing.log\n", AssertionError),
        ("shell", "true  # ends with 3\n", AssertionError),
        ("python", "import iodrome as io\nio.nothing()\n", AttributeError),
        ("toml", "a = \n", ValueError),
        ("rust", "fn main() {}\n", AssertionError),
    ],
)
def test_canary_a_block_that_fails_is_told(kind, text, error, tmp_path):
    with pytest.raises(error):
        Scratch(tmp_path).run(Block(kind, text, 1))


def test_the_page_on_systemc_devices_shows_the_source_that_is_built():
    source = (ROOT / "scenarios/foreign_block/seat.cpp").read_text().split("\n", 1)[1]
    assert source in (ROOT / "docs/how-to/bind-your-own-systemc-device.md").read_text()
