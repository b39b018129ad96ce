# SPDX-License-Identifier: Apache-2.0
"""The package outside the checkout."""

import subprocess
import sys

import pytest

from tests.python.conftest import ROOT


@pytest.mark.slow
def test_the_installed_package_works_outside_the_checkout(tmp_path, log):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    environment = {"PATH": "/usr/bin:/bin", "CMAKE_CXX_COMPILER_LAUNCHER": "ccache"}
    pip = [tmp_path / "venv/bin/pip", "install", "-q", ROOT]
    subprocess.run(pip, check=True, env={**environment, "HOME": str(tmp_path)})
    (package,) = (tmp_path / "venv").glob("lib/*/site-packages/iodrome")
    assert {"py.typed", "__init__.pyi", "_core.pyi"} <= {file.name for file in package.iterdir()}
    command = [tmp_path / "venv/bin/iodrome", "run", log, "--report", "r.html"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r.html").stat().st_size > 500_000
    for words in (["explain", "sync"], ["explain", "mechanism", "block"], ["schema", "result"]):
        told = subprocess.run([command[0], *words], cwd=tmp_path, capture_output=True, text=True)
        assert told.returncode == 0, told.stderr
        assert len(told.stdout) > 200
