# SPDX-License-Identifier: Apache-2.0
"""What the package says of itself: types, stubs and docstrings."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest

import iodrome
from iodrome.core import core
from tests.python.conftest import ROOT

PACKAGE = ROOT / "bindings" / "iodrome"
SOURCES = sorted(file for top in (PACKAGE, ROOT / "reports") for file in top.rglob("*.py*")
                 if file.suffix in (".py", ".pyi"))  # fmt: skip


def mypy(folder, package):
    """mypy over a package of that folder, with the settings of pyproject.toml."""
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"),
         "--cache-dir", str(folder / "cache"), "-p", package],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The package as a wheel lays it out, without the extension and the data."""
    pytest.importorskip("mypy")
    top = tmp_path_factory.mktemp("typed")
    (top / "iodrome").mkdir()
    for entry in PACKAGE.iterdir():
        if entry.name != "__pycache__":
            (top / "iodrome" / entry.name).symlink_to(entry)
    (top / "iodrome" / "reports").symlink_to(ROOT / "reports")
    (top / "user").mkdir()
    (top / "user" / "__init__.py").write_text(
        "import iodrome as io\n"
        "p99: float = io.run('web.log', ['sync']).runs['sync'].latency.quantile(0.99)\n"
        "wrong: str = p99\n"
        "io.run('web.log', seed='seven')\n"
    )
    return top


def test_the_whole_package_passes_mypy_strict(tree):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"] is True
    done = mypy(tree, "iodrome")
    assert done.returncode == 0, done.stdout + done.stderr
    checked = int(re.search(r"no issues found in (\d+) source files", done.stdout)[1])
    # A module's stub stands in its place.
    assert checked >= len({file.with_suffix("") for file in SOURCES})


def test_code_that_uses_the_package_is_checked_against_its_types(tree):
    done = mypy(tree, "user")
    assert done.stdout.count("error:") == 2, done.stdout
    assert 'incompatible type "str"; expected "int | None"' in done.stdout


def names_of(stub):
    """What a stub defines: name → its node."""
    found = {}
    for node in ast.parse((PACKAGE / stub).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("iodrome"):
            found |= {name.asname: node for name in node.names if name.asname}
    return found


def test_the_package_its_stub_and_its_homes_name_the_same_things():
    stub = names_of("__init__.pyi")
    assert sorted(stub) == sorted(iodrome.__all__) == sorted(iodrome._HOMES)
    for name, node in stub.items():
        assert getattr(iodrome, name) is not None
        assert node.module in (iodrome._HOMES[name], "iodrome._core"), name


def test_the_stub_of_the_extension_names_exactly_what_it_has():
    stub, extension = names_of("_core.pyi"), core()
    assert sorted(stub) == sorted(name for name in dir(extension) if not name.startswith("_"))
    for name, node in stub.items():
        if isinstance(node, ast.ClassDef):
            declared = {
                each.name if isinstance(each, ast.FunctionDef) else each.target.id
                for each in node.body
                if isinstance(each, ast.FunctionDef | ast.AnnAssign)
            }
            own = {each for each in vars(getattr(extension, name)) if not each.startswith("_")}
            # Exceptions get their attributes when they are raised.
            wanted = own | ({"findings"} if name == "InputError" else set())
            assert declared - {"__init__"} == wanted, name
        else:
            head = getattr(extension, name).__doc__.partition("(")[2].partition(") ->")[0]
            arguments = [part.split(":")[0] for part in head.split(", ") if ":" in part]
            assert [each.arg for each in node.args.args] == arguments, name


def test_everything_that_the_extension_has_says_what_it_is():
    for name in names_of("_core.pyi"):
        thing = getattr(core(), name)
        text = thing.__doc__ or ""
        # pybind11 puts a function's signature in front.
        told = text if isinstance(thing, type) else text.partition("\n")[2]
        assert told.strip(), name
        if isinstance(thing, type):
            for part, value in vars(thing).items():
                assert part.startswith("_") or value.__doc__, f"{name}.{part}"


def without_docstring(body, prefix):
    """Public functions, classes and methods that say nothing of themselves."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        overload = any(getattr(each, "id", "") == "overload" for each in node.decorator_list)
        if not overload and ast.get_docstring(node) is None:
            yield f"{prefix}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from without_docstring(node.body, f"{prefix}{node.name}.")


def test_canary_a_silent_method_is_found():
    source = 'class A:\n    """A."""\n    def b(self): ...\n    def _c(self): ...\n'
    assert list(without_docstring(ast.parse(source).body, "")) == ["A.b"]


def test_every_public_name_has_a_docstring():
    silent = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in SOURCES
        for name in without_docstring(ast.parse(file.read_text()).body, "")
    ]
    assert len(SOURCES) > 50
    assert not silent, "\n".join(silent)


def test_a_wheel_carries_the_types():
    """The stubs lie in the package's folder, which the wheel takes whole."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["scikit-build"]
    assert settings["wheel"]["packages"]["iodrome"] == "bindings/iodrome"
    assert not settings.get("wheel", {}).get("exclude")
    assert {file.name for file in PACKAGE.iterdir()} >= {"py.typed", "__init__.pyi", "_core.pyi"}
