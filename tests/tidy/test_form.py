# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.tidy import form
from tests.tidy.sources import files

_CODE = (".cpp", ".h", ".py", ".cmake", "CMakeLists.txt", ".js", ".css", "/dev", ".ci/run")
_SLASH = "/"  # keeps the canaries below from being found themselves


def test_every_source_names_its_licence():
    assert not form.licence(files(*_CODE))


def test_no_file_line_or_function_is_too_long():
    assert not form.lengths(files(*_CODE))


def test_no_text_names_a_place_on_somebodys_machine():
    texts = files(*_CODE, ".md", ".toml", ".fio", ".json", ".j2")
    assert not form.machine_paths(texts)


def test_the_repository_explains_itself_without_ticket_numbers():
    assert not form.tickets(files(*_CODE, ".md", ".toml", ".fio"))


def test_canary_a_source_without_licence_is_found():
    assert form.licence({"a.py": "import os\n"})
    assert form.licence({"dev": "#!/bin/sh\nset -e\n"})
    assert form.licence({"a.h": "// SPDX-License-Identifier: Apache-2.0\nint x;\n"})
    assert not form.licence({"dev": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"})


def test_canary_a_long_file_and_a_wide_line_are_found():
    assert len(form.lengths({"a.js": "x\n" * 501})) == 1
    assert not form.lengths({"a.js": "x\n" * 500})
    assert len(form.lengths({"a.js": "x" * 101})) == 1
    assert not form.lengths({"a.js": "µ" * 100})


_BODY = "  f();\n" * 70


@pytest.mark.parametrize(
    "text",
    [
        "void run(int x) {\n" + _BODY + "}\n",
        "namespace a {\nclass B : public C {\n  int f() const override {\n" + _BODY + "}\n};\n}\n",
        "Task<void> A::run(Ctx& ctx)\n    : a_(1) {\n  if (x) {\n" + _BODY + "  }\n}\n",
        'TEST_CASE("a { in a text") {\n' + _BODY + "}\n",
        "struct A* make(int x) {\n" + _BODY + "}\n",
    ],
)
def test_canary_a_long_function_is_found(text):
    assert len(form.lengths({"a.cpp": text})) == 1


@pytest.mark.parametrize(
    "text",
    [
        "namespace a {\n" + "void f();\n" * 90 + "}\n",
        "class alignas(64) A {\n" + "  void f();\n" * 90 + "};\n",
        "static const int table[] = {\n" + "  1,\n" * 90 + "};\n",
        "void f() {\n  g();\n}\n" * 40,
    ],
)
def test_canary_a_long_block_that_is_no_function_passes(text):
    assert not form.lengths({"a.cpp": text})


def test_canary_a_long_python_function_is_found():
    assert len(form.lengths({"a.py": "def f():\n" + "    g()\n" * 70})) == 1
    assert not form.lengths({"a.py": "def f():\n" + "    g()\n" * 69})


@pytest.mark.parametrize("place", ["work/main", "tmp/x.log", "home/me", "root/.cache"])
def test_canary_a_path_of_one_machine_is_found(place):
    assert len(form.machine_paths({"a.md": f"see {_SLASH}{place}"})) == 1
    assert not form.machine_paths({"a.md": f"see frame{_SLASH}{place}"})


def test_canary_a_ticket_number_is_found():
    assert form.tickets({"a.md": f"as issue {7} asks"})
    assert not form.tickets({"a.md": "the driver may issue seven commands"})
