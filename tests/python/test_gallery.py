# SPDX-License-Identifier: Apache-2.0
"""The gallery: every picture is what its example finds, byte by byte."""

import importlib.util
import re

import pytest

from tests.python.conftest import ROOT

GALLERY = ROOT / "docs" / "gallery"
_LINES = 40
_BYTES = 150_000


def load_make():
    spec = importlib.util.spec_from_file_location("gallery_make", GALLERY / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = load_make()


def picture(name):
    return (GALLERY / "pictures" / f"{name}.svg").read_text()


@pytest.fixture(scope="module")
def found():
    """What each example leaves, run once."""
    return {name: make.run(name) for name in make.names()}


@pytest.mark.parametrize("name", make.names())
def test_an_example_finds_what_its_picture_shows(found, name):
    rows, chart = found[name]
    kept = re.search(r"<!-- rows (\w+), (.*) -->", picture(name))
    again = f"python docs/gallery/make.py {name}"
    assert make.stamp(rows).split()[2] == f"{kept[1]},", f"the model has moved: {again}"
    # Another version of the drawing library may draw the same rows otherwise.
    if kept[2] == make.MADE_WITH:
        assert make.draw(rows, chart) == picture(name), f"drawn otherwise: {again}"


@pytest.mark.parametrize("name", ["a_guessed_cost", "stages_of_a_read"])
def test_two_makings_of_a_picture_have_the_same_bytes(found, name):
    assert make.draw(*make.run(name)) == make.draw(*found[name])


def test_examples_are_short_and_ask_a_question():
    for name in make.names():
        text = (GALLERY / "examples" / f"{name}.py").read_text()
        assert text.count("\n") <= _LINES, name
        assert re.search(r'^"""[^"]*\?"""$', text, re.MULTILINE), name


def test_the_page_shows_every_example_under_its_question():
    page = (ROOT / "docs" / "gallery.md").read_text()
    parts = page.split("\n## ")[1:]
    assert len(parts) == len(make.names())
    for name in make.names():
        (part,) = [each for each in parts if f"(gallery/pictures/{name}.svg)" in each]
        question = re.search(r'"""(.*?)"""', (GALLERY / "examples" / f"{name}.py").read_text())[1]
        assert part.startswith(question + "\n") and f"(gallery/examples/{name}.py)" in part


def test_the_pictures_are_small_and_name_no_other_place():
    names = {file.stem for file in (GALLERY / "pictures").iterdir()}
    assert names == set(make.names())
    assert sum(len(picture(name).encode()) for name in names) < _BYTES
    for name in names:
        assert set(re.findall(r"\bhttps?://[^\"]*", picture(name))) <= {
            "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
        }  # fmt: skip
