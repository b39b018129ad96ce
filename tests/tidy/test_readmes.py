# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.tidy import readmes
from tests.tidy.sources import files

_DESIGN = "".join(f"## {name}\n\ntext\n" for name in readmes.DESIGN_HEADINGS)
_DEVICE = "".join(f"## {name}\n\ntext\n" for name in readmes.DEVICE_HEADINGS)
_PARAMS = '[a]\nn = { value = 4, source = "x" }\n[a.costs]\nc = { value = "2 ns", source = "x" }\n'
_TABLE = "| key | value | meaning |\n|---|---|---|\n| `n` | 4 | x |\n| `costs.c` | 2 ns | x |\n"


def _with_table(table):
    return _DESIGN.replace("## Parameters\n\ntext\n", f"## Parameters\n{table}")


def test_every_design_and_device_has_its_page():
    pages = files(".md", ".toml", ".cpp", ".h")
    assert readmes.designs(pages) and readmes.devices(pages)
    assert not readmes.violations(pages)


def test_links_between_pages_lead_somewhere():
    assert not readmes.dead_links(files(".md"), readmes.places())


def test_canary_a_design_without_a_page_is_found():
    assert readmes.violations({"model/designs/a/a.cpp": ""})
    assert not readmes.violations({"model/designs/design.h": ""})


@pytest.mark.parametrize("heading", readmes.DESIGN_HEADINGS)
def test_canary_a_design_page_that_lacks_a_heading_is_found(heading):
    page = "model/designs/a/README.md"
    assert not readmes.violations({page: _DESIGN})
    assert readmes.violations({page: _DESIGN.replace(f"## {heading}\n", "")})
    assert readmes.violations({page: _DESIGN.replace(f"## {heading}\n", f"### {heading}\n")})


def test_canary_headings_in_another_order_and_a_long_page_are_found():
    page = "model/designs/a/README.md"
    turned = _DESIGN.replace("## What", "## X").replace("## Sources", "## What")
    assert readmes.violations({page: turned.replace("## X", "## Sources")})
    assert readmes.violations({page: _DESIGN + "line\n" * readmes.DESIGN_LINES})


@pytest.mark.parametrize(
    "table",
    [
        "",
        _TABLE.replace("| `n` | 4 | x |\n", ""),
        _TABLE + "| `m` | 4 | x |\n",
        _TABLE.replace("`costs.c`", "`c`"),
        _TABLE.replace("| 4 |", "| 5 |"),
        _TABLE.replace("| 2 ns |", "| 2 us |"),
    ],
)
def test_canary_a_parameter_table_that_differs_from_the_file_is_found(table):
    pages = {"model/designs/a/params.toml": _PARAMS}
    page = "model/designs/a/README.md"
    assert not readmes.violations(pages | {page: _with_table(_TABLE)})
    assert readmes.violations(pages | {page: _with_table(table)})


def test_canary_parameters_of_a_design_without_a_file_are_found():
    assert readmes.violations({"model/designs/a/README.md": _with_table(_TABLE)})


@pytest.mark.parametrize("heading", readmes.DEVICE_HEADINGS)
def test_canary_a_device_page_that_lacks_a_heading_is_found(heading):
    pages = {"hw/x/params/part.toml": "", "hw/x/README.md": _DEVICE + "## More\n"}
    assert not readmes.violations(pages)
    assert readmes.violations(pages | {"hw/x/README.md": _DEVICE.replace(f"## {heading}\n", "")})


def test_canary_a_device_without_a_page_is_found():
    assert readmes.violations({"hw/x/params/part.toml": ""})
    assert not readmes.violations({"hw/x/x.h": ""})


def test_canary_a_dead_link_is_found():
    known = {"a", "a/b.md", "c.md"}
    page = "[b](b.md), [c](../c.md#there), [a](../a), [web](https://example.org), ![p](p.png)"
    assert not readmes.dead_links({"a/page.md": page}, known)
    assert len(readmes.dead_links({"a/page.md": "[b](x.md) and [c](c.md)"}, known)) == 2
