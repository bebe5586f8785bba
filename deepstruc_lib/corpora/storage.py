"""Keeps a corpus in one HDF5 file, written whole or not at all, and caches it by what it was made from."""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import ase
import h5py
import numpy as np

from deepstruc_lib import __version__
from deepstruc_lib.cache import cache_folder, code_hash
from deepstruc_lib.corpora.record import Corpus
from deepstruc_lib.files.atomic import replacing
from deepstruc_lib.particles import Recipe
from deepstruc_lib.scattering import PDFSettings

log = logging.getLogger(__name__)

_PACKAGES = ("particles", "scattering", "corpora")
_ARRAYS = ("shape_of_recipe", "recipe_ids", "bond_lengths", "positions", "n_atoms", "pdfs")
_FORMAT = "deepstruc_lib corpus"


def save_corpus(path: Path | str, corpus: Corpus) -> Path:
    """Write the corpus to an HDF5 file; a reader sees the old file or the whole new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "format": _FORMAT,
        "version": __version__,
        "name": corpus.name,
        "settings": corpus.settings.as_dict(),
        "recipes": [recipe.to_json() for recipe in corpus.recipes],
        "family_of_recipe": corpus.family_of_recipe,
        "splits": list(corpus.splits),
    }
    with replacing(path) as new, h5py.File(new, "w") as file:
        file.attrs["record"] = json.dumps(record)
        for name in _ARRAYS:
            file[name] = getattr(corpus, name)
        file["elements"] = corpus.elements.astype("S")
        for name, parts in corpus.splits.items():
            file[f"splits/{name}"] = parts
    return path


def load_corpus(path: Path | str) -> Corpus:
    """Read a corpus that `save_corpus` wrote.

    Raises:
        OSError: The file is not there, locked, or may not be read: what it holds is not known.
        ValueError: It was read, and is something else.
    """
    try:
        with h5py.File(path, "r") as file:
            record = json.loads(str(file.attrs["record"]))
            arrays = {name: np.asarray(file[name]) for name in _ARRAYS}
            elements = np.asarray(file["elements"]).astype("U")
            splits = {name: np.asarray(file[f"splits/{name}"]) for name in record["splits"]}
        return Corpus(
            name=record["name"],
            settings=PDFSettings(**record["settings"]),
            recipes=tuple(Recipe.from_json(recipe) for recipe in record["recipes"]),
            family_of_recipe=tuple(record["family_of_recipe"]),
            elements=elements,
            splits=splits,
            **arrays,
        )
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as problem:
        # With a number it is the system that refuses; without one h5py has read the file and does not know it.
        if isinstance(problem, OSError) and problem.errno is not None:
            raise
        what = " ".join(str(problem).split())
        raise ValueError(f"{Path(path).name}: is no saved corpus ({what}): needs a file of save_corpus") from problem


@lru_cache(maxsize=1)
def _code_hash() -> str:
    """Hash of the code and tables that make a corpus."""
    return code_hash(*_PACKAGES)


def corpus_hash(name: str, settings: PDFSettings) -> str:
    """Short hash of everything a corpus depends on: name and settings, then code and versions.

    Positions come from ASE, the rest from this library and numpy.
    """
    asked = json.dumps([name, settings.as_dict()], sort_keys=True)
    made_with = json.dumps([__version__, np.__version__, ase.__version__, _code_hash()])
    return "-".join(sha256(key.encode()).hexdigest()[:12] for key in (asked, made_with))


def cached(name: str, settings: PDFSettings, build: Callable[[], Corpus]) -> Corpus:
    """The corpus from the cache, or built and put there.

    A file that was read and is no corpus is replaced, one of older code removed. A file that cannot be read, perhaps
    because another process holds it, is left alone: the log says so, and the corpus is built without the cache.
    """
    path = cache_folder() / f"corpus-{name}-{corpus_hash(name, settings)}.h5"
    try:
        return load_corpus(path)
    except FileNotFoundError:
        pass
    except OSError as problem:
        log.warning("the corpus is built anew: %s cannot be read (%s)", path, problem.strerror or problem)
        return build()
    except ValueError as problem:
        log.warning("the corpus is built anew and replaces its file: %s", problem)
    corpus = build()
    try:
        save_corpus(path, corpus)
    except OSError as problem:
        log.warning("the corpus is not kept: %s cannot be written (%s)", path.parent, problem.strerror or problem)
        return corpus
    _forget_older(path)
    return corpus


def _forget_older(path: Path) -> None:
    """Remove files of the same corpus that other code or versions made."""
    asked = path.name.rpartition("-")[0]
    for older in set(path.parent.glob(f"{asked}-*.h5")) - {path}:
        with suppress(OSError):  # another process may be reading it, which holds it on some systems
            older.unlink(missing_ok=True)
