"""Text files read within limits and written in one piece."""

import os
import re
from pathlib import Path

from deepstruc_lib.files.atomic import replacing

# The largest known .gr files (100 Å in steps of 0.001 Å, five columns) take 6 MB, trajectories of particles more.
SIZE_LIMIT = 32 * 2**20

# Longer marks first: the UTF-32 mark begins with the UTF-16 one.
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# No text holds these; binary files of a few hundred bytes practically always do.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def shown(path: str | os.PathLike) -> str:
    """The path as one printable line, for messages."""
    text = os.fsdecode(path)
    return text if text.isprintable() else ascii(text)[1:-1]


def read_bytes(path: str | os.PathLike, needed: str) -> bytes:
    """The whole of a regular file of at most `SIZE_LIMIT` bytes.

    Raises:
        OSError: If there is no such file, or it may not be read; the text says what was `needed`.
        ValueError: If it is no regular file, empty or larger than the limit.
    """
    name = shown(path)
    try:
        # A pipe would wait for a writer when opened, so the kind of file is looked at first.
        if Path(path).is_dir():
            raise ValueError(f"{name}: is a folder: needs {needed}")
        if Path(path).exists() and not Path(path).is_file():
            raise ValueError(f"{name}: is a device or pipe: needs {needed}")
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            data = b"" if size > SIZE_LIMIT else stream.read(SIZE_LIMIT + 1)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{name}: no such file: needs {needed}") from error
    except OSError as error:
        raise OSError(f"{name}: cannot be read ({error.strerror or error}): needs {needed}") from error
    if size > SIZE_LIMIT or len(data) > SIZE_LIMIT:
        megabytes = max(size, len(data)) / 2**20
        raise ValueError(f"{name}: has {megabytes:.0f} MiB: needs {needed} of at most {SIZE_LIMIT >> 20} MiB")
    if not data:
        raise ValueError(f"{name}: is empty: needs {needed}")
    return data


def decode(data: bytes) -> str:
    """Text from bytes: by its byte order mark, else UTF-8, else Latin-1 (the Å of old instruments).

    Raises:
        ValueError: If the bytes are no text.
    """
    mark, encoding = next(((m, e) for m, e in _BYTE_ORDER_MARKS if data.startswith(m)), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        if mark:
            raise ValueError(f"a byte order mark of {encoding} but other bytes: needs text") from error
        text = data.decode("latin-1")
    found = _CONTROL.search(text)
    if found:
        what = "binary data, or UTF-16 without its byte order mark" if "\0" in text else "binary data"
        raise ValueError(f"{what} (character {ord(found[0])} at position {found.start()}): needs text")
    return text


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write UTF-8 text so that the file is whole or not there.

    Raises:
        OSError: If the folder is not there or may not be written to.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write a file so that it is whole or not there.

    Raises:
        OSError: If the folder is not there or may not be written to.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():  # /dev/stdout is written to, not replaced
            Path(path).write_bytes(data)
            return
        with replacing(path) as new:
            new.write_bytes(data)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{shown(path)}: cannot be written ({reason}): needs a folder with room") from error
