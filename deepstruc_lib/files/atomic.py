"""One file that is whole or not there: written to a neighbour, then renamed over it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A new file to write to; it takes the place of `path` if the block ends well, else it is removed.

    Links are followed, and an earlier file's rights are kept. Whoever reads meanwhile sees the old file or the new.

    Raises:
        OSError: If the folder is not there or may not be written to.
    """
    target = Path(os.path.realpath(path))
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.", suffix=".part")
    os.close(descriptor)
    try:
        yield Path(name)
        # mkstemp makes files private; the result is to have the rights of any new file, or of the one before.
        os.chmod(name, target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o022)  # it can only be read by setting it
    os.umask(mask)
    return mask
