# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or not there."""

import os
import tempfile
from pathlib import Path


def why_not_writable(path: str | os.PathLike[str]) -> str | None:
    """Why a file could not be written here, or None; asked before a long run, not after it."""
    target = Path(path)
    if target.is_dir():
        return f"'{target}' is a directory"
    if not target.parent.is_dir():
        return f"there is no directory '{target.parent}'"
    if not os.access(target.parent, os.W_OK):
        return f"the directory '{target.parent}' is not writable"
    return None


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Writes beside the target, then renames: a reader sees the old file or the whole new one. A
    link keeps pointing to it; a device or a pipe is written into."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with open(target, "wb", buffering=0) as device:
            device.write(content.encode() if isinstance(content, str) else content)
        return
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
