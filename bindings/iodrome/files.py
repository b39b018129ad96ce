# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or not there."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def why_not_writable(path: str | os.PathLike[str]) -> str | None:
    """Why a file could not be written here, or None; asked before a long run, not after it."""
    target = Path(path)
    if target.is_dir():
        return f"'{target}' is a directory"
    if not target.parent.is_dir():
        return f"there is no directory '{target.parent}'"
    if target.exists() and not target.is_file():
        return None if os.access(target, os.W_OK) else f"'{target}' is not writable"
    if not os.access(target.parent, os.W_OK):
        return f"the directory '{target.parent}' is not writable"
    return None


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Writes beside the target, then renames: a reader sees the old file or the whole new one.

    A link is followed; a device or a pipe, which has no old content, is written to as it is.
    Errors: OSError that names the target, which then is as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        target = Path(os.path.realpath(path))
        if _is_special(path):
            Path(path).write_bytes(data)
        else:
            _replace(target, data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _is_special(path: str | os.PathLike[str]) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def _replace(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".iodrome.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)  # else a power cut may keep the rename and lose the bytes
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
