"""An index in one file, and the built libraries kept in the cache."""

import io
import json
import logging
import zipfile
from os import PathLike
from pathlib import Path

import ase
import numpy as np

from deepstruc_lib import __version__
from deepstruc_lib.cache import cache_folder, code_hash
from deepstruc_lib.files.textfiles import shown, write_bytes
from deepstruc_lib.solving.histograms import WIDTH, Histograms
from deepstruc_lib.solving.index import Index, Progress, Structure, build_index

log = logging.getLogger(__name__)

# Changes whenever a file of the older one would be misread.
FORMAT = 1
_TEXTS, _ARRAYS = ("names", "families", "motifs"), ("positions", "first_atom", "nearest")
# What the file of a library depends on.
_CODE = ("particles", *(f"solving/{module}.py" for module in ("bins", "histograms", "index", "index_file")))
_DAMAGE = (zipfile.BadZipFile, KeyError, EOFError, TypeError, AttributeError, NotImplementedError, ValueError)


def save_index(path: str | PathLike, index: Index) -> None:
    """Write an index to a file, whole or not at all.

    Raises:
        OSError: The folder is not there or may not be written to.
    """
    record = {"format": FORMAT, "width": WIDTH, "version": __version__}
    record |= {name: getattr(index, name) for name in _TEXTS}
    arrays = {name: getattr(index, name) for name in _ARRAYS}
    arrays |= {"values": index.histograms.values, "first_bin": index.histograms.first}
    stream = io.BytesIO()
    np.savez(stream, record=np.frombuffer(json.dumps(record).encode(), dtype=np.uint8), **arrays)
    write_bytes(path, stream.getvalue())


def load_index(path: str | PathLike) -> Index:
    """Read an index that `save_index` wrote.

    Raises:
        ValueError: The file is no index, damaged, or of another version.
        OSError: It is not there, or may not be read.
    """
    if Path(path).is_dir():
        raise ValueError(f"{shown(path)}: a folder: needs a file that `deepstruc index` wrote")
    with Path(path).open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            record = json.loads(arrays.pop("record").tobytes())
            found = record["format"], record["width"]
        except _DAMAGE as problem:
            raise _no_index(path) from problem
    if found != (FORMAT, WIDTH):
        raise ValueError(f"{shown(path)}: an index of format {found[0]}: needs format {FORMAT}: build it again")
    try:
        index = Index(
            **{name: tuple(record[name]) for name in _TEXTS},
            **{name: arrays[name] for name in _ARRAYS},
            histograms=Histograms(arrays["values"], arrays["first_bin"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise _no_index(path) from problem
    return index


def _no_index(path: str | PathLike) -> ValueError:
    return ValueError(f"{shown(path)}: a damaged file, or no index: needs one that `deepstruc index` wrote")


def library_index(name: str, progress: Progress | None = None) -> Index:
    """The index of a named library, from the cache, or built and put there.

    A damaged file is replaced; one that cannot be read is left alone, and where none can be kept the library is built
    each time.

    Args:
        name: As of `shape_library`.
        progress: Called with the number of structures built, and of all.

    Raises:
        ValueError: There is no such library.
    """
    made_with = json.dumps([FORMAT, __version__, np.__version__, ase.__version__])
    key = code_hash(*_CODE, with_text=made_with)[:12]
    path = cache_folder() / f"library-{name}-{key}.index"
    writable = True
    try:
        return load_index(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except ValueError:
        log.warning("%s is damaged: it is built again", shown(path))
    except OSError as problem:
        log.warning("%s cannot be read (%s): it is built for this run", shown(path), problem.strerror)
        writable = False
    log.info("building the library %s, which happens once", name)
    index = build_library(name, progress)
    if writable:
        _keep(path, name, index)
    return index


def build_library(name: str, progress: Progress | None = None) -> Index:
    """The index of a named library, built."""
    from deepstruc_lib.particles import shape_library

    recipes = shape_library(name)
    return build_index(map(Structure.of_recipe, recipes), progress=progress, distinct=True)


def _keep(path: Path, name: str, index: Index) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_index(path, index)
        for older in set(path.parent.glob(f"library-{name}-*.index")) - {path}:
            older.unlink(missing_ok=True)
    except OSError as problem:
        log.warning(
            "the library is not kept: %s cannot be written (%s)", shown(path.parent), problem.strerror or problem
        )
