# SPDX-License-Identifier: Apache-2.0
"""The extension and the files that come with the package. Nothing heavy is imported here: the
completion of a shell waits for it."""

import os
from functools import cache
from pathlib import Path
from types import ModuleType

import iodrome


@cache
def core() -> ModuleType:
    """The extension, told where its files lie."""
    # libsystemc prints a banner to the terminal on first use unless it is told not to.
    os.environ.setdefault("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1")
    from iodrome import _core

    extension: ModuleType = _core
    extension.set_data_dir(str(data_dir()))
    return extension


def data_dir() -> Path:
    """Where scenarios/, hw/, model/ and docs/ lie, as in the checkout. In an editable install the
    package has two places: the sources and what the build installed."""
    places = [Path(place) / "data" for place in iodrome.__path__]
    return next((place for place in places if place.is_dir()), places[0])
